"""Records of trials on machines that do not see the folder of the results.

The worker writes them to a folder of its own machine, and sends what changed with its reports. The
driver, which sees the results, writes it there.
"""

import hashlib
import os
import platform
import shutil
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG
from typing import Any, NamedTuple
from uuid import uuid4

from filelock import FileLock
from platformdirs import user_cache_path

from adaloss.records.places import APPLICATION, FILES_FOLDER
from adaloss.records.shared import is_of_trial
from adaloss.records.store import (
    CHECKPOINT_FILE,
    LOG_FILE,
    METRICS_FILE,
    RESULT_FILE,
    TRIAL_FILE,
    Store,
    make_epochs_durable,
)
from adaloss.records.writing import replacing
from adaloss.tasks.program.calls import CHECKPOINT
from adaloss.trial import Trial

# A trial's own, and a program's, which may be a folder.
CHECKPOINTS = (CHECKPOINT_FILE, f"{FILES_FOLDER}/{CHECKPOINT}")
# Of these, only what was added is sent; other files are sent whole.
APPENDED = (METRICS_FILE, LOG_FILE)
# It is still the same file if its last bytes are those that were sent last.
TAIL_BYTES = 4096
# A larger file, such as the checkpoint of a large model, stays on its machine: a trial that moves
# to another machine then starts over.
MOST_BYTES = 512 * 2**20
# Folders of runs that have not written for so long, and that ended without removing them.
DAYS_TO_KEEP = 7
# Keys of a worker's configuration and of its report.
MARK, RECORDS, FILES, KEPT = "mark", "records", "files", "kept"


class Part(NamedTuple):
    """The ``content`` of a file from ``offset`` to its end; None if the file is gone."""

    name: str
    offset: int
    content: bytes | None


class RecordGapError(OSError):
    """The beginning of a file has not arrived, so that its continuation cannot be written."""


class Stamp(NamedTuple):
    """What changes when a file changes."""

    inode: int
    size: int
    time: int


@dataclass
class AwayRecords:
    """The records of one trial on a machine that does not see the results.

    ``sent`` are the files as they were when they were sent, ``tails`` the ends of those of which
    only what is new is sent, and ``kept`` those too large to be sent.
    """

    store: Store
    trial: Trial
    sent: dict[str, Stamp] = field(default_factory=dict)
    tails: dict[str, bytes] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)

    def begin(self, arrived: Sequence[Part]) -> None:
        """Start with the records that the driver has, where there are any.

        A checkpoint that is only here, because it was too large to be sent, is kept.
        """
        folder = self.store.trial_folder(self.trial)
        kept = too_large(files_of(folder))
        remove_others(folder, [folder / name for name in kept])
        # What has arrived of it is older.
        written = [part for part in arrived if not is_in(part.name, kept)]
        write_parts(folder, written)
        names = {part.name for part in written}
        self.sent = {name: stamp for name, stamp in files_of(folder).items() if name in names}

    def report(self, *, ended: bool) -> dict[str, Any]:
        """What this machine's records add to a worker's report.

        The last removes them here, unless one of them is only here.
        """
        folder, known = self.store.trial_folder(self.trial), set(self.kept)
        report: dict[str, Any] = {FILES: self.changes()}
        if new := [self.where(name) for name in self.kept - known]:
            report[KEPT] = new
        os.utime(self.store.root)
        if ended and not any((folder / name).exists() for name in self.kept):
            shutil.rmtree(folder, ignore_errors=True)
        return report

    def where(self, name: str) -> str:
        """Where a file is that is too large to be sent."""
        path = self.store.trial_folder(self.trial) / name
        return (
            f"{self.trial.readable_name}: {name} is larger than {MOST_BYTES // 2**20} MiB and "
            f"stays on {platform.node()}, in {path}, for {DAYS_TO_KEEP} days after the run"
        )

    def changes(self) -> list[Part]:
        """What changed since the last call, the result last."""
        folder = self.store.trial_folder(self.trial)
        files = files_of(folder)
        self.kept.update(name for name, stamp in files.items() if stamp.size > MOST_BYTES)
        # Part of a checkpoint is none: elsewhere a trial would fail with it.
        stays = too_large(files)
        files = {name: stamp for name, stamp in files.items() if not is_in(name, stays)}
        gone = [Part(name, 0, None) for name in self.sent if name not in files]
        for name in [part.name for part in gone]:
            del self.sent[name]
        changed = [part for name in files if (part := self.change(folder, name, files[name]))]
        return gone + changed

    def change(self, folder: Path, name: str, now: Stamp) -> Part | None:
        """What is new in a file, or None."""
        before = self.sent.get(name)
        if now.size > MOST_BYTES or before == now:
            return None
        tail = self.tails.get(name, b"")
        offset = before.size if before and tail and before.size <= now.size else 0
        try:
            with (folder / name).open("rb") as file:
                file.seek(offset - len(tail) if offset else 0)
                if offset and file.read(len(tail)) != tail:
                    offset = file.seek(0)
                content = file.read(now.size - offset)
        except FileNotFoundError:
            # A file of the user's program; the next call sees that it is gone.
            return None
        self.sent[name] = now
        if name in APPENDED:
            self.tails[name] = ((tail if offset else b"") + content)[-TAIL_BYTES:]
        return Part(name, offset, content)


