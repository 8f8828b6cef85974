"""Two results of one sweep, such as half of its seeds from each of two machines, become one.

The second is only read. Everything is copied beside the first before anything of it changes; then
whole folders are renamed, those that are kept aside first, and the grid is written last. So a merge
that is killed has lost nothing, and the same command finishes it.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from uuid import uuid4

from adaloss.errors import UserError
from adaloss.records.remote.transfer import CONFLICTS
from adaloss.records.store import GRID_FILE, TEMPORARY_FILES, Store
from runners.tidy.archive import is_packed
from runners.tidy.merged_grid import MergedGrid, is_in
from runners.tidy.overview import LEFT_BEHIND
from runners.tidy.rename import begun_again, check_name
from runners.tidy.same_trial import Meeting, meeting
from runners.tidy.sizes import counted

MOST_NAMED = 10
Preferred = Literal["first", "second"]


class ConflictError(UserError):
    """Both have a result of a trial, with other numbers; the message names each."""


@dataclass(frozen=True, kw_only=True)
class Merge:
    """What a merge does: trials that only the second has, and those that both have."""

    added: tuple[str, ...]
    meetings: tuple[Meeting, ...]

    @property
    def conflicts(self) -> tuple[Meeting, ...]:
        """The trials with different results."""
        return tuple(each for each in self.meetings if each.conflict is not None)

    @property
    def replacing(self) -> int:
        """The number of trials of which the second's record takes the place of the first's."""
        return sum(each.takes_second for each in self.meetings)

    @property
    def equal(self) -> int:
        """The number of trials with the same record, but for times, in both."""
        return sum(each.is_same for each in self.meetings)

    @property
    def declined(self) -> int:
        """The number of trials of which the first's record stays, and the second's is another."""
        return sum(each.is_declined for each in self.meetings)


def plan_merge(first: Store, second: Store, prefer: Preferred | None) -> Merge:
    """Compare all trials, and settle conflicts with ``prefer``.

    Raises:
        ConflictError: there are conflicts and no preference.
    """
    ours, theirs = names_in(first), names_in(second)
    both = [meeting(name, first, second) for name in sorted(ours & theirs)]
    conflicts = [each for each in both if each.conflict is not None]
    if conflicts and prefer is None:
        named = "\n".join(
            f"  {each.folder}: {each.conflict}" for each in conflicts[:MOST_NAMED]
        ) + (f"\n  … and {len(conflicts) - MOST_NAMED} more" if len(conflicts) > MOST_NAMED else "")
        raise ConflictError(
            f"{counted(len(conflicts), 'trial')} with different results in {first.root} and "
            f"{second.root}:\n"
            f"{named}\nnothing was written: choose with --prefer first or --prefer second; the "
            f"other results are then kept in {CONFLICTS}/"
        )
    settled = (
        replace(each, takes_second=prefer == "second") if each.conflict is not None else each
        for each in both
    )
    return Merge(added=tuple(sorted(theirs - ours)), meetings=tuple(settled))


def names_in(store: Store) -> set[str]:
    """The names of what is in the place of trials, without what was left half copied."""
    try:
        return {path.name for path in store.trials_folder.iterdir() if path.name[0] != "."}
    except FileNotFoundError:
        return set()


def merge_into(first: Store, second: Store, merge: Merge, grid: MergedGrid) -> Path | None:
    """Carry the merge out in the folder of the first; return the folder of what is kept aside."""
    aside = first.root / CONFLICTS / uuid4().hex[:12]
    staging = first.root / f"{LEFT_BEHIND}merge-{uuid4().hex[:8]}"
    for left in first.root.glob(f"{LEFT_BEHIND}merge-*"):
        # Of a merge that was killed, whose trials the second still has.
        shutil.rmtree(left)
    taken = [*merge.added, *(each.folder for each in merge.meetings if each.takes_second)]
    replaced = [each.folder for each in merge.meetings if each.takes_second]
    declined = [
        each.folder for each in merge.meetings if each.keeps_other and not each.takes_second
    ]
    try:
        copy(second.trials_folder, taken, staging / "taken")
        copy(second.trials_folder, declined, staging / "aside" / "trials")
        copy(second.root / CONFLICTS, entries(second.root / CONFLICTS), staging / CONFLICTS)
        for store, name in ((first, f"first.{GRID_FILE}"), (second, f"second.{GRID_FILE}")):
            if store.grid_path.is_file() and not is_in(grid, store.grid_path):
                (staging / "aside").mkdir(parents=True, exist_ok=True)
                shutil.copy2(store.grid_path, staging / "aside" / name)
        copy_runs(first, second, taken, staging / "runs")
        if (staging / "aside").is_dir():
            aside.parent.mkdir(exist_ok=True)
            (staging / "aside").rename(aside)
        for name in entries(staging / CONFLICTS):
            aside.parent.mkdir(exist_ok=True)
            if not (aside.parent / name).exists():
                (staging / CONFLICTS / name).rename(aside.parent / name)
        for name in replaced:
            (aside / "trials").mkdir(parents=True, exist_ok=True)
            (first.trials_folder / name).rename(aside / "trials" / name)
            (staging / "taken" / name).rename(first.trials_folder / name)
        first.trials_folder.mkdir(exist_ok=True)
        for name in merge.added:
            (staging / "taken" / name).rename(first.trials_folder / name)
        for path in files(staging / "runs"):
            target = first.root / "wandb" / path.relative_to(staging / "runs")
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
        first.write_text(first.grid_path, grid.text)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return aside if aside.is_dir() else None


@contextmanager
def copied_to(target: Path, source: Store) -> Iterator[Store]:
    """A copy of the results, which gets its place after the block; if that fails, it is deleted.

    What is of this machine alone is not copied. Runs at W&B have the old name, and are sent again.

    Raises:
        UserError: the target exists, or its name cannot be a sweep's.
    """
    check_name(target.name, target)
    staging = target.with_name(f"{LEFT_BEHIND}merge-{uuid4().hex[:8]}")

    def ignored(folder: str, names: list[str]) -> set[str]:
        is_top = Path(folder) == source.root
        return {name for name in names if not is_packed(name, is_top=is_top)}

    try:
        shutil.copytree(source.root, staging, symlinks=True, ignore=ignored)
        copy = Store(staging, source.unreadable)
        yield copy
        begun_again(copy)
        check_name(target.name, target)
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def copy(source: Path, names: Sequence[str], target: Path) -> None:
    """Copy files and folders with these names, links as links."""
    for name in names:
        target.mkdir(parents=True, exist_ok=True)
        path = source / name
        if path.is_dir() and not path.is_symlink():
            ignore = shutil.ignore_patterns(*TEMPORARY_FILES)
            shutil.copytree(path, target / name, symlinks=True, ignore=ignore)
        else:
            shutil.copy2(path, target / name, follow_symlinks=False)


def copy_runs(first: Store, second: Store, taken: Sequence[str], target: Path) -> None:
    """Copy what says which runs W&B has, and offline runs, of the trials that are taken.

    Only where the first has none: a run that both wrote is sent again if its result is another.
    """
    ours, theirs = first.root / "wandb", second.root / "wandb"
    ids = {name.rpartition("-")[2] for name in taken}
    for ledger in entries(theirs / "mirrored"):
        names = [f"{run}.json" for run in ids]
        wanted = [n for n in names if (theirs / "mirrored" / ledger / n).is_file()]
        wanted = [n for n in wanted if not (ours / "mirrored" / ledger / n).exists()]
        copy(theirs / "mirrored" / ledger, wanted, target / "mirrored" / ledger)
    for run in ids:
        if (theirs / "offline" / run).is_dir() and not (ours / "offline" / run).exists():
            copy(theirs / "offline", [run], target / "offline")


def entries(folder: Path) -> list[str]:
    """The names in a folder, which may be missing."""
    return sorted(os.listdir(folder)) if folder.is_dir() else []  # noqa: PTH208


def files(folder: Path) -> Iterator[Path]:
    """The files and links below a folder, which may be missing."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_dir():
            yield path
