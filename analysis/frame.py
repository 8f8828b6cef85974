"""From the records on disk to pandas: one row per declared trial, or per recorded epoch."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

import pandas as pd

from adaloss.result import METRIC_NAMES, EpochMetrics, TrialResult, TrialState
from adaloss.store import Store
from adaloss.table_spec import At
from adaloss.trial import (
    FIELD_NAMES,
    HYPERPARAMETERS_THAT_APPLY,
    OPTIONAL_HYPERPARAMETERS,
    Trial,
)

MISSING = "missing"
"""The state of a trial that has no result yet."""

FRAME_COLUMNS: tuple[str, ...] = (
    *FIELD_NAMES,
    "trial_id",
    "state",
    "finished_epochs",
    "seconds",
    "finished_at",
    "code_version",
    "failure_kind",
    "failure_message",
    *(f"{at}:{name}" for at in get_args(At) for name in METRIC_NAMES),
)
HISTORY_COLUMNS: tuple[str, ...] = (
    *FIELD_NAMES,
    "trial_id",
    "state",
    "epoch",
    "step",
    *METRIC_NAMES,
)


def build_frame(trials: Sequence[Trial], store: Store) -> pd.DataFrame:
    """One row per declared trial, in the order of ``trials``.

    Columns: the trial's fields as they are (so ``epochs`` is the declared number), ``trial_id``,
    ``state`` (complete, diverged, failed or missing), what the result says of the run
    (``finished_epochs``, ``seconds``, ``finished_at``, ``code_version``, ``failure_kind``,
    ``failure_message``) and each metric as ``last:<name>`` and ``best_val:<name>``. Metrics are
    NaN unless the trial is complete: whatever a diverged or failed trial measured on its way is
    not its result. Declared trials that are one trial by identity all get its result.

    Raises:
        CorruptRecordError: a result cannot be read.
    """
    results = read_results(trials, store)
    rows = [
        trial.model_dump() | {"trial_id": trial.trial_id} | outcome(results[trial.trial_id])
        for trial in trials
    ]
    return typed_frame(rows, FRAME_COLUMNS)


def history_frame(trials: Sequence[Trial], store: Store) -> pd.DataFrame:
    """One row per recorded epoch of every declared trial, whatever its state.

    Raises:
        CorruptRecordError: a record cannot be read.
    """
    results = read_results(trials, store)
    rows = [
        trial.model_dump()
        | {"trial_id": trial.trial_id, "state": state_of(results[trial.trial_id])}
        | metrics.model_dump()
        for trial in trials
        for metrics in store.read_metrics(trial)
    ]
    return typed_frame(rows, HISTORY_COLUMNS)


def read_results(trials: Iterable[Trial], store: Store) -> Mapping[str, TrialResult | None]:
    """The result, or None, of every trial id: each is read once, however often it is declared."""
    unique = {trial.trial_id: trial for trial in trials}
    return {trial_id: store.read_result(trial) for trial_id, trial in unique.items()}


def state_of(result: TrialResult | None) -> str:
    """The state as the frame's plain text."""
    return MISSING if result is None else result.state.value


def outcome(result: TrialResult | None) -> dict[str, Any]:
    """What the result adds to the trial's row; columns that it leaves out stay empty."""
    if result is None:
        return {"state": MISSING}
    complete = result.state is TrialState.COMPLETE
    return {
        "state": result.state.value,
        "finished_epochs": result.epochs,
        "seconds": result.seconds,
        "finished_at": result.finished_at,
        "code_version": result.provenance.code_version if result.provenance else None,
        "failure_kind": result.failure.kind.value if result.failure else None,
        "failure_message": result.failure.message if result.failure else None,
        **measured("last", result.last if complete else None),
        **measured("best_val", result.best_val if complete else None),
    }


def measured(at: At, metrics: EpochMetrics | None) -> dict[str, float | None]:
    """One epoch's metrics under their column names."""
    values = metrics.model_dump() if metrics else {}
    return {f"{at}:{name}": values.get(name) for name in METRIC_NAMES}


def typed_frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """A frame of these columns: measurements as floats, everything else as Python objects.

    Objects, because pandas' own choice would turn None into NaN and the integers beside it into
    floats, and a trial's fields are compared and shown as they were declared.
    """
    data = {name: typed_column(name, [row.get(name) for row in rows]) for name in columns}
    return pd.DataFrame(data, columns=list(columns))


def typed_column(name: str, values: Sequence[Any]) -> "pd.Series[Any]":
    """One column of a frame, see :func:`typed_frame`."""
    if name == "seconds" or name.rpartition(":")[2] in METRIC_NAMES:
        numbers = [math.nan if value is None else value for value in values]
        return pd.Series(numbers, dtype="float64")
    return pd.Series(values, dtype="object")


def distinct_values(frame: pd.DataFrame, field: str) -> tuple[Any, ...]:
    """The declared values of a field, first come first, where it can change the numbers.

    A hyperparameter that a row's optimizer has no use for (``alpha`` of sgd_constant) is not
    counted there.
    """
    if field in OPTIONAL_HYPERPARAMETERS:
        applies = [field in HYPERPARAMETERS_THAT_APPLY[name] for name in frame["optimizer"]]
        frame = frame.loc[applies]
    return tuple(dict.fromkeys(frame[field]))


def grouped(frame: pd.DataFrame, fields: Sequence[str]) -> dict[tuple[object, ...], pd.DataFrame]:
    """The frame's rows by the values of these fields, first come first; all of them by no field.

    Not ``groupby``: it would turn a field's None into NaN.
    """
    positions: dict[tuple[object, ...], list[int]] = {}
    columns = [frame[field].tolist() for field in fields]
    for position in range(len(frame)):
        key = tuple(column[position] for column in columns)
        positions.setdefault(key, []).append(position)
    return {key: frame.iloc[rows] for key, rows in positions.items()}
