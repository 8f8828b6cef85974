"""What a storage has: a line for each sweep, and why a folder cannot be read."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from adaloss.errors import UserError
from adaloss.grid.sweep import load_sweep
from adaloss.records.file import CorruptRecordError
from adaloss.records.results_folder import store_at
from adaloss.records.store import GRID_FILE, RESULT_FILE, Store
from runners.planning import make_plan
from runners.preflight.run_lock import is_held, owner
from runners.tidy.sizes import Size, files_below, on_disk

SMOKE = "smoke"
"""The folder of smoke runs, which is a storage in the storage."""
COUNTS_FILE = Path("index", "counts.json")
# Raise this when the same records would be counted in another way.
COUNTS_VERSION = 1
LEFT_BEHIND = ".tidy-"
"""How the folders begin that a command needs for a moment; see :data:`STOPPED`."""
STOPPED = "left by a command that was killed; see it through or `adaloss-sweep rm` it"


class Counts(BaseModel):
    """The trials of a sweep by state; ``stamp`` identifies the records that were counted.

    ``unreadable`` results count as missing. ``last_run`` is when the last trial finished.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stamp: str
    trials: int
    complete: int
    diverged: int
    failed: int
    unreadable: int
    last_run: str | None


@dataclass(frozen=True, kw_only=True)
class Overview:
    """A sweep's folder. ``running`` is the process that runs it now.

    Without ``counts`` the folder cannot be read, and ``problem`` says why.
    """

    name: str
    size: Size
    counts: Counts | None = None
    running: str | None = None
    problem: str | None = None

    @property
    def state(self) -> str:
        """Running, complete, incomplete or unreadable."""
        if self.counts is None:
            return "unreadable"
        if self.running is not None:
            return "running"
        return "complete" if self.done == self.counts.trials else "incomplete"

    @property
    def done(self) -> int:
        """The number of trials with a result."""
        found = self.counts
        return 0 if found is None else found.complete + found.diverged + found.failed


def overviews(storage: Path) -> Iterator[Overview]:
    """Every folder of the storage, by name, and those of its smoke runs.

    Raises:
        UserError: there is no such folder, or it is the folder of one sweep.
    """
    if not storage.is_dir():
        raise UserError(f"{storage}: there is no such folder: name one with --storage")
    if Store(storage).grid_path.is_file():
        raise UserError(
            f"{storage} is the folder of one sweep: `adaloss-sweep status {storage}` shows it; "
            "list takes the folder above it"
        )
    for folder in sorted(storage.iterdir()):
        if not folder.is_dir() or is_hidden(folder.name):
            continue
        if folder.name == SMOKE and not Store(folder).grid_path.exists():
            yield from (
                replace(each, name=f"{SMOKE}/{each.name}")
                for each in map(
                    overview, sorted(path for path in folder.iterdir() if path.is_dir())
                )
            )
        else:
            yield overview(folder)


def is_hidden(name: str) -> bool:
    """Whether the folder is no sweep's: what a killed command has left is shown."""
    return name.startswith(".") and not name.startswith(LEFT_BEHIND)


def overview(folder: Path) -> Overview:
    """The line of one folder, which may be anything."""
    store, size = Store(folder), Size()
    try:
        size, stamp = measured(folder)
        if folder.name.startswith(LEFT_BEHIND):
            return Overview(name=folder.name, size=size, problem=STOPPED)
        counts = counts_of(store, stamp)
        running = owner(store) if is_held(store) else None
    except OSError as error:
        problem = error.strerror or type(error).__name__
        return Overview(name=folder.name, size=size, problem=problem)
    except UserError as error:
        problem = str(error).splitlines()[0].removeprefix(f"{folder}: ")
        return Overview(name=folder.name, size=size, problem=problem)
    return Overview(name=folder.name, size=size, counts=counts, running=running)


def measured(folder: Path) -> tuple[Size, str]:
    """The size of a sweep's folder, and a stamp that changes with its grid and results."""
    # In a loop of its own, without objects: there may be a hundred thousand files.
    files, space = 0, 0
    ours = []
    endings = (f"{os.sep}{RESULT_FILE}", str(folder / GRID_FILE))
    for path, status in files_below(folder):
        files += 1
        space += on_disk(status)
        if path.endswith(endings):
            name = path.removeprefix(str(folder))
            ours.append(f"{name} {status.st_ino} {status.st_size} {status.st_mtime_ns}")
    about = (f"{COUNTS_VERSION} {version('adaloss-sweep')}", *sorted(ours))
    digest = hashlib.sha256("\n".join(about).encode(errors="surrogateescape"))
    return Size(files, space), digest.hexdigest()


def counts_of(store: Store, stamp: str) -> Counts:
    """The counts of the records with this stamp, from the last time if they are the same.

    Raises:
        UserError: these are no results, or their grid cannot be read.
    """
    with suppress(OSError, ValidationError):
        before = Counts.model_validate_json((store.root / COUNTS_FILE).read_bytes())
        if before.stamp == stamp:
            return before
    counts = counted(store, stamp)
    # A folder that can only be read is counted each time.
    with suppress(OSError):
        store.write_text(store.root / COUNTS_FILE, counts.model_dump_json() + "\n")
    return counts


def counted(store: Store, stamp: str) -> Counts:
    """Count the sweep's trials by state, from their records.

    Raises:
        UserError: see :func:`counts_of`.
    """
    if not store.grid_path.is_file():
        # Raises the error that says what the folder lacks.
        store_at(store.root)
    sweep = load_sweep(store.grid_path)
    damaged: list[CorruptRecordError] = []
    made = make_plan(sweep.name, sweep.trials, replace(store, unreadable=damaged.append))
    states = Counter(result.state.value for result in made.results.values())
    return Counts(
        stamp=stamp,
        trials=len(made.trials),
        complete=states["complete"],
        diverged=states["diverged"],
        failed=states["failed"],
        unreadable=len(damaged),
        last_run=max((result.finished_at for result in made.results.values()), default=None),
    )
