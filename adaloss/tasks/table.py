"""The tasks there are, and the task of a trial."""

from collections.abc import Iterable, Mapping
from typing import Any

from adaloss.tasks.images.task import IMAGE_CLASSIFICATION
from adaloss.tasks.task import Task
from adaloss.trial import Trial

DEFAULT_TASK = IMAGE_CLASSIFICATION
TASKS: Mapping[str, Task] = {task.name: task for task in (IMAGE_CLASSIFICATION,)}


def task_of(trial: Trial) -> Task:
    """The task of a trial."""
    return next(task for task in TASKS.values() if isinstance(trial, task.fields))


def common_task(trials: Iterable[Trial]) -> Task:
    """The task of all these trials of one sweep; the default where there are none."""
    return next(map(task_of, trials), DEFAULT_TASK)


def trial_from(fields: Mapping[str, Any]) -> Trial:
    """The trial with these fields.

    Raises:
        pydantic.ValidationError: a field is missing, unknown, of the wrong type or out of range.
    """
    return DEFAULT_TASK.fields.model_validate(fields)
