"""Read records into pandas: one row per declared trial, or per recorded epoch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from adaloss.grid.tables.at import Reach
from adaloss.optimizer_names import HYPERPARAMETER, PREFIX, SOMETIMES_UNUSED, unused_fields
from adaloss.records.result import TrialState
from adaloss.records.store import Store
from adaloss.tasks.metric import SECONDS
from adaloss.tasks.metrics import COUNTED, METRICS
from adaloss.tasks.table import FIELD_NAMES, common_task, task_named
from adaloss.tasks.task import Task
from adaloss.trial import Trial
from analysis.frame.column_types import column_of, values_of
from analysis.frame.index import indexed_rows
from analysis.frame.indexed_records import (
    SIZES,
    histories,
    history_lists,
    measured_columns,
    outcomes,
)

MISSING = "missing"
"""The state of a trial that has no result yet."""


def frame_columns(task: Task) -> tuple[str, ...]:
    """The columns of :func:`build_frame` for trials of a task."""
    return (
        *task.field_names,
        "trial_id",
        "state",
        "finished_epochs",
        "seconds",
        "finished_at",
        "code_version",
        "environment",
        "fingerprint",
        "divergence",
        "failure_kind",
        "failure_message",
        *SIZES,
        *measured_columns(task),
    )


def history_columns(task: Task) -> tuple[str, ...]:
    """The columns of :func:`history_frame` for trials of a task."""
    return (*task.field_names, "trial_id", "state", *history_lists(task))


def task_in(frame: pd.DataFrame) -> Task:
    """The task whose trials a frame describes; the default if no task has such fields."""
    return task_named(frame["task"].iloc[0] if "task" in frame and len(frame) else None)


def build_frame(
    trials: Sequence[Trial],
    store: Store,
    *,
    epochs: Iterable[int] = (),
    targets: Iterable[Reach] = (),
) -> pd.DataFrame:
    """One row per declared trial, in the order of ``trials``.

    Columns: the trial's fields as they are (so ``epochs`` is the declared number), ``trial_id``,
    ``state`` (complete, diverged, failed or missing), the result's description of the run
    (``finished_epochs``, ``seconds``, ``finished_at``, ``code_version``, ``environment`` as JSON,
    ``fingerprint`` of the user's own code and data as JSON,
    ``divergence``'s reason, ``failure_kind``, ``failure_message``; ``train_size``, ``val_size`` and
    ``test_size`` in images, unknown for older results) and each metric as ``last:<name>`` and
    ``best_val:<name>``, for each N in ``epochs`` also as ``epoch N:<name>``. For each of
    ``targets``, ``reach METRIC NUMBER:<name>`` has the metrics of the first epoch that reaches it,
    its ``epoch`` and ``step``, and as ``seconds`` those of all epochs until it. A trial that never
    does has the worst possible value (±inf), or NaN where neither direction is better.
    Metrics are NaN unless the trial is complete: the measurements of a diverged or failed trial are
    not results. Declared trials with the same identity all get its result. An unreadable result is
    reported to ``store.unreadable``, and its trial counts as missing.
    """
    frame = frame_of(trials, indexed_rows(trials, store, outcomes(common_task(trials))))
    chosen = (tuple(epochs), tuple(targets))
    return with_epochs(frame, trials, store, *chosen) if any(chosen) else frame


def frame_of(trials: Sequence[Trial], rows: pa.Table) -> pd.DataFrame:
    """The frame of these trials from their rows of the index."""
    columns = identity_columns(trials, rows)
    names = frame_columns(common_task(trials))
    for name in names:
        if name not in columns:
            columns[name] = column_of(name, rows[name].to_pylist())
    own = [name for name in columns if HYPERPARAMETER.match(name)]
    return pd.DataFrame({name: columns[name] for name in (*names, *own)})


def with_epochs(
    frame: pd.DataFrame,
    trials: Sequence[Trial],
    store: Store,
    epochs: Sequence[int],
    targets: Sequence[Reach],
) -> pd.DataFrame:
    """The frame with the metrics of the complete trials at these epochs and targets."""
    task = common_task(trials)
    owner, values = flattened(indexed_rows(trials, store, histories(task)))
    complete = (frame["state"] == TrialState.COMPLETE.value).to_numpy()
    added = {}
    for epoch in epochs:
        chosen = (values["epoch"] == epoch) & complete[owner]
        for name in task.metric_names:
            column = np.full(len(frame), np.nan)
            column[owner[chosen]] = values[name][chosen]
            added[f"epoch {epoch}:{name}"] = column
    for target in targets:
        first = first_epochs(owner, values, target)
        found = first[complete[owner[first]]]
        for name, column in until(owner, values, task).items():
            goal = METRICS[name].goal
            worst = {"minimize": np.inf, "maximize": -np.inf}.get(goal or "", np.nan)
            reached = np.where(complete, worst, np.nan)
            reached[owner[found]] = column[found]
            added[f"{target.at}:{name}"] = reached
    return pd.concat([frame, pd.DataFrame(added)], axis="columns")


def first_epochs(owner: np.ndarray, values: Mapping[str, np.ndarray], target: Reach) -> np.ndarray:
    """The positions of each trial's first epoch that reaches the target, of those that do."""
    if target.metric not in values:
        return np.empty(0, dtype=int)
    number = values[target.metric].astype(float)
    less = METRICS[target.metric].goal == "minimize"
    meets = np.flatnonzero(number <= target.target if less else number >= target.target)
    return meets[np.unique(owner[meets], return_index=True)[1]]


