"""Results as pandas frames, for notebooks: ``analysis.load("results/quickstart")``."""

import json
from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from adaloss.store import TRIAL_FILE, CorruptRecordError, Store, first_error
from adaloss.sweep import load_sweep
from adaloss.trial import Trial
from adaloss.user_error import UserError
from analysis.frame import build_frame, history_frame

GRID_FILE = "grid.yaml"


def load(folder: Path | str, *, epochs: tuple[int, ...] = ()) -> pd.DataFrame:
    """The results in a sweep's folder, such as ``results/quickstart``: one row per trial.

    The trials are those that the folder's ``grid.yaml`` declares, finished or not; without that
    file those that have a folder. The columns are those of :func:`analysis.frame.build_frame`;
    ``epochs`` adds the metrics after these epochs, as ``epoch 3:test/top1``.

    Raises:
        UserError: there are no results in the folder, or a record in it cannot be read.
    """
    store = store_in(folder)
    return build_frame(trials_in(store), store, epochs=epochs)


def load_history(folder: Path | str) -> pd.DataFrame:
    """One row per recorded epoch of the same trials: see :func:`analysis.frame.history_frame`.

    Raises:
        UserError: as :func:`load`.
    """
    store = store_in(folder)
    return history_frame(trials_in(store), store)


def store_in(folder: Path | str) -> Store:
    """The store whose folder this is."""
    store = Store(Path(folder))
    if not (store.root / GRID_FILE).exists() and not store.trials_folder.is_dir():
        raise UserError(
            f"{folder}: no results of a sweep: name the folder that has {GRID_FILE} and trials/, "
            "such as results/quickstart"
        )
    return store


def trials_in(store: Store) -> tuple[Trial, ...]:
    """The trials that the folder's grid declares, else those on record."""
    grid = store.root / GRID_FILE
    if grid.exists():
        return load_sweep(grid).trials
    return tuple(read_trial(path) for path in sorted(store.trials_folder.glob(f"*/{TRIAL_FILE}")))


def read_trial(path: Path) -> Trial:
    """The trial that a ``trial.json`` describes."""
    try:
        content = dict(json.loads(path.read_bytes()))
        content.pop("trial_id", None)
        return Trial.model_validate(content)
    except (ValueError, TypeError) as error:
        why = first_error(error) if isinstance(error, ValidationError) else str(error)
        raise CorruptRecordError(
            f"{path}: not a trial ({why}); delete the folder {path.parent}"
        ) from error
