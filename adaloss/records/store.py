"""The paths of a sweep's results, and the reads and writes of them.

Only checkpoints are written elsewhere: by :mod:`adaloss.execution`, which makes them.
"""

import json
import os
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from adaloss.records.content import History, parsed_history, parsed_result, parsed_trial
from adaloss.records.file import CorruptRecordError, read_record
from adaloss.records.places import FILES_FOLDER
from adaloss.records.printable import shortened
from adaloss.records.result import EpochMetrics, Failure, TrialResult, TrialState
from adaloss.records.writing import replacing, synchronise, write_utf8
from adaloss.trial import Trial

__all__ = ["CorruptRecordError", "Store"]

GRID_FILE = "grid.yaml"
TRIAL_FILE = "trial.json"
METRICS_FILE = "metrics.jsonl"
RESULT_FILE = "result.json"
CHECKPOINT_FILE = "checkpoint.pt"
LOG_FILE = "log.txt"
STACK_FILE = ".stack.txt"
CLAIM_FILE = ".claim"
# The lock of a run, and which process holds it.
LOCK_FILE, OWNER_FILE = "run.lock", "run.owner"
# result.json is moved last: the trial counts as finished until then.
RECORDS_OF_AN_ATTEMPT = (CHECKPOINT_FILE, METRICS_FILE, LOG_FILE, FILES_FOLDER, RESULT_FILE)
TEMPORARY_FILES = (
    STACK_FILE,
    f"{CLAIM_FILE}*",
    *(f".{name}.*" for name in (TRIAL_FILE, METRICS_FILE, CHECKPOINT_FILE, RESULT_FILE)),
)

MOST_RESULT_BYTES = 2 * 1024**2
MOST_METRICS_BYTES = 64 * 1024**2
LONGEST_FAILURE = 50_000

Listener = Callable[[CorruptRecordError], object]


def raise_error(error: CorruptRecordError) -> None:
    """Raise the error: the default listener."""
    raise error


def ignore(error: CorruptRecordError) -> None:
    """Ignore the error: for callers that set unreadable records aside or have reported them."""


