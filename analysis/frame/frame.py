"""Read records into pandas: one row per declared trial, or per recorded epoch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from adaloss.grid.tables.at import LAST, Reach, about_metric
from adaloss.optimizer_names import HYPERPARAMETER, PREFIX, SOMETIMES_UNUSED, unused_fields
from adaloss.records.result import TrialState
from adaloss.records.store import Store
from adaloss.tasks.metric import SECONDS
from adaloss.tasks.metrics import COUNTED
from adaloss.tasks.program.task import PROGRAM
from adaloss.tasks.table import FIELD_NAMES, common_task, task_named
from adaloss.tasks.task import Task
from adaloss.trial import Trial
from analysis.frame.column_types import column_of, parameter_column, values_of
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
    """The columns of :func:`build_frame` for trials of a task.

    Those of a program have the metrics that some trial recorded besides.
    """
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
    # No other task has such a column; where every trial has failed, a history has no rows.
    if "program" not in frame:
        return task_named(frame["task"].iloc[0] if "task" in frame and len(frame) else None)
    columns = list(map(str, frame))
    parameters = columns[columns.index("program") + 1 : columns.index("seed")]
    return replace(PROGRAM, parameters=tuple(parameters))


def result_names(task: Task, rows: pa.Table) -> tuple[str, ...]:
    """The columns of the frame of these results."""
    measured = (name for name in rows.column_names if name.startswith(f"{LAST}:"))
    return (*frame_columns(task), *(measured if task.is_program else ()))


def history_names(task: Task, epochs: pa.Table) -> dict[str, str]:
    """The column of the history for each value of the recorded epochs."""
    if not task.is_program:
        return {name: name for name in history_lists(task)}
    return {name: metric_column(name, task) for name in epochs.column_names}


def metrics_in(frame: pd.DataFrame) -> tuple[str, ...]:
    """The metrics that a frame of a program's trials has, and what a target takes."""
    prefix = f"{LAST}:"
    measured = (name.removeprefix(prefix) for name in map(str, frame) if name.startswith(prefix))
    return (*measured, *COUNTED)


def metric_column(name: str, task: Task) -> str:
    """The column of a metric in a history; ``metrics.NAME`` where a field has the name."""
    taken = {*task.field_names, "trial_id", "state"} if task.is_program else set()
    while name in taken:
        name = f"metrics.{name}"
    return name


