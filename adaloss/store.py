"""Every path and every read and write of results; what exists under its final name is whole."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from pydantic import ValidationError

from adaloss.result import EpochMetrics, TrialResult
from adaloss.trial import Trial
from adaloss.user_error import UserError

TRIAL_FILE = "trial.json"
METRICS_FILE = "metrics.jsonl"
RESULT_FILE = "result.json"
CHECKPOINT_FILE = "checkpoint.pt"
LOG_FILE = "log.txt"


class CorruptRecordError(UserError):
    """A record on disk cannot be read; the message names the file and what to do."""


@dataclass(frozen=True)
class Store:
    """The results of one sweep below ``<storage>/<sweep name>``.

    Any number of processes may read while one process per trial writes: files other than
    ``metrics.jsonl`` and ``log.txt`` appear whole, by rename.
    """

    root: Path

    @property
    def trials_folder(self) -> Path:
        """The folder that holds one folder per trial."""
        return self.root / "trials"

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

    def open_trial(self, trial: Trial) -> Path:
        """Create the trial's folder and its ``trial.json``; returns the folder."""
        folder = self.trial_folder(trial)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / TRIAL_FILE).exists():
            content = trial.model_dump() | {"trial_id": trial.trial_id}
            with replacing(folder / TRIAL_FILE, durable=False) as temporary:
                temporary.write_text(json.dumps(content, indent=2) + "\n")
        return folder

    def append_metrics(self, trial: Trial, metrics: EpochMetrics) -> None:
        """Add one epoch's line to ``metrics.jsonl``."""
        with (self.trial_folder(trial) / METRICS_FILE).open("a") as lines:
            lines.write(metrics.model_dump_json() + "\n")

    def read_metrics(self, trial: Trial) -> tuple[EpochMetrics, ...]:
        """The recorded epochs in order; a last line cut short by a crash is not one.

        Raises:
            CorruptRecordError: a whole line is not a record of an epoch.
        """
        path = self.trial_folder(trial) / METRICS_FILE
        try:
            text = path.read_text()
        except FileNotFoundError:
            return ()
        whole_lines = text.split("\n")[:-1]
        history = []
        for number, line in enumerate(whole_lines, start=1):
            try:
                history.append(EpochMetrics.model_validate_json(line))
            except ValidationError as error:
                raise CorruptRecordError(
                    f"{path}:{number}: not a record of an epoch ({first_error(error)}); "
                    f"delete the folder {path.parent} and run the sweep again"
                ) from error
        return tuple(history)

    def keep_metrics(self, trial: Trial, history: tuple[EpochMetrics, ...]) -> None:
        """Rewrite ``metrics.jsonl`` to just these epochs: what a resumed trial starts from."""
        with replacing(self.trial_folder(trial) / METRICS_FILE, durable=False) as temporary:
            temporary.write_text("".join(line.model_dump_json() + "\n" for line in history))

    def write_result(self, trial: Trial, result: TrialResult) -> None:
        """Write ``result.json`` once and whole: from then on the trial is finished."""
        with replacing(self.open_trial(trial) / RESULT_FILE, durable=True) as temporary:
            temporary.write_text(result.model_dump_json(indent=2) + "\n")

    def read_result(self, trial: Trial) -> TrialResult | None:
        """The trial's result, None while it is not finished.

        Raises:
            CorruptRecordError: ``result.json`` is not a result of this trial.
        """
        path = self.trial_folder(trial) / RESULT_FILE
        try:
            result = TrialResult.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise CorruptRecordError(
                f"{path}: not a trial's result ({first_error(error)}); "
                "delete this file and run the sweep again"
            ) from error
        if result.trial_id != trial.trial_id:
            raise CorruptRecordError(
                f"{path}: belongs to trial {result.trial_id}, not {trial.trial_id}; "
                "delete this file and run the sweep again"
            )
        return result

    def set_aside(self, trial: Trial) -> Path:
        """Move a finished attempt's records into ``attempts/N`` so that the trial runs anew."""
        folder = self.trial_folder(trial)
        attempts = folder / "attempts"
        attempt = attempts / str(len(list(attempts.glob("*"))) + 1)
        attempt.mkdir(parents=True)
        # result.json goes last: until it does, the trial still counts as finished.
        for name in (CHECKPOINT_FILE, METRICS_FILE, LOG_FILE, RESULT_FILE):
            if (folder / name).exists():
                (folder / name).rename(attempt / name)
        return attempt

    def write_text(self, path: Path, text: str) -> None:
        """Write a compiled file (a table, a copy of the grid) below the sweep's folder."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, durable=False) as temporary:
            temporary.write_text(text)


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


def first_error(error: ValidationError) -> str:
    """The first of pydantic's complaints on one line."""
    details = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in details["loc"])
    return f"{where}: {details['msg']}" if where else details["msg"]