@dataclass(frozen=True)
class Store:
    """The results of one sweep in ``<storage>/<sweep name>``.

    Any number of processes may read while one process per trial writes. Files other than
    ``metrics.jsonl`` and ``log.txt`` are renamed to their final name when they are complete.

    A record that cannot be read is reported to ``unreadable``, which raises the error by default.
    If it returns, the record counts as missing.
    """

    root: Path
    unreadable: Listener = field(default=raise_error, repr=False, compare=False)

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
        """The folder of the compiled tables."""
        return self.root / "tables"

    @property
    def figures_folder(self) -> Path:
        """The folder of the figures."""
        return self.root / "figures"

    def folder_name(self, trial: Trial) -> str:
        """The name of a trial's folder in :attr:`trials_folder`."""
        return f"{trial.readable_name}-{trial.trial_id}"

    def trial_folder(self, trial: Trial) -> Path:
        """The folder of a trial. It may not exist yet."""
        return self.trials_folder / self.folder_name(trial)

    def checkpoint_path(self, trial: Trial) -> Path:
        """The checkpoint of the trial: its whole state."""
        return self.trial_folder(trial) / CHECKPOINT_FILE

    def log_path(self, trial: Trial) -> Path:
        """The log with the output of the trial."""
        return self.trial_folder(trial) / LOG_FILE

    def stack_path(self, trial: Trial) -> Path:
        """The file with the stacks of the trial's threads if its time limit ends it."""
        return self.trial_folder(trial) / STACK_FILE

    def started(self, trials: Iterable[Trial]) -> list[Trial]:
        """Those of the trials that have a folder, found by one look into the folder of all."""
        try:
            with os.scandir(self.trials_folder) as entries:
                names = {entry.name for entry in entries}
        except FileNotFoundError:
            return []
        except OSError:
            # Reading each trial says what is wrong.
            return list(trials)
        return [trial for trial in trials if self.folder_name(trial) in names]

    def is_open(self, trial: Trial) -> bool:
        """Whether the trial was started before."""
        return (self.trial_folder(trial) / TRIAL_FILE).exists()

    def open_trial(self, trial: Trial) -> Path:
        """Create the trial's folder and its ``trial.json``, and return the folder."""
        folder = self.trial_folder(trial)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / TRIAL_FILE).exists():
            content = trial.model_dump() | {"trial_id": trial.trial_id}
            with replacing(folder / TRIAL_FILE, durable=False) as temporary:
                write_utf8(temporary, json.dumps(content, indent=2) + "\n")
        return folder

    def clear_temporary(self, trial: Trial) -> None:
        """Remove the partial files of killed processes. No other process may be writing."""
        folder = self.trial_folder(trial)
        for name in TEMPORARY_FILES:
            for path in folder.glob(name):
                path.unlink(missing_ok=True)

    def read_trial(self, trial: Trial) -> Trial | None:
        """The trial as its ``trial.json`` describes it, None if there is none or it is unreadable.

        What is no part of its identity, such as the metric of a program, is as it was when the
        trial began.
        """
        path = self.trial_folder(trial) / TRIAL_FILE
        try:
            described = parsed_trial(read_record(path, MOST_RESULT_BYTES), path)
            if described.trial_id != trial.trial_id:
                raise CorruptRecordError(path, f"describes another trial, {described.trial_id}")
        except FileNotFoundError:
            return None
        except CorruptRecordError as error:
            self.unreadable(error)
            return None
        return described

    def append_metrics(self, trial: Trial, metrics: EpochMetrics) -> None:
        """Add one epoch's line to ``metrics.jsonl``."""
        with (self.trial_folder(trial) / METRICS_FILE).open("a", encoding="utf-8") as lines:
            lines.write(metrics.model_dump_json() + "\n")

    def read_metrics(self, trial: Trial) -> tuple[EpochMetrics, ...]:
        """The recorded epochs in order, up to the first line that cannot be read.

        Such a line is reported to ``unreadable``, and so are epochs that a result counts and that
        are not there. A last line cut short by a crash is skipped.
        """
        # Read first, so that the epochs read below include all of the result's; and again if they
        # do not, because a retry may move the records meanwhile.
        counted = self.counted_epochs(trial)
        history = self.read_history(trial)
        problem, there = history.problem, len(history.epochs)
        if problem is None and there < counted == self.counted_epochs(trial):
            path = self.trial_folder(trial) / METRICS_FILE
            why = f"it has {there} of the {counted} epochs of the trial's result"
            problem = CorruptRecordError(path, why, "those that are there are used")
        if problem is not None:
            self.unreadable(problem)
        return history.epochs

    def counted_epochs(self, trial: Trial) -> int:
        """The epochs of the trial's result; 0 if it failed, or without a readable one."""
        try:
            result = self.result_on_disk(trial)
        except CorruptRecordError:
            return 0
        return 0 if result is None or result.state is TrialState.FAILED else result.epochs

    def read_history(self, trial: Trial) -> History:
        """The recorded epochs that can be read, and the problem of the first that cannot."""
        path = self.trial_folder(trial) / METRICS_FILE
        try:
            return parsed_history(read_record(path, MOST_METRICS_BYTES), path, trial)
        except FileNotFoundError:
            return History(epochs=())
        except CorruptRecordError as error:
            problem = CorruptRecordError(path, error.why, "no epoch can be read")
            return History(epochs=(), problem=problem)

    def keep_metrics(self, trial: Trial, history: tuple[EpochMetrics, ...]) -> None:
        """Rewrite ``metrics.jsonl`` with only these epochs, from which a resumed trial starts."""
        with replacing(self.trial_folder(trial) / METRICS_FILE, durable=False) as temporary:
            lines = "".join(line.model_dump_json() + "\n" for line in history)
            write_utf8(temporary, lines)

    def write_result(self, trial: Trial, result: TrialResult) -> None:
        """Write ``result.json`` in one piece. The trial is finished once the file exists."""
        stored = result.model_copy(update={"failure": storable(result.failure)})
        folder = self.open_trial(trial)
        make_epochs_durable(folder)
        with replacing(folder / RESULT_FILE, durable=True) as temporary:
            write_utf8(temporary, stored.model_dump_json(indent=2) + "\n")

    def read_result(self, trial: Trial) -> TrialResult | None:
        """The trial's result, or None if the trial is not finished or the file is unreadable."""
        try:
            return self.result_on_disk(trial)
        except CorruptRecordError as error:
            self.unreadable(error)
            return None

    def result_on_disk(self, trial: Trial) -> TrialResult | None:
        """The trial's result, None if it is not finished.

        Raises:
            CorruptRecordError: the file is unreadable.
        """
        path = self.trials_folder.joinpath(self.folder_name(trial), RESULT_FILE)
        try:
            content = read_record(path, MOST_RESULT_BYTES)
        except FileNotFoundError:
            return None
        return parsed_result(content, path, trial)

    def set_aside(self, trial: Trial) -> Path:
        """Move the records of a finished attempt into ``attempts/N``, so that the trial reruns."""
        attempt = self.move_away(trial, (TRIAL_FILE, *RECORDS_OF_AN_ATTEMPT), "attempts")
        self.open_trial(trial)
        return attempt

    def has_begun(self, trial: Trial) -> bool:
        """Whether anything is recorded of the trial's present attempt."""
        folder = self.trial_folder(trial)
        return any(os.path.lexists(folder / name) for name in RECORDS_OF_AN_ATTEMPT)

    def put_back(self, trial: Trial, attempt: Path) -> None:
        """Undo :meth:`set_aside`, which returned ``attempt``, unless the trial has begun again."""
        if self.has_begun(trial):
            return
        folder = self.trial_folder(trial)
        for name in (TRIAL_FILE, *RECORDS_OF_AN_ATTEMPT):
            if os.path.lexists(attempt / name):
                (attempt / name).rename(folder / name)
        attempt.rmdir()

    def quarantine(self, trial: Trial, names: Collection[str]) -> Path:
        """Move the unreadable files with these names into ``quarantine/N``."""
        return self.move_away(trial, names, "quarantine")

    def move_away(self, trial: Trial, names: Collection[str], parent: str) -> Path:
        """Move files of the trial into a new numbered folder below ``parent`` in its folder."""
        folder = self.trial_folder(trial)
        target = numbered_folder(folder / parent)
        for name in names:
            # A link is moved as a link. Its target is not touched.
            if os.path.lexists(folder / name):
                (folder / name).rename(target / name)
        return target

    def write_text(self, path: Path, text: str) -> None:
        """Write a file of the sweep, such as a table or the copy of the grid."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, durable=False) as temporary:
            write_utf8(temporary, text)


def make_epochs_durable(folder: Path) -> None:
    """Have the epochs in a trial's folder on the disk before a result counts them."""
    with suppress(FileNotFoundError):
        synchronise(folder / METRICS_FILE)


def storable(failure: Failure | None) -> Failure | None:
    """The failure with its texts shortened, and encodable as UTF-8."""
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
    """Create a folder in ``parent`` with the next free number as its name."""
    # If the parent is a link or a file, use another name: a link could lead out of the storage.
    while os.path.lexists(parent) and (parent.is_symlink() or not parent.is_dir()):
        parent = parent.with_name(f"{parent.name}_")
    number = 1
    while os.path.lexists(parent / str(number)):
        number += 1
    folder = parent / str(number)
    folder.mkdir(parents=True)
    return folder
