"""The grid of two results that become one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from adaloss.errors import UserError
from adaloss.grid.mistakes.problems import GridError
from adaloss.grid.reading.edited import edited
from adaloss.grid.reading.file import read_grid_text
from adaloss.grid.sweep import Sweep, load_sweep, sweep_of
from adaloss.records.store import Store
from runners.tidy.records import trial_folders
from runners.tidy.sizes import counted


@dataclass(frozen=True, kw_only=True)
class MergedGrid:
    """A grid's text with all trials of both, and where it comes from, in words.

    ``origin`` is the text that was changed for it, and of which nothing else is lost.
    """

    text: str
    origin: str
    source: str


def merged_grid(one: Store, other: Store) -> MergedGrid:
    """The grid that declares the trials of both, and nothing else.

    That is the one of the two that has them all. If the two differ in their seeds only, it is the
    first with the seeds of both.

    What optimizers take that are not found here is read from the records of both.

    Raises:
        UserError: there is none; the message says in what the grids differ.
    """
    records = (one.trials_folder, other.trials_folder)
    first, second = (load_sweep(each.grid_path, records) for each in (one, other))
    ours, theirs = ids(first), ids(second)
    if first.text == second.text:
        return MergedGrid(text=first.text, origin=first.text, source="that of both")
    if theirs <= ours:
        return taken_from(first)
    if ours <= theirs:
        return taken_from(second)
    seeds = sorted({*first.grid.seeds, *second.grid.seeds})
    try:
        text = edited(first.source, first.text, {"seeds": seeds})
        united = ids(sweep_of(read_grid_text(first.source, text), records))
    except UserError:
        united = set()
    if united == ours | theirs:
        return MergedGrid(
            text=text,
            origin=first.text,
            source=f"that of {first.source.parent} with the seeds of both",
        )
    raise UserError(
        f"the grids differ in {', '.join(differing_keys(first, second))}: "
        f"{first.source.parent} has {len(ours - theirs)} trials that {second.source.parent} lacks, "
        f"and lacks {len(theirs - ours)}; nothing was written: write a grid with the trials of "
        "both and pass it with --grid FILE"
    )


def left_out(chosen: Sweep, stores: Sequence[Store]) -> str | None:
    """How many trials on record the user's own grid for both lacks, in words; None if it has all.

    Raises:
        UserError: it has none of them.
    """
    known = ids(chosen)
    recorded = [
        [path.name for path in trial_folders(each) if path.name[0] != "."] for each in stores
    ]
    lacking = [sum(name.rpartition("-")[2] not in known for name in names) for names in recorded]
    if not any(lacking):
        return None
    named = " and ".join(
        f"{counted(number, 'trial')} of {store.root}"
        for number, store in zip(lacking, stores, strict=True)
        if number
    )
    if sum(lacking) == sum(map(len, recorded)):
        raise UserError(
            f"--grid {chosen.source} has none of the trials on record: {named}; nothing was "
            "written: write a grid with the trials of both"
        )
    return (
        f"{named} {'is' if sum(lacking) == 1 else 'are'} not in {chosen.source}, so that no table "
        "shows them; a merge with a grid that has the trials of both does"
    )


def taken_from(sweep: Sweep) -> MergedGrid:
    """The grid of one of the two."""
    return MergedGrid(text=sweep.text, origin=sweep.text, source=f"that of {sweep.source.parent}")


def is_in(grid: MergedGrid, path: Path) -> bool:
    """Whether the merged grid has all of this file, except perhaps its name and comments."""
    try:
        one, other = (
            read_grid_text(path, text).data
            for text in (grid.origin, path.read_text(encoding="utf-8"))
        )
    except (GridError, UnicodeDecodeError):
        return False
    return {**one, "name": None} == {**other, "name": None}


def ids(sweep: Sweep) -> set[str]:
    """The ids of the sweep's trials."""
    return {trial.trial_id for trial in sweep.trials}


def differing_keys(first: Sweep, second: Sweep) -> list[str]:
    """The keys of the grids, and the parameters, whose values differ."""
    one, other = (sweep.grid.model_dump() for sweep in (first, second))
    found: list[str] = []
    for key in one:
        if one[key] == other[key] or key == "name":
            continue
        if key == "parameters":
            found += [f"parameters.{name}" for name in changed(one[key], other[key])]
        else:
            found.append(key)
    return found or ["their text"]


def changed(one: dict[str, object], other: dict[str, object]) -> Iterable[str]:
    """The names whose values differ."""
    return (name for name in dict.fromkeys((*one, *other)) if one.get(name) != other.get(name))
