"""The numbers of a line of results: mean, standard deviation, number of runs."""

import math
from dataclasses import dataclass, field

from adaloss.grid.mistakes.problems import Problem
from adaloss.grid.reading.scalars import plain_scalar
from analysis.comparison.file.lines import Line


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """The numbers of a line, and their problems; None is a missing number."""

    mean: float | None = None
    std: float | None = None
    n: int | None = None
    problems: tuple[Problem, ...] = field(default=())


def numbers_of(line: Line, *, count: str | None, fewest: int = 1) -> Numbers:
    """The columns ``mean`` and ``std``, and the one called ``count``, at least ``fewest``."""
    problems: list[Problem] = []
    mean = number(line, "mean", problems)
    std = number(line, "std", problems)
    runs = None if count is None else number(line, count, problems)
    if std is not None and std < 0:
        problems.append(line.problem("std", f"must not be negative, found {line.texts['std']}"))
    if std is not None and mean is None and line.texts["mean"] == "":
        problems.append(line.problem("std", "has no mean; leave both empty for N/A"))
    if runs is not None and count is not None and (runs < fewest or runs != int(runs)):
        message = f"must be a whole number of at least {fewest}, found {line.texts[count]}"
        problems.append(line.problem(count, message))
    if std is not None and not line.texts.get(count or "", ""):
        problems.append(line.problem("std", "needs n; add the number of runs"))
    if std is not None and runs == 1:
        problems.append(line.problem("std", "a single run has none; leave it empty"))
    if problems:
        return Numbers(problems=tuple(problems))
    return Numbers(mean=mean, std=std, n=None if runs is None else int(runs))


def number(line: Line, column: str, problems: list[Problem]) -> float | None:
    """The finite number in a column; None if the column or the text is missing."""
    text = line.texts.get(column, "")
    value = plain_scalar(text)
    if text == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not is_finite(value):
        hint = "; write a point, not a comma" if is_with_comma(text) else ""
        if column == "mean" and not hint:
            hint = "; leave it empty where the runs diverged"
        problems.append(line.problem(column, f"must be a number, found {text[:60]!r}{hint}"))
        return None
    return float(value)


def is_finite(value: float) -> bool:
    """Whether the number is within the range of floats."""
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def is_with_comma(text: str) -> bool:
    """Whether it is a number with a decimal comma."""
    return isinstance(plain_scalar(text.replace(",", ".", 1)), float) and "," in text
