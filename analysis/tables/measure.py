"""What a table or figure reports: a metric, its epoch, and which direction is better."""

from dataclasses import dataclass

from adaloss.grid.tables.spec import At
from adaloss.tasks.metric import Goal
from adaloss.tasks.metrics import METRICS


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A metric at an epoch; ``goal`` is None if neither direction is better."""

    metric: str
    at: At
    goal: Goal | None

    @property
    def column(self) -> str:
        """The frame's column."""
        return f"{self.at}:{self.metric}"

    @property
    def label(self) -> str:
        """The metric in words, with its unit."""
        return METRICS[self.metric].label
