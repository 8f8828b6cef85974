"""What a table or figure reports: a metric, its epoch, and which direction is better."""

from dataclasses import dataclass

from adaloss.grid.tables.at import At, Reach, at_words, reach_of
from adaloss.tasks.metric import Goal
from adaloss.tasks.metrics import COSTS, METRICS


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
    def reach(self) -> Reach | None:
        """The target at whose first epoch the metric is taken."""
        return reach_of(self.at)

    @property
    def followed(self) -> str:
        """The metric that learning curves show: of a target, the one that reaches it."""
        return self.reach.metric if self.reach else self.metric

    @property
    def label(self) -> str:
        """The metric in words, with its unit."""
        return label_at(self.metric, self.at)


def label_at(metric: str, at: At) -> str:
    """The metric in words, with its unit; until a target is reached, seconds are of all epochs."""
    if reach_of(at) and metric in COSTS:
        return {"seconds": "time (s)"}.get(metric, METRICS[metric].label)
    return METRICS[metric].label


def when(metric: str, at: At) -> str:
    """The epoch of the metric, as the end of a sentence: ``until test loss ≤ 0.1 nats``."""
    target = reach_of(at)
    return f"until {target.words}" if target and metric in COSTS else at_words(at)
