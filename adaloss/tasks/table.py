"""The tasks there are, and the task of a trial."""

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from pydantic.fields import FieldInfo

from adaloss.optimizer_names import HYPERPARAMETER
from adaloss.tasks.images.task import IMAGE_CLASSIFICATION
from adaloss.tasks.pendulum.task import PENDULUM
from adaloss.tasks.program.fields import ProgramTrial
from adaloss.tasks.program.task import PROGRAM, program_task
from adaloss.tasks.regression.task import LINEAR_REGRESSION
from adaloss.tasks.task import SAME_IN_EVERY_CELL, Task
from adaloss.tasks.text.task import TEXT_CLASSIFICATION
from adaloss.tasks.two_layer.task import TWO_LAYER_NET
from adaloss.trial import Trial

DEFAULT_TASK = IMAGE_CLASSIFICATION
TASKS: Mapping[str, Task] = {
    task.name: task
    for task in (
        IMAGE_CLASSIFICATION,
        LINEAR_REGRESSION,
        TWO_LAYER_NET,
        TEXT_CLASSIFICATION,
        PENDULUM,
        PROGRAM,
    )
}

TRAINED = {name: task for name, task in TASKS.items() if not task.is_program}
"""The tasks that this tool trains itself, whose fields and metrics are known."""

FIELDS: Mapping[str, FieldInfo] = {
    name: task.fields.model_fields[name]
    for task in reversed(tuple(TRAINED.values()))
    for name in reversed(task.field_names)
}
"""The fields of all tasks. A name that two tasks have means the same in both."""
FIELD_NAMES: tuple[str, ...] = tuple(
    dict.fromkeys(chain.from_iterable(task.field_names for task in TRAINED.values()))
)
CELL_FIELDS: tuple[str, ...] = tuple(n for n in FIELD_NAMES if n not in SAME_IN_EVERY_CELL)
"""The fields in which the cells of a sweep may differ."""


def is_field(name: str) -> bool:
    """Whether this names a field of some task, or a hyperparameter as ``optimizer.NAME``."""
    return name in FIELD_NAMES or HYPERPARAMETER.match(name) is not None


def task_named(name: object) -> Task:
    """The task of this name; the default for None, and for what names no task."""
    return TASKS.get(str(name), DEFAULT_TASK)


def task_of(trial: Trial) -> Task:
    """The task of a trial; that of a program has its parameters."""
    if isinstance(trial, ProgramTrial):
        return program_task(dict(trial.parameters), trial.metric, trial.divergence_metric)
    return next(task for task in TASKS.values() if isinstance(trial, task.fields))


def common_task(trials: Iterable[Trial]) -> Task:
    """The task of all these trials of one sweep; the default where there are none.

    That of a program has the parameters of all of them.
    """
    every = iter(trials)
    first = next(every, None)
    if not isinstance(first, ProgramTrial):
        return DEFAULT_TASK if first is None else task_of(first)
    others = (trial for trial in every if isinstance(trial, ProgramTrial))
    names = {name: None for trial in (first, *others) for name, _ in trial.parameters}
    return program_task(names, first.metric, first.divergence_metric)


def trial_from(fields: Mapping[str, Any]) -> Trial:
    """The trial with these fields.

    Raises:
        pydantic.ValidationError: a field is missing, unknown, of the wrong type or out of range.
    """
    return task_named(fields.get("task")).fields.model_validate(fields)
