"""What of a sweep's results no command needs any more.

Only of trials with a result that can be read: a table, ``verify`` and W&B then need
``trial.json``, ``metrics.jsonl``, ``result.json``, ``log.txt`` and a program's own files, which are
never touched. Of a trial that failed its earlier attempts stay, because one may have been better.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from adaloss.errors import UserError
from adaloss.grid.sweep import load_sweep
from adaloss.records.file import CorruptRecordError
from adaloss.records.places import CAPTURE_FOLDER, FILES_FOLDER
from adaloss.records.result import TrialResult, TrialState
from adaloss.records.store import CHECKPOINT_FILE, TEMPORARY_FILES, Store
from adaloss.tasks.program.calls import CHECKPOINT, forget
from runners.tidy.overview import COUNTS_FILE
from runners.tidy.records import recorded_in, trial_folders
from runners.tidy.sizes import Size, size_of, total
from runners.tracking.ledger import Mirrored, ledger_of

CHECKPOINTS, ATTEMPTS, QUARANTINED, PARTIAL, UPLOADED, CACHES = (
    "checkpoints",
    "attempts",
    "quarantined",
    "partial",
    "uploaded",
    "caches",
)
KINDS = {
    CHECKPOINTS: "checkpoints of finished trials",
    ATTEMPTS: "earlier attempts of finished trials",
    QUARANTINED: "quarantined records of finished trials",
    PARTIAL: "files that were needed while trials ran",
    UPLOADED: "offline W&B runs that are uploaded",
    CACHES: "indexes and caches, which are made again",
}
"""What can be freed, by kind."""


@dataclass(frozen=True, kw_only=True)
class Garbage:
    """Files and folders of one kind that can be deleted."""

    kind: str
    paths: tuple[Path, ...]
    size: Size


@dataclass(frozen=True, kw_only=True)
class Found:
    """What can be deleted of a sweep, and the checkpoints that its grid asks to keep."""

    garbage: tuple[Garbage, ...]
    kept_checkpoints: Size

    @property
    def size(self) -> Size:
        """All of it."""
        return total(each.size for each in self.garbage)


def garbage_of(store: Store, *, with_kept: bool) -> Found:
    """What can be deleted; ``with_kept`` takes the checkpoints that the grid asks to keep, too."""
    by_kind: dict[str, list[Path]] = {kind: [] for kind in KINDS}
    kept: list[Path] = []
    keep = not with_kept and asks_to_keep(store)
    for folder in trial_folders(store):
        try:
            found = recorded_in(folder, store)
        except CorruptRecordError:
            continue
        if found.result is None:
            continue
        checkpoints = (folder / CHECKPOINT_FILE, folder / FILES_FOLDER / CHECKPOINT)
        (kept if keep else by_kind[CHECKPOINTS]).extend(existing(checkpoints))
        by_kind[PARTIAL].extend(partial_files(folder))
        if found.result.state is not TrialState.FAILED:
            by_kind[ATTEMPTS].extend(entries(folder / "attempts"))
            by_kind[QUARANTINED].extend(entries(folder / "quarantine"))
        by_kind[UPLOADED].extend(uploaded_runs(found.trial.trial_id, found.result, store))
    by_kind[UPLOADED].extend(uploaded_runs_of_sweeps(store))
    by_kind[CACHES].extend(caches(store))
    return Found(
        garbage=tuple(
            Garbage(kind=kind, paths=tuple(paths), size=total(map(size_of, paths)))
            for kind, paths in by_kind.items()
            if paths
        ),
        kept_checkpoints=total(map(size_of, kept)),
    )


def asks_to_keep(store: Store) -> bool:
    """Whether the grid asks to keep checkpoints; one that cannot be read may."""
    try:
        return load_sweep(store.grid_path).grid.execution.keep_checkpoints
    except (UserError, OSError):
        return True


def existing(paths: Iterable[Path]) -> Iterator[Path]:
    """Those that exist and are no links."""
    return (path for path in paths if path.exists() and not path.is_symlink())


def entries(folder: Path) -> Iterator[Path]:
    """What is in a folder, which may be missing; a link to one is none."""
    if folder.is_dir() and not folder.is_symlink():
        yield from sorted(folder.iterdir())


def partial_files(folder: Path) -> Iterator[Path]:
    """What a killed process has left, and what was read of a program while it ran."""
    for pattern in TEMPORARY_FILES:
        yield from folder.glob(pattern)
    yield from existing(folder / name for name in (CAPTURE_FOLDER, f"{CAPTURE_FOLDER}.old"))


def uploaded_runs(run_id: str, result: TrialResult, store: Store) -> Iterator[Path]:
    """The files of a trial's runs, if W&B's server has this result."""
    online = ledger_of(store, "online").read(run_id)
    if online is not None and online.is_whole(result, online.where):
        yield from files_of_run(run_id, online, store)


def uploaded_runs_of_sweeps(store: Store) -> Iterator[Path]:
    """The files of runs with a sweep's tables, if W&B's server has the same tables."""
    for folder in entries(store.root / "wandb" / "offline"):
        online = ledger_of(store, "online").read(folder.name)
        offline = ledger_of(store, "offline").read(folder.name)
        is_sweeps = folder.name.startswith("sweep-")
        if is_sweeps and online and offline and online.digest == offline.digest:
            yield from files_of_run(folder.name, online, store)


def files_of_run(run_id: str, online: Mirrored, store: Store) -> Iterator[Path]:
    """A run's files, unless they are of another project than the uploaded run."""
    offline = ledger_of(store, "offline").read(run_id)
    if offline is None or online.where.rpartition("/")[2] == offline.where:
        yield from existing(store.root / "wandb" / mode / run_id for mode in ("offline", "online"))


def caches(store: Store) -> Iterator[Path]:
    """The indexes of records, and the database of ``watch``.

    Not ``index/compiled.json``: the next run learns from it which files are no longer the sweep's.
    """
    yield from sorted((store.root / "index").glob("*.parquet"))
    yield from existing((store.root / COUNTS_FILE, store.root / "trackio"))


def free(found: Found) -> None:
    """Delete it. What is deleted is not needed, so an interruption leaves nothing to repair."""
    for garbage in found.garbage:
        for path in garbage.paths:
            forget(path)
            if garbage.kind in (ATTEMPTS, QUARANTINED):
                # The last of them leaves an empty folder.
                with suppress(OSError):
                    path.parent.rmdir()
