"""What a task says about a number that its epochs record."""

from dataclasses import dataclass
from typing import Literal

Goal = Literal["maximize", "minimize"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number that each epoch of a trial records.

    ``name`` is its key in ``metrics.jsonl``, ``words`` and ``unit`` describe it on an axis, and
    ``heading`` is a short title for a column. ``goal`` is None where neither way is better.
    ``logarithmic`` metrics may span orders of magnitude. ``optional`` metrics may be None. A
    ``timed`` metric is measured with a clock, so that two runs of a trial differ in it. In words
    and statistics it has ``decimals``, percentages have two.
    ``other_names`` are what other tools call it, separated by spaces.
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

    @property
    def label(self) -> str:
        """The metric in words, with its unit."""
        return f"{self.words} ({self.unit})" if self.unit else self.words

    @property
    def places(self) -> int:
        """The number of decimals."""
        return 2 if self.is_percentage else self.decimals

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
