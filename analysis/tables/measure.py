"""What a table or a figure reports: a metric, at which epoch, and which way is better."""

from dataclasses import dataclass

from adaloss.grid.tables.spec import At
from adaloss.tasks.metric import Goal
from adaloss.tasks.metrics import METRICS


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A metric at an epoch; ``goal`` is None where neither way is better."""

    metric: str
    at: At
    goal: Goal | None

    @property
    def column(self) -> str:
        """Where the frame has it."""
        return f"{self.at}:{self.metric}"

    @property
    def label(self) -> str:
        """The metric in words, with its unit."""
        return METRICS[self.metric].label
