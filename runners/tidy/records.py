"""The trials whose records lie in a folder, whatever its grid declares."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from adaloss.records.content import parsed_trial
from adaloss.records.file import CorruptRecordError, read_record
from adaloss.records.result import EpochMetrics, TrialResult
from adaloss.records.store import MOST_RESULT_BYTES, TRIAL_FILE, Store, raise_error
from adaloss.trial import Trial


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A trial's readable records: its epochs, and its result if it has finished."""

    trial: Trial
    history: tuple[EpochMetrics, ...]
    result: TrialResult | None


def trial_folders(store: Store) -> Iterator[Path]:
    """The folders of trials, by name; links are none."""
    if store.trials_folder.is_dir():
        for folder in sorted(store.trials_folder.iterdir()):
            if folder.is_dir() and not folder.is_symlink():
                yield folder


def trial_in(folder: Path) -> Trial:
    """The trial of this folder.

    Raises:
        CorruptRecordError: its ``trial.json`` is missing, cannot be read, or is another trial's.
    """
    path = folder / TRIAL_FILE
    try:
        trial = parsed_trial(read_record(path, MOST_RESULT_BYTES), path)
    except FileNotFoundError:
        raise CorruptRecordError(path, "there is no such file") from None
    if Store(folder).folder_name(trial) != folder.name:
        raise CorruptRecordError(path, "describes another trial")
    return trial


def recorded_in(folder: Path, store: Store) -> Recorded:
    """The records of the trial in this folder of the store.

    Raises:
        CorruptRecordError: some cannot be read.
    """
    strict = replace(store, unreadable=raise_error)
    trial = trial_in(folder)
    return Recorded(
        trial=trial, history=strict.read_metrics(trial), result=strict.read_result(trial)
    )
