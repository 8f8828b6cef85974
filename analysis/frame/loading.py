"""Results as pandas frames, for notebooks: ``analysis.load("results/quickstart")``."""

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from adaloss.errors import UserError
from adaloss.grid.sweep import Sweep, load_sweep
from adaloss.grid.tables.at import reach
from adaloss.records.content import parsed_trial
from adaloss.records.file import CorruptRecordError, read_record
from adaloss.records.places import is_storage_url
from adaloss.records.remote.address import remote_of, working_copy_of_results
from adaloss.records.remote.transfer import pull
from adaloss.records.store import GRID_FILE, MOST_RESULT_BYTES, TRIAL_FILE, Store
from adaloss.tasks.program.task import aimed
from adaloss.tasks.table import common_task
from adaloss.trial import Trial
from analysis.frame.frame import build_frame, history_frame

NO_TARGETS: Mapping[str, float] = MappingProxyType({})


class UnreadableRecordWarning(UserWarning):
    """A record cannot be read and is skipped."""


def load(
    folder: Path | str,
    *,
    epochs: tuple[int, ...] = (),
    targets: Mapping[str, float] = NO_TARGETS,
) -> pd.DataFrame:
    """The results of a sweep in a folder, such as ``results/quickstart``, or at a URL such as
    ``s3://bucket/results/quickstart``: one row per trial.

    The trials are those that the folder's ``grid.yaml`` declares, finished or not; without that
    file, those that have a folder. The columns are those of
    :func:`analysis.frame.frame.build_frame`; ``epochs`` adds the metrics after these
    epochs, as ``epoch 3:test/top1``, and ``targets`` those of the first epoch that reaches a
    number, as ``reach val/top1 95:epoch``.

    An unreadable record gives an :class:`UnreadableRecordWarning`, and its trial is missing.

    Raises:
        UserError: there are no results in the folder, or its ``grid.yaml`` is not a grid.
    """
    store = store_in(folder)
    sweep = sweep_in(store)
    trials = sweep.trials if sweep else tuple(recorded_trials(store))
    task = common_task(trials)
    if sweep is not None:
        task = aimed(task, sweep.grid.metric.name, sweep.grid.metric.goal)
    own = task if task.is_program else None
    wanted = [reach(metric, number, own) for metric, number in targets.items()]
    return build_frame(trials, store, epochs=epochs, targets=wanted)


def load_history(folder: Path | str) -> pd.DataFrame:
    """One row per recorded epoch: see :func:`analysis.frame.frame.history_frame`.

    Raises:
        UserError: as :func:`load`.
    """
    store = store_in(folder)
    return history_frame(trials_in(store), store)


def store_in(folder: Path | str) -> Store:
    """The store in this folder."""
    store = Store(local_copy(folder) if is_storage_url(str(folder)) else Path(folder), warn)
    if not store.grid_path.exists() and not store.trials_folder.is_dir():
        raise UserError(
            f"{folder}: no results of a sweep: name a folder with {GRID_FILE} and trials/, "
            "such as results/quickstart"
        )
    return store


def local_copy(url: Path | str) -> Path:
    """The working copy of the results at a URL, with what changed there.

    Raises:
        RemoteError: the storage cannot be reached.
    """
    root = working_copy_of_results(str(url))
    remote = remote_of(root)
    if remote is not None:
        pull(remote, unless_running=True)
    return root


def trials_in(store: Store) -> tuple[Trial, ...]:
    """The trials that the folder's grid declares, else the recorded ones."""
    sweep = sweep_in(store)
    return sweep.trials if sweep else tuple(recorded_trials(store))


def sweep_in(store: Store) -> Sweep | None:
    """The sweep of the folder's grid, None where there is no grid."""
    return load_sweep(store.grid_path) if store.grid_path.exists() else None


def recorded_trials(store: Store) -> Iterator[Trial]:
    """The trials that have a folder with a ``trial.json``."""
    for path in sorted(store.trials_folder.glob(f"*/{TRIAL_FILE}")):
        try:
            trial = parsed_trial(read_record(path, MOST_RESULT_BYTES), path)
            if path.parent.name != store.folder_name(trial):
                raise CorruptRecordError(path, f"describes the trial {store.folder_name(trial)}")
        except CorruptRecordError as error:
            store.unreadable(CorruptRecordError(path, error.why, "the trial is left out"))
        else:
            yield trial


def warn(error: CorruptRecordError) -> None:
    """Warn in a notebook about a record that cannot be read."""
    warnings.warn(str(error), UnreadableRecordWarning, stacklevel=2)