def until(
    owner: np.ndarray, values: Mapping[str, np.ndarray], task: Task
) -> Mapping[str, np.ndarray]:
    """The values of each epoch by name, with the seconds of all epochs until its end."""
    whole = np.cumsum(np.nan_to_num(values[SECONDS.name].astype(float)))
    before = np.concatenate([[0.0], whole])[np.searchsorted(owner, owner)]
    names = (*COUNTED, *task.metric_names)
    return {name: values[name] for name in names} | {SECONDS.name: whole - before}


def history_frame(trials: Sequence[Trial], store: Store) -> pd.DataFrame:
    """One row per recorded epoch of every declared trial, whatever its state.

    A damaged history is reported to ``store.unreadable``; its epochs before the damage are kept.
    """
    task = common_task(trials)
    results = indexed_rows(trials, store, outcomes(task))
    return history_of(trials, results, indexed_rows(trials, store, histories(task)))


def history_of(trials: Sequence[Trial], results: pa.Table, epochs: pa.Table) -> pd.DataFrame:
    """The history of these trials from their rows of both indexes."""
    owner, values = flattened(epochs)
    columns = identity_columns(trials, results)
    of_trials = pd.DataFrame(columns).take(owner).reset_index(drop=True)
    return of_trials.assign(**values)[list(history_columns(common_task(trials)))]


def flattened(epochs: pa.Table) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The row of ``epochs`` that each recorded epoch belongs to, and the epochs' columns."""
    names = [name for name in epochs.column_names if pa.types.is_list(epochs[name].type)]
    whole = {name: epochs[name].combine_chunks() for name in names}
    owner = pc.list_parent_indices(whole["epoch"]).to_numpy(zero_copy_only=False)
    return owner, {name: pc.list_flatten(whole[name]).to_numpy(False) for name in names}


def identity_columns(trials: Sequence[Trial], results: pa.Table) -> dict[str, "pd.Series[Any]"]:
    """The columns that identify each row's trial: fields, id and state."""
    names = common_task(trials).field_names
    values = zip(*map(attrgetter(*names), trials), strict=True) if trials else ((),) * len(names)
    fields = dict(zip(names, values, strict=True))
    columns = {name: column_of(name, declared) for name, declared in fields.items()}
    for name in sorted(
        {name for trial in trials for name, _ in trial.values.get("hyperparameters", ())}
    ):
        column = f"{PREFIX}{name}"
        columns[column] = column_of(column, [trial.value(column) for trial in trials])
    columns["trial_id"] = column_of("trial_id", [trial.trial_id for trial in trials])
    columns["state"] = column_of("state", pc.fill_null(results["state"], MISSING).to_pylist())
    return columns


@dataclass(frozen=True)
class Values:
    """A field's value in every row of a frame, and the rows in which it affects the numbers."""

    values: Sequence[Any]
    applies: Sequence[bool] | None

    def among(self, rows: Iterable[int]) -> tuple[Any, ...]:
        """The distinct values that matter in these rows, in order of appearance."""
        counting = rows if self.applies is None else (row for row in rows if self.applies[row])
        return tuple(dict.fromkeys(map(self.values.__getitem__, counting)))


def applicable_values(frame: pd.DataFrame, field: str) -> Values:
    """The values of a field, row by row.

    A hyperparameter that a row's optimizer does not use (``alpha`` of sgd_constant) does not
    matter there.
    """
    applies = None
    if field in SOMETIMES_UNUSED:
        pairs = zip(values_of(frame, "optimizer"), values_of(frame, "rate"), strict=True)
        applies = [field not in unused_fields(*pair) for pair in pairs]
    return Values(values_of(frame, field), applies)


NEVER_AN_AXIS = ("task", "hyperparameters")


def fields_in(frame: pd.DataFrame) -> tuple[str, ...]:
    """The fields of the trials in a frame, with hyperparameters as ``optimizer.NAME``."""
    own = [name for name in map(str, frame) if HYPERPARAMETER.match(name)]
    known = (name for name in FIELD_NAMES if name in frame and name not in NEVER_AN_AXIS)
    return (*known, *own)


def distinct_values(frame: pd.DataFrame, field: str) -> tuple[Any, ...]:
    """The declared values of a field that affect the numbers, in order of appearance."""
    return applicable_values(frame, field).among(range(len(frame)))


def grouped(frame: pd.DataFrame, fields: Sequence[str]) -> dict[tuple[object, ...], pd.DataFrame]:
    """The frame's rows by the values of these fields, in order of appearance; one group by none.

    Use this for a few groups: building thousands of frames is slow.
    """
    return {key: frame.iloc[rows] for key, rows in positions_by(frame, fields).items()}


def positions_by(frame: pd.DataFrame, fields: Sequence[str]) -> dict[tuple[object, ...], list[int]]:
    """The positions of the rows by the values of these fields, in order of appearance.

    ``groupby`` would turn a field's None into NaN.
    """
    if not fields:
        return {(): list(range(len(frame)))} if len(frame) else {}
    positions: dict[tuple[object, ...], list[int]] = {}
    keys = zip(*(values_of(frame, field) for field in fields), strict=True)
    for position, key in enumerate(keys):
        positions.setdefault(key, []).append(position)
    return positions
