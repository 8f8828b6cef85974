"""A row of metrics that a program reports."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

# Languages whose JSON has no such numbers write them as text, or as null.
NOT_FINITE = ("NaN", "nan", "Infinity", "-Infinity", "inf", "-inf")
# W&B's own name comes first: beside it, ``step`` is a metric of the user.
STEP_NAMES = ("_step", "step")


@dataclass(frozen=True)
class Row:
    """The values that a program reported together, and the step if it named one.

    A step ``of_wandb`` may be W&B's own count, which begins at 0 in each run.
    """

    step: int | None
    values: dict[str, float]
    of_wandb: bool = field(default=False, compare=False)


def row_of(content: Mapping[str, Any]) -> Row:
    """The numbers in an object of JSON. The names of nested ones are joined by dots.

    Booleans count as 0 and 1, null and the text NaN as not a number, so that an earlier value does
    not stand for it; other values are left out. ``_step`` or ``step`` is the step if it is
    whole.
    """
    values = dict(numbers_in(content))
    for name in STEP_NAMES:
        step = content.get(name)
        if isinstance(step, int | float) and type(step) is not bool and values[name].is_integer():
            del values[name]
            return Row(int(step), values)
    return Row(None, values)


def numbers_in(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """The names and values of all numbers in an object of JSON."""
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from numbers_in(value, f"{prefix}{key}.")
        elif isinstance(value, int | float):
            yield f"{prefix}{key}", as_float(value)
        elif value is None or value in NOT_FINITE:
            yield f"{prefix}{key}", float(value or "nan")


def as_float(number: float) -> float:
    """The number as a float, infinite if it is beyond their range, as in ``1e999``."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf
