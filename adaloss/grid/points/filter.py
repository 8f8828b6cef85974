"""Select trials by values written on a command line."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from adaloss.grid.mistakes.problems import suggestion
from adaloss.grid.mistakes.wording import as_written, sentence, told_apart
from adaloss.grid.points.parameters import adapter
from adaloss.grid.reading.scalars import plain_scalar
from adaloss.optimizer_names import HYPERPARAMETER
from adaloss.tasks.table import DEFAULT_TASK, TRAINED, common_task
from adaloss.tasks.task import Task
from adaloss.trial import Trial

TEXT_FIELDS = ("dataset", "model", "optimizer", "interpolation", "normalize", "precision")
MOST_SHOWN = 20


def only(trials: tuple[Trial, ...], filters: Mapping[str, str]) -> tuple[Trial, ...]:
    """The trials with these values, written as in a grid. ``0.1|1`` allows several values.

    Raises:
        ValueError: a field is unknown, or no remaining trial has a value.
    """
    task = common_task(trials)
    for name, text in filters.items():
        is_argument = HYPERPARAMETER.match(name) and not task.is_program
        if name not in task.field_names and not is_argument:
            raise ValueError(f"unknown field {name!r}{suggestion(name, task.field_names)}")
        existing = dict.fromkeys(trial.value(name) for trial in trials)
        texts = [text] if text in existing else [part.strip() for part in text.split("|")]
        # A program's parameter may be a text that looks like a number, or a list.
        written = {as_written(value): value for value in existing if isinstance(value, str | tuple)}
        values = [written[t] if t in written else field_value(name, t, task) for t in texts]
        for value in values:
            if value not in existing:
                names = ", ".join(map(told_apart, list(existing)[:MOST_SHOWN]))
                raise ValueError(
                    f"no trial has {name}={told_apart(value)}; the trials have {names}"
                )
        trials = tuple(trial for trial in trials if trial.value(name) in values)
    return trials


def field_value(name: str, text: str, task: Task | None = None) -> Any:
    """The value of the field that is written as ``text``; without a task, of the first that has it.

    Raises:
        ValueError: the text is not a value of the field.
    """
    task = task or next(
        (each for each in TRAINED.values() if name in each.field_names), DEFAULT_TASK
    )
    is_text = name in TEXT_FIELDS and not task.is_program
    value = text if is_text else plain_scalar(text)
    try:
        return adapter(task, name).validate_python(value, strict=True)
    except ValidationError as error:
        details = error.errors(include_url=False)[0]
        raise ValueError(sentence(("parameters", name), details)) from error
