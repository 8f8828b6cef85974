"""The two kinds of record that are indexed: a trial's result, and the history of its epochs."""

import json
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import pyarrow as pa

from adaloss.grid.tables.at import BEST_VAL, LAST
from adaloss.records.result import IN_EVERY_EPOCH, EpochMetrics, TrialResult, TrialState
from adaloss.records.store import METRICS_FILE, RESULT_FILE, Store
from adaloss.tasks.table import task_of
from adaloss.tasks.task import Task
from adaloss.trial import Trial
from analysis.frame.any_metrics import (
    COURSE_COLUMNS,
    VALUE_COLUMNS,
    course_columns,
    course_row,
    result_columns,
    values_row,
)
from analysis.frame.index import Indexed, as_it_is

OUTCOME_TEXTS = (
    "state",
    "finished_at",
    "code_version",
    "environment",
    "fingerprint",
    "divergence",
    "failure_kind",
    "failure_message",
)
"""The columns of a result that are text: see :func:`analysis.frame.frame.build_frame`."""

SIZES = ("train_size", "val_size", "test_size")


def measured_columns(task: Task) -> tuple[str, ...]:
    """The columns of the metrics at the last and at the best epoch.

    Those of a program depend on what it recorded.
    """
    if task.is_program:
        return ()
    return tuple(f"{at}:{name}" for at in (LAST, BEST_VAL) for name in task.metric_names)


def read_outcome(store: Store, trial: Trial) -> dict[str, Any] | None:
    """The row of a trial's result; only complete trials have metrics."""
    result = store.read_result(trial)
    if result is None:
        return None
    task = task_of(trial)
    complete = result.state is TrialState.COMPLETE
    last, best_val = (result.last, result.best_val) if complete else (None, None)
    return {
        "state": result.state.value,
        "finished_epochs": result.epochs,
        "seconds": result.seconds,
        "finished_at": result.finished_at,
        "code_version": result.provenance.code_version if result.provenance else None,
        "environment": environment_of(result),
        "fingerprint": fingerprint_text(result),
        "divergence": result.divergence.reason if result.divergence else None,
        "failure_kind": result.failure.kind.value if result.failure else None,
        "failure_message": result.failure.message if result.failure else None,
        **sizes_of(result),
        **(
            values_row(last)
            if task.is_program
            else measured(LAST, task, last) | measured(BEST_VAL, task, best_val)
        ),
    }


def sizes_of(result: TrialResult) -> dict[str, int | None]:
    """The numbers of training, validation and test images."""
    counted = result.examples
    sizes = (counted.train, counted.validation, counted.test) if counted else (None,) * 3
    return dict(zip(SIZES, sizes, strict=True))


def environment_of(result: TrialResult) -> str | None:
    """The provenance as JSON: Python, packages, platform, device, threads."""
    if result.provenance is None:
        return None
    return json.dumps(result.provenance.model_dump(exclude={"code_version"}), sort_keys=True)


def fingerprint_text(result: TrialResult) -> str | None:
    """The digests of the user's own code and data as JSON."""
    if result.fingerprint is None:
        return None
    return json.dumps(result.fingerprint.model_dump(exclude_none=True), sort_keys=True)


def measured(at: str, task: Task, metrics: EpochMetrics | None) -> dict[str, float | None]:
    """One epoch's metrics under their column names."""
    values = metrics.line() if metrics else {}
    return {f"{at}:{name}": values.get(name) for name in task.metric_names}


def read_history(store: Store, trial: Trial) -> Mapping[str, Any]:
    """The row of a trial's epochs: a list for each column."""
    task, epochs = task_of(trial), store.read_metrics(trial)
    lines = [metrics.line() for metrics in epochs]
    lists = {name: [line[name] for line in lines] for name in history_lists(task)}
    return lists | course_row(epochs) if task.is_program else lists


def history_lists(task: Task) -> tuple[str, ...]:
    """The names of the values of each recorded epoch: of a program, of those that all have."""
    if task.is_program:
        return IN_EVERY_EPOCH
    return ("epoch", "step", *task.metric_names)


def outcomes(task: Task, wanted: Iterable[str] = ()) -> Indexed:
    """The index of the results; of a program, with columns for the ``wanted`` metrics too."""
    measured_values = (
        VALUE_COLUMNS
        if task.is_program
        else tuple((name, pa.float64()) for name in measured_columns(task))
    )
    return Indexed(
        name="results",
        record=RESULT_FILE,
        columns=pa.schema(
            [
                *((name, pa.string()) for name in OUTCOME_TEXTS),
                ("finished_epochs", pa.int64()),
                *((name, pa.int64()) for name in SIZES),
                ("seconds", pa.float64()),
                *measured_values,
            ]
        ),
        read=read_outcome,
        shown=partial(result_columns, wanted=tuple(wanted)) if task.is_program else as_it_is,
    )


def histories(task: Task) -> Indexed:
    """The index of the recorded epochs."""
    counts = ("epoch", "step")
    lists = (
        (name, pa.list_(pa.int64() if name in counts else pa.float64()))
        for name in history_lists(task)
    )
    return Indexed(
        name="history",
        record=METRICS_FILE,
        columns=pa.schema([*lists, *(COURSE_COLUMNS if task.is_program else ())]),
        read=read_history,
        shown=course_columns if task.is_program else as_it_is,
    )