def files_of(folder: Path) -> dict[str, Stamp]:
    """The files of a trial by their names below its folder, the result last.

    Links, pipes and the like are none.
    """
    found: dict[str, Stamp] = {}
    for parent, folders, names in os.walk(folder):
        below = Path(parent).relative_to(folder)
        folders[:] = [name for name in folders if is_of_trial((below / name).as_posix())]
        for name in [path for each in names if is_of_trial(path := (below / each).as_posix())]:
            with suppress(FileNotFoundError):
                status = (folder / name).lstat()
                if S_ISREG(status.st_mode):
                    found[name] = Stamp(status.st_ino, status.st_size, status.st_mtime_ns)
    return dict(sorted(found.items(), key=lambda file: order(file[0])))


def order(name: str) -> tuple[int, str]:
    """The place of a file in a report: a checkpoint needs its epochs, a result all the others."""
    first = (TRIAL_FILE, METRICS_FILE, CHECKPOINT_FILE)
    if name == RESULT_FILE:
        return len(first) + 1, name
    return (first.index(name) if name in first else len(first)), name


def write_parts(folder: Path, parts: Sequence[Part]) -> None:
    """Write what has arrived into a trial's folder.

    Raises:
        RecordGapError: the beginning of a file is missing.
        OSError: a file cannot be written.
    """
    for name, offset, content in parts:
        path = folder / name
        if content is None:
            path.unlink(missing_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if offset:
            append(path, offset, content)
            continue
        if name == RESULT_FILE:
            make_epochs_durable(folder)
        durable = name in (CHECKPOINT_FILE, RESULT_FILE)
        with replacing(path, durable=durable) as temporary:
            temporary.write_bytes(content)


def append(path: Path, offset: int, content: bytes) -> None:
    """Write the file from the offset on."""
    with path.open("r+b") as file:
        if file.seek(0, os.SEEK_END) < offset:
            raise RecordGapError(f"the beginning of {path} has not arrived")
        file.truncate(offset)
        file.seek(offset)
        file.write(content)


def parts_of(store: Store, trial: Trial) -> list[Part]:
    """All that a worker on another machine needs to continue a trial; empty for a new one."""
    folder = store.trial_folder(trial)
    return [
        Part(name, 0, (folder / name).read_bytes())
        for name, stamp in files_of(folder).items()
        if name.partition("/")[0] not in ("attempts", "quarantine") and stamp.size <= MOST_BYTES
    ]


@contextmanager
def marked_results(store: Store) -> Iterator[str]:
    """A file in the results' folder, by whose name a worker knows that it sees this folder."""
    mark = f".seen-{uuid4().hex}"
    store.root.mkdir(parents=True, exist_ok=True)
    path = store.root / mark
    path.touch()
    try:
        yield mark
    finally:
        path.unlink(missing_ok=True)


def store_of(configuration: Mapping[str, Any]) -> Store:
    """The store that a worker writes to: the results, or a folder of its own machine."""
    results, mark = Path(configuration["store"]), configuration.get(MARK)
    if mark is None or (results / mark).exists():
        return Store(results)
    return Store(folder_of_run(mark))


def folder_of_run(mark: str) -> Path:
    """The folder of this machine for the run that made this mark."""
    return away_folder() / hashlib.sha256(mark.encode()).hexdigest()[:16]


def lock_of_this_machine() -> FileLock:
    """Held by the one process of this machine that downloads something."""
    away_folder().mkdir(parents=True, exist_ok=True)
    return FileLock(away_folder() / "downloads.lock")


def away_folder() -> Path:
    """The folder of this machine for records that are sent elsewhere."""
    return user_cache_path(APPLICATION) / "away"


def remove_old_records() -> None:
    """Remove what earlier runs left on this machine. One that goes on has a new time."""
    for folder in away_folder().glob("*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > DAYS_TO_KEEP * 24 * 3600:
                remove(folder)


def too_large(files: Mapping[str, Stamp]) -> list[str]:
    """The checkpoints that cannot be sent: a file of theirs is too large."""
    large = [name for name, stamp in files.items() if stamp.size > MOST_BYTES]
    return [place for place in CHECKPOINTS if any(is_in(name, [place]) for name in large)]


def is_in(name: str, places: Iterable[str]) -> bool:
    """Whether a file of this name is one of these files, or in one of these folders."""
    return any(name == place or name.startswith(f"{place}/") for place in places)


def remove_others(folder: Path, kept: Collection[Path]) -> None:
    """Remove what is in a folder, except these files and folders."""
    for path in folder.glob("*"):
        if any(path in each.parents for each in kept):
            remove_others(path, kept)
        elif path not in kept:
            remove(path)


def remove(path: Path) -> None:
    """Remove a file, a link, or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