def build_frame(
    trials: Sequence[Trial],
    store: Store,
    *,
    epochs: Iterable[int] = (),
    targets: Iterable[Reach] = (),
    metrics: Iterable[str] = (),
    sweep_trials: Sequence[Trial] = (),
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
    does has the worst possible value (±inf), or NaN where neither direction is better. One whose
    history is damaged or missing before the target has NaN, because nobody knows.
    Metrics are NaN unless the trial is complete: the measurements of a diverged or failed trial are
    not results. Declared trials with the same identity all get its result. An unreadable result is
    reported to ``store.unreadable``, and its trial counts as missing.

    Of a program the fields are its parameters, and the metrics those that any of the results has,
    in the order of first appearance, the one that its tables report, and ``metrics``; they are NaN
    where a trial did not record them.

    ``sweep_trials`` are those of the sweep of which ``trials`` are a part: parameters and
    hyperparameters that only others of them have are columns, too.
    """
    every = sweep_trials or trials
    task = common_task(every)
    wanted = tuple(dict.fromkeys(filter(None, (task.reported, *metrics))))
    rows = indexed_rows(trials, store, outcomes(task, wanted))
    hyperparameters = [] if task.is_program else hyperparameters_in(every)
    frame = frame_of(trials, rows, task, hyperparameters)
    chosen = (tuple(epochs), tuple(targets))
    return with_epochs(frame, trials, store, task, *chosen, wanted) if any(chosen) else frame


def frame_of(
    trials: Sequence[Trial], rows: pa.Table, task: Task, hyperparameters: Sequence[str]
) -> pd.DataFrame:
    """The frame of these trials of a task from their rows of the index."""
    columns = identity_columns(trials, rows, task) | hyperparameter_columns(trials, hyperparameters)
    names = result_names(task, rows)
    known = frame_columns(task)
    for name in names:
        if name not in known:
            columns[name] = pd.Series(rows[name].to_numpy())
        elif name not in columns:
            columns[name] = column_of(name, rows[name].to_pylist())
    own = [name for name in columns if name not in names]
    return pd.DataFrame({name: columns[name] for name in (*names, *own)})


def with_epochs(
    frame: pd.DataFrame,
    trials: Sequence[Trial],
    store: Store,
    task: Task,
    epochs: Sequence[int],
    targets: Sequence[Reach],
    wanted: Sequence[str],
) -> pd.DataFrame:
    """The frame with the metrics of the complete trials at these epochs and targets."""
    owner, values = flattened(indexed_rows(trials, store, histories(task)))
    names = task.metric_names
    if task.is_program:
        values |= {name: np.full(len(owner), np.nan) for name in wanted if name not in values}
        names = tuple(name for name in values if name not in COUNTED)
    complete = (frame["state"] == TrialState.COMPLETE.value).to_numpy()
    ended = frame["finished_epochs"].to_numpy(dtype=float, na_value=np.nan)
    # What is lost of a damaged history may reach a target.
    whole = complete & (np.bincount(owner, minlength=len(frame)) >= ended)
    added = {}
    for epoch in epochs:
        chosen = (values["epoch"] == epoch) & complete[owner]
        for name in names:
            column = np.full(len(frame), np.nan)
            column[owner[chosen]] = values[name][chosen]
            added[f"epoch {epoch}:{name}"] = column
    for target in targets:
        first = first_epochs(owner, values, target)
        found = first[complete[owner[first]]]
        for name, column in until(owner, values, names).items():
            goal = about_metric(name, target.task or task).goal
            worst = {"minimize": np.inf, "maximize": -np.inf}.get(goal or "", np.nan)
            reached = np.where(whole, worst, np.nan)
            reached[owner[found]] = column[found]
            added[f"{target.at}:{name}"] = reached
    return pd.concat([frame, pd.DataFrame(added)], axis="columns")


def first_epochs(owner: np.ndarray, values: Mapping[str, np.ndarray], target: Reach) -> np.ndarray:
    """The positions of each trial's first epoch that reaches the target, of those that do."""
    if target.metric not in values:
        return np.empty(0, dtype=int)
    number = values[target.metric].astype(float)
    less = target.about.goal == "minimize"
    meets = np.flatnonzero(number <= target.target if less else number >= target.target)
    return meets[np.unique(owner[meets], return_index=True)[1]]


def until(
    owner: np.ndarray, values: Mapping[str, np.ndarray], names: Sequence[str]
) -> Mapping[str, np.ndarray]:
    """The values of each epoch by name, with the seconds of all epochs until its end."""
    whole = np.cumsum(np.nan_to_num(values[SECONDS.name].astype(float)))
    before = np.concatenate([[0.0], whole])[np.searchsorted(owner, owner)]
    return {name: values[name] for name in (*COUNTED, *names)} | {SECONDS.name: whole - before}


def history_frame(trials: Sequence[Trial], store: Store) -> pd.DataFrame:
    """One row per recorded epoch of every declared trial, whatever its state.

    A damaged history is reported to ``store.unreadable``; its epochs before the damage are kept.
    Of a program, a metric that has a parameter's name is the column ``metrics.NAME``.
    """
    task = common_task(trials)
    results = indexed_rows(trials, store, outcomes(task))
    return history_of(trials, results, indexed_rows(trials, store, histories(task)), task)


def history_of(
    trials: Sequence[Trial], results: pa.Table, epochs: pa.Table, task: Task
) -> pd.DataFrame:
    """The history of these trials of a task from their rows of both indexes."""
    owner, values = flattened(epochs)
    columns = identity_columns(trials, results, task)
    of_trials = pd.DataFrame(columns).take(owner).reset_index(drop=True)
    identity = [*task.field_names, "trial_id", "state"]
    names = history_names(task, epochs)
    # Not assign, which takes no name such as self.
    measured = pd.DataFrame({column: values[name] for name, column in names.items()})
    return pd.concat([of_trials[identity], measured], axis="columns")


def flattened(epochs: pa.Table) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The row of ``epochs`` that each recorded epoch belongs to, and the epochs' columns."""
    names = [name for name in epochs.column_names if pa.types.is_list(epochs[name].type)]
    whole = {name: epochs[name].combine_chunks() for name in names}
    owner = pc.list_parent_indices(whole["epoch"]).to_numpy(zero_copy_only=False)
    return owner, {name: pc.list_flatten(whole[name]).to_numpy(False) for name in names}


def identity_columns(
    trials: Sequence[Trial], results: pa.Table, task: Task
) -> dict[str, "pd.Series[Any]"]:
    """The columns that identify each row's trial: fields, id and state."""
    columns = parameter_columns(trials, task) if task.is_program else field_columns(trials, task)
    columns["trial_id"] = column_of("trial_id", [trial.trial_id for trial in trials])
    columns["state"] = column_of("state", pc.fill_null(results["state"], MISSING).to_pylist())
    return columns


def field_columns(trials: Sequence[Trial], task: Task) -> dict[str, "pd.Series[Any]"]:
    """The fields of the trials."""
    names = task.field_names
    values = zip(*map(attrgetter(*names), trials), strict=True) if trials else ((),) * len(names)
    fields = dict(zip(names, values, strict=True))
    return {name: column_of(name, declared) for name, declared in fields.items()}


def hyperparameter_columns(
    trials: Sequence[Trial], names: Sequence[str]
) -> dict[str, "pd.Series[Any]"]:
    """These hyperparameters of named optimizers; None for one that a trial does not set."""
    return {name: column_of(name, [trial.value(name) for trial in trials]) for name in names}


def hyperparameters_in(trials: Sequence[Trial]) -> list[str]:
    """The columns of the hyperparameters that any of the trials sets."""
    names = {name for trial in trials for name, _ in trial.values.get("hyperparameters", ())}
    return [f"{PREFIX}{name}" for name in sorted(names)]


def parameter_columns(trials: Sequence[Trial], task: Task) -> dict[str, "pd.Series[Any]"]:
    """The fields of trials of a program; None for a parameter that a trial does not have."""
    columns = {}
    for name in task.field_names:
        values = [trial.values.get(name) for trial in trials]
        is_own = name in task.cell_fields
        columns[name] = parameter_column(values) if is_own else column_of(name, values)
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
    if field in SOMETIMES_UNUSED and not task_in(frame).is_program:
        pairs = zip(values_of(frame, "optimizer"), values_of(frame, "rate"), strict=True)
        applies = [field not in unused_fields(*pair) for pair in pairs]
    return Values(values_of(frame, field), applies)


NEVER_AN_AXIS = ("task", "hyperparameters")


def fields_in(frame: pd.DataFrame) -> tuple[str, ...]:
    """The fields of the trials in a frame, with hyperparameters as ``optimizer.NAME``."""
    task = task_in(frame)
    if task.is_program:
        # The program is the column of a table whose cells differ in one parameter only.
        return ("program", *task.cell_fields, "seed")
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
