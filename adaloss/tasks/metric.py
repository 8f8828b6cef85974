"""What a task says about a number that its epochs record."""

from dataclasses import dataclass, replace
from typing import Literal

from adaloss.records.printable import printable_line

Goal = Literal["maximize", "minimize"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number that each epoch of a trial records.

    ``name`` is its key in ``metrics.jsonl``, ``words`` and ``unit`` describe it on an axis, and
    ``heading`` is a short title for a column. ``goal`` is None where neither way is better.
    ``logarithmic`` metrics may span orders of magnitude. ``optional`` metrics may be None. A
    ``timed`` metric is measured with a clock, so that two runs of a trial differ in it. In words
    and statistics it has ``decimals``, percentages have two.
    ``other_names`` are what other tools call it, separated by spaces. Of a metric of ``any_scale``
    nothing but the name is known, and perhaps the goal.
    """

    name: str
    words: str
    unit: str = ""
    heading: str = ""
    goal: Goal | None = None
    logarithmic: bool = False
    optional: bool = False
    timed: bool = False
    decimals: int = 4
    other_names: str = ""
    any_scale: bool = False

    @property
    def label(self) -> str:
        """The metric in words, with its unit."""
        return f"{self.words} ({self.unit})" if self.unit else self.words

    @property
    def places(self) -> int:
        """The number of decimals."""
        return 2 if self.is_percentage else self.decimals

    @property
    def may_be_small(self) -> bool:
        """Whether values may be far below 1, so that a fixed number of decimals may hide them."""
        return self.logarithmic or self.any_scale

    @property
    def is_percentage(self) -> bool:
        """Whether the values are percentages."""
        return self.unit == "%"


B = Metric(name="b", words="b after the last step", logarithmic=True, optional=True)
EFFECTIVE_LR = Metric(
    name="effective_lr", words="effective learning rate of the last step", heading="effective lr",
    logarithmic=True, optional=True,
)  # fmt: skip
SECONDS = Metric(
    name="seconds", words="time of the epoch", unit="s", goal="minimize", timed=True, decimals=2
)
"""Recorded by every task."""
EPOCH = Metric(name="epoch", words="epochs", goal="minimize")
STEP = Metric(name="step", words="steps", goal="minimize")
"""Counted at a target: what it took to reach it."""
OF_REPORTS: tuple[Metric, ...] = (
    replace(EPOCH, words="reports"),
    STEP,
    replace(SECONDS, words="time of the report"),
)
"""The same of a program of the user's own, whose epochs are its reports."""


def any_metric(name: str, goal: Goal | None = None) -> Metric:
    """A metric of which nothing else is known: that of a program of the user's own."""
    return Metric(
        name=name,
        words=printable_line(name) or name,
        goal=goal,
        logarithmic=goal == "minimize",
        optional=True,
        any_scale=True,
    )
