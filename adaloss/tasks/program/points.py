"""The point of a trial: its values of the parameters in which the trials of a sweep differ."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from adaloss.tasks.program.fields import SEED
from adaloss.trial import Trial

Point = tuple[tuple[str, Any], ...]
"""The names of parameters in tables with their values."""


def points_of(trials: Sequence[Trial]) -> list[Point]:
    """The point of each trial of a program, without the parameters that never vary.

    If nothing varies, as in a search with one point, it has all parameters.
    """
    named = dict.fromkeys(chain.from_iterable(trial.values for trial in trials))
    names = [name for name in named if name not in ("task", "program", SEED)]
    seen = {name: {exactly(trial.values.get(name)) for trial in trials} for name in names}
    varying = [name for name in names if len(seen[name]) > 1] or names
    return [tuple((name, trial.values.get(name)) for name in varying) for trial in trials]


def exactly(value: Any) -> tuple[type, Any]:
    """The value with its type: True is not 1."""
    return type(value), value
