"""Every path and every read and write of results; what exists under its final name is whole."""

import json
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from uuid import uuid4

from adaloss.records.content import History, parsed_history, parsed_result, parsed_trial
from adaloss.records.file import CorruptRecordError, read_record
from adaloss.records.printable import shortened
from adaloss.records.result import EpochMetrics, Failure, TrialResult
from adaloss.trial import Trial

__all__ = ["CorruptRecordError", "Store", "replacing"]

GRID_FILE = "grid.yaml"
TRIAL_FILE = "trial.json"
METRICS_FILE = "metrics.jsonl"
RESULT_FILE = "result.json"
CHECKPOINT_FILE = "checkpoint.pt"
LOG_FILE = "log.txt"
STACK_FILE = ".stack.txt"
# result.json is last: until it is moved away, the trial still counts as finished.
RECORDS_OF_AN_ATTEMPT = (CHECKPOINT_FILE, METRICS_FILE, LOG_FILE, RESULT_FILE)
TEMPORARY_FILES = (
    STACK_FILE,
    *(f".{name}.*" for name in (TRIAL_FILE, METRICS_FILE, CHECKPOINT_FILE, RESULT_FILE)),
)

MOST_RESULT_BYTES = 2 * 1024**2
MOST_METRICS_BYTES = 64 * 1024**2
LONGEST_FAILURE = 50_000

Listener = Callable[[CorruptRecordError], object]


def refuse(error: CorruptRecordError) -> None:
    """Raise the error: without somebody to be told of it, it is not passed over."""
    raise error


def ignore(error: CorruptRecordError) -> None:
    """Leave it at that: for who is about to set the record aside."""


@dataclass(frozen=True)
class Store:
    """The results of one sweep below ``<storage>/<sweep name>``.

    Any number of processes may read while one process per trial writes: files other than
    ``metrics.jsonl`` and ``log.txt`` appear whole, by rename.

    A record that cannot be read is told to ``unreadable`` and counts as missing; by default it
    is raised.
    """

    root: Path
    unreadable: Listener = field(default=refuse, repr=False, compare=False)

    @cached_property
    def trials_folder(self) -> Path:
        """The folder that holds one folder per trial."""
        return self.root / "trials"

    @property
    def grid_path(self) -> Path:
        """The copy of the grid that the trials came from."""
        return self.root / GRID_FILE

    @property
    def tables_folder(self) -> Path:
        """Where the compiled tables go."""
        return self.root / "tables"

    @property
    def figures_folder(self) -> Path:
        """Where the figures go."""
        return self.root / "figures"

    def folder_name(self, trial: Trial) -> str:
        """The name of one trial's folder below :attr:`trials_folder`."""
        return f"{trial.readable_name}-{trial.trial_id}"

    def trial_folder(self, trial: Trial) -> Path:
        """The folder of one trial, whether it exists or not."""
        return self.trials_folder / self.folder_name(trial)

    def checkpoint_path(self, trial: Trial) -> Path:
        """Where the trial's whole state is kept while it runs."""
        return self.trial_folder(trial) / CHECKPOINT_FILE

    def log_path(self, trial: Trial) -> Path:
        """Where the trial's own output goes."""
        return self.trial_folder(trial) / LOG_FILE

    def stack_path(self, trial: Trial) -> Path:
        """Where a running trial leaves where it stood, should it be ended by its time limit."""
        return self.trial_folder(trial) / STACK_FILE

    def is_open(self, trial: Trial) -> bool:
        """Whether the trial has been started before."""
        return (self.trial_folder(trial) / TRIAL_FILE).exists()

    def open_trial(self, trial: Trial) -> Path:
        """Create the trial's folder and its ``trial.json``; returns the folder."""
        folder = self.trial_folder(trial)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / TRIAL_FILE).exists():
            content = trial.model_dump() | {"trial_id": trial.trial_id}
            with replacing(folder / TRIAL_FILE, durable=False) as temporary:
                write_utf8(temporary, json.dumps(content, indent=2) + "\n")
        return folder

    def clear_temporary(self, trial: Trial) -> None:
        """Remove what processes that were killed left half written; nobody else may be writing."""
        folder = self.trial_folder(trial)
        for name in TEMPORARY_FILES:
            for path in folder.glob(name):
                path.unlink(missing_ok=True)

    def check_trial(self, trial: Trial) -> None:
        """Hold ``trial.json``, where there is one, against the trial.

        Raises:
            CorruptRecordError: it cannot be read, or describes another trial.
        """
        path = self.trial_folder(trial) / TRIAL_FILE
        try:
            described = parsed_trial(read_record(path, MOST_RESULT_BYTES), path)
        except FileNotFoundError:
            return
        if described.trial_id != trial.trial_id:
            raise CorruptRecordError(path, f"describes another trial, {described.trial_id}")

    def append_metrics(self, trial: Trial, metrics: EpochMetrics) -> None:
        """Add one epoch's line to ``metrics.jsonl``."""
        with (self.trial_folder(trial) / METRICS_FILE).open("a", encoding="utf-8") as lines:
            lines.write(metrics.model_dump_json() + "\n")

    def read_metrics(self, trial: Trial) -> tuple[EpochMetrics, ...]:
        """The recorded epochs in order; a last line cut short by a crash is not one.

        What cannot be read is told to ``unreadable``; the epochs before it are given.
        """
        history = self.read_history(trial)
        if history.problem is not None:
            self.unreadable(history.problem)
        return history.epochs

    def read_history(self, trial: Trial) -> History:
        """The recorded epochs that can be read, and what of them cannot."""
        path = self.trial_folder(trial) / METRICS_FILE
        try:
            return parsed_history(read_record(path, MOST_METRICS_BYTES), path, trial)
        except FileNotFoundError:
            return History(epochs=())
        except CorruptRecordError as error:
            problem = CorruptRecordError(path, error.why, "no epoch is known")
            return History(epochs=(), problem=problem)

    def keep_metrics(self, trial: Trial, history: tuple[EpochMetrics, ...]) -> None:
        """Rewrite ``metrics.jsonl`` to just these epochs: what a resumed trial starts from."""
        with replacing(self.trial_folder(trial) / METRICS_FILE, durable=False) as temporary:
            lines = "".join(line.model_dump_json() + "\n" for line in history)
            write_utf8(temporary, lines)

    def write_result(self, trial: Trial, result: TrialResult) -> None:
        """Write ``result.json`` once and whole: from then on the trial is finished."""
        told = result.model_copy(update={"failure": storable(result.failure)})
        with replacing(self.open_trial(trial) / RESULT_FILE, durable=True) as temporary:
            write_utf8(temporary, told.model_dump_json(indent=2) + "\n")

    def read_result(self, trial: Trial) -> TrialResult | None:
        """The trial's result, None while it is not finished or where it cannot be read."""
        path = self.trials_folder.joinpath(self.folder_name(trial), RESULT_FILE)
        try:
            content = read_record(path, MOST_RESULT_BYTES)
            return parsed_result(content, path, trial)
        except FileNotFoundError:
            return None
        except CorruptRecordError as error:
            self.unreadable(error)
            return None

    def set_aside(self, trial: Trial) -> Path:
        """Move a finished attempt's records into ``attempts/N`` so that the trial runs anew."""
        return self.move_away(trial, RECORDS_OF_AN_ATTEMPT, "attempts")

    def quarantine(self, trial: Trial, names: Collection[str]) -> Path:
        """Move files that cannot be read, of these names, into ``quarantine/N``; none is lost."""
        return self.move_away(trial, names, "quarantine")

    def move_away(self, trial: Trial, names: Collection[str], where: str) -> Path:
        """Move files of the trial's folder into a new, numbered folder below it."""
        folder = self.trial_folder(trial)
        target = numbered_folder(folder / where)
        for name in names:
            # Links and all: what a link points to stays where it is.
            if os.path.lexists(folder / name):
                (folder / name).rename(target / name)
        return target

    def write_text(self, path: Path, text: str) -> None:
        """Write a compiled file (a table, a copy of the grid) below the sweep's folder."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, durable=False) as temporary:
            write_utf8(temporary, text)


def storable(failure: Failure | None) -> Failure | None:
    """The failure with texts that fit into a record: of any length, and not quite Unicode."""
    if failure is None:
        return None
    texts = {"message": failure.message, "traceback": failure.traceback}
    return failure.model_copy(
        update={
            name: shortened(text, LONGEST_FAILURE).encode(errors="backslashreplace").decode()
            for name, text in texts.items()
        }
    )


def numbered_folder(parent: Path) -> Path:
    """A new folder below ``parent``: the next number that is free."""
    # Nothing is moved out of the storage by way of a link.
    while os.path.lexists(parent) and (parent.is_symlink() or not parent.is_dir()):
        parent = parent.with_name(f"{parent.name}_")
    number = 1
    while os.path.lexists(parent / str(number)):
        number += 1
    folder = parent / str(number)
    folder.mkdir(parents=True)
    return folder


def write_utf8(path: Path, text: str) -> None:
    """Write a file whose encoding does not depend on the user's locale."""
    path.write_text(text, encoding="utf-8")


@contextmanager
def replacing(path: Path, *, durable: bool) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place, whole, when the block succeeds.

    ``durable`` waits until the content is on the disk, for records that must survive a power cut.
    """
    # Not mkstemp: its files are private, and results follow the user's umask.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{uuid4().hex[:8]}")
    try:
        yield temporary
        if durable:
            synchronise(temporary)
        temporary.replace(path)
        if durable:
            synchronise(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def synchronise(path: Path) -> None:
    """Wait until a file's content, or a folder's entries, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
