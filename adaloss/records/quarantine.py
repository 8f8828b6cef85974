"""Records that cannot be read are moved aside before a sweep runs, so that none of them stops it.

Nothing is deleted: all of it is found again in ``quarantine/N`` in the trial's folder.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from adaloss.records.file import CorruptRecordError, kind_of
from adaloss.records.printable import printable
from adaloss.records.store import (
    CHECKPOINT_FILE,
    LOG_FILE,
    METRICS_FILE,
    RECORDS_OF_AN_ATTEMPT,
    RESULT_FILE,
    TRIAL_FILE,
    Store,
    refuse,
)
from adaloss.trial import Trial

FOLDER = "folder"
"""Under this name lies what was found in the place of a trial's folder."""


@dataclass(frozen=True, kw_only=True)
class SetAside:
    """A trial's files that were moved to ``folder``: each one's name, and what is wrong with it."""

    trial: Trial
    folder: Path
    why: dict[str, str]

    def __str__(self) -> str:
        what = "; ".join(f"{name} ({why})" for name, why in self.why.items())
        name = f"{self.trial.readable_name} ({self.trial.trial_id})"
        return printable(f"set aside, {name} runs again: {what}, now in {self.folder}")


def set_unreadable_aside(trials: Iterable[Trial], store: Store) -> list[SetAside]:
    """Move aside what cannot be read of these trials, which are without a result."""
    strict = replace(store, unreadable=refuse)
    with_folder = {name: trial for trial in trials if (name := store.folder_name(trial))}
    found = sorted(there(store.trials_folder).intersection(with_folder))
    return [moved for name in found for moved in set_trial_aside(with_folder[name], strict)]


def there(folder: Path) -> set[str]:
    """The names of what is in the folder."""
    try:
        return set(os.listdir(folder))  # noqa: PTH208
    except FileNotFoundError:
        return set()


def set_trial_aside(trial: Trial, store: Store) -> Iterator[SetAside]:
    """Move aside what cannot be read of one trial."""
    kind = folder_kind(store.trial_folder(trial))
    if kind is not None:
        folder = make_room(trial, store)
        yield SetAside(trial=trial, folder=folder, why={FOLDER: kind})
        return
    why = unreadable_records(trial, store)
    if not why:
        return
    epochs = store.read_history(trial).epochs
    # The other records of an attempt whose result is lost go with it.
    names = dict.fromkeys((*why, *(RECORDS_OF_AN_ATTEMPT if RESULT_FILE in why else ())))
    folder = store.quarantine(trial, names)
    store.open_trial(trial)
    if METRICS_FILE in why and RESULT_FILE not in why:
        # As far as they go a checkpoint may still go on from them.
        store.keep_metrics(trial, epochs)
    yield SetAside(trial=trial, folder=folder, why=why)


def folder_kind(folder: Path) -> str | None:
    """What there is in the place of a trial's folder, None where it is one."""
    status = folder.lstat()
    return None if stat.S_ISDIR(status.st_mode) else kind_of(status) or "a file, not a folder"


def make_room(trial: Trial, store: Store) -> Path:
    """Move what is in the place of the trial's folder into the quarantine of a real one."""
    found = store.trial_folder(trial)
    meanwhile = found.with_name(f".{found.name}.{uuid4().hex[:8]}")
    found.rename(meanwhile)
    store.open_trial(trial)
    folder = store.quarantine(trial, ())
    meanwhile.rename(folder / FOLDER)
    return folder


def unreadable_records(trial: Trial, store: Store) -> dict[str, str]:
    """The trial's files that cannot be read, and why."""
    why: dict[str, str] = {}
    for name, check in (
        (RESULT_FILE, store.read_result),
        (METRICS_FILE, store.read_metrics),
        (TRIAL_FILE, store.check_trial),
    ):
        try:
            check(trial)
        except CorruptRecordError as error:
            why[name] = error.why
    for name in (CHECKPOINT_FILE, LOG_FILE):
        path = store.trial_folder(trial) / name
        if os.path.lexists(path) and (kind := kind_of(path.lstat())):
            why[name] = kind
    return why
