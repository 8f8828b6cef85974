"""Move unreadable records aside before a sweep runs, so that they do not stop it.

Nothing is deleted: the files are moved to ``quarantine/N`` in the trial's folder.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from adaloss.records.file import CorruptRecordError, kind_of_non_file
from adaloss.records.printable import printable
from adaloss.records.store import (
    CHECKPOINT_FILE,
    LOG_FILE,
    METRICS_FILE,
    RECORDS_OF_AN_ATTEMPT,
    RESULT_FILE,
    TRIAL_FILE,
    Store,
    raise_error,
)
from adaloss.trial import Trial

FOLDER = "folder"
"""The name in the quarantine of anything that was in the place of a trial's folder."""


@dataclass(frozen=True, kw_only=True)
class SetAside:
    """The files of a trial that were moved to ``folder``. ``why`` is the problem of each file."""

    trial: Trial
    folder: Path
    why: dict[str, str]

    def __str__(self) -> str:
        files = "; ".join(f"{name} ({why})" for name, why in self.why.items())
        name = f"{self.trial.readable_name} ({self.trial.trial_id})"
        return printable(f"set aside, {name} runs again: {files}, now in {self.folder}")


def set_unreadable_aside(trials: Iterable[Trial], store: Store) -> list[SetAside]:
    """Move aside the unreadable files of these trials, which have no readable result."""
    strict = replace(store, unreadable=raise_error)
    by_folder = {store.folder_name(trial): trial for trial in trials}
    existing = sorted(names_in(store.trials_folder).intersection(by_folder))
    return [moved for name in existing for moved in set_trial_aside(by_folder[name], strict)]


def names_in(folder: Path) -> set[str]:
    """The names of the folder's entries. Empty if there is no such folder."""
    try:
        return set(os.listdir(folder))  # noqa: PTH208
    except FileNotFoundError:
        return set()


def set_trial_aside(trial: Trial, store: Store) -> Iterator[SetAside]:
    """Move aside the unreadable files of one trial."""
    if kind := kind_of_non_folder(store.trial_folder(trial)):
        folder = move_non_folder(trial, store)
        yield SetAside(trial=trial, folder=folder, why={FOLDER: kind})
        return
    why = unreadable_records(trial, store)
    if not why:
        return
    epochs = store.read_history(trial).epochs
    # If the result is unreadable, the other records of that attempt move with it.
    names = dict.fromkeys((*why, *(RECORDS_OF_AN_ATTEMPT if RESULT_FILE in why else ())))
    folder = store.quarantine(trial, names)
    store.open_trial(trial)
    if METRICS_FILE in why and RESULT_FILE not in why:
        # A checkpoint can still resume from the epochs that can be read.
        store.keep_metrics(trial, epochs)
    yield SetAside(trial=trial, folder=folder, why=why)


def kind_of_non_folder(path: Path) -> str | None:
    """What this is if it is not a folder, else None."""
    status = path.lstat()
    if stat.S_ISDIR(status.st_mode):
        return None
    return kind_of_non_file(status) or "a file, not a folder"


def move_non_folder(trial: Trial, store: Store) -> Path:
    """Make a real folder for the trial, and move what was in its place into its quarantine."""
    path = store.trial_folder(trial)
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}")
    path.rename(temporary)
    store.open_trial(trial)
    folder = store.quarantine(trial, ())
    temporary.rename(folder / FOLDER)
    return folder


def unreadable_records(trial: Trial, store: Store) -> dict[str, str]:
    """The trial's files that cannot be read, each with the reason."""
    why: dict[str, str] = {}
    for name, check in (
        (RESULT_FILE, store.read_result),
        (METRICS_FILE, store.read_metrics),
        (TRIAL_FILE, store.read_trial),
    ):
        try:
            check(trial)
        except CorruptRecordError as error:
            why[name] = error.why
    for name in (CHECKPOINT_FILE, LOG_FILE):
        path = store.trial_folder(trial) / name
        if os.path.lexists(path) and (kind := kind_of_non_file(path.lstat())):
            why[name] = kind
    return why
