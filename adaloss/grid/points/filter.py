"""Select trials by values written on a command line."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from adaloss.grid.mistakes.problems import suggestion
from adaloss.grid.mistakes.wording import as_written, sentence
from adaloss.grid.points.parameters import adapter
from adaloss.grid.reading.scalars import plain_scalar
from adaloss.trial import FIELD_NAMES, Trial, is_field

TEXT_FIELDS = ("dataset", "model", "optimizer", "interpolation", "normalize", "precision")
MOST_SHOWN = 20


def only(trials: tuple[Trial, ...], filters: Mapping[str, str]) -> tuple[Trial, ...]:
    """The trials with these values, written as in a grid. ``0.1|1`` allows several values.

    Raises:
        ValueError: a field is unknown, or no remaining trial has a value.
    """
    for name, text in filters.items():
        if not is_field(name):
            raise ValueError(f"unknown field {name!r}{suggestion(name, FIELD_NAMES)}")
        values = [field_value(name, part.strip()) for part in text.split("|")]
        existing = dict.fromkeys(trial.value(name) for trial in trials)
        for value in values:
            if value not in existing:
                names = ", ".join(map(as_written, list(existing)[:MOST_SHOWN]))
                raise ValueError(
                    f"no trial has {name}={as_written(value)}; the trials have {names}"
                )
        trials = tuple(trial for trial in trials if trial.value(name) in values)
    return trials


def field_value(name: str, text: str) -> Any:
    """The value of the field that is written as ``text``.

    Raises:
        ValueError: the text is not a value of the field.
    """
    value = text if name in TEXT_FIELDS else plain_scalar(text)
    try:
        return adapter(name).validate_python(value, strict=True)
    except ValidationError as error:
        details = error.errors(include_url=False)[0]
        raise ValueError(sentence(("parameters", name), details)) from error
