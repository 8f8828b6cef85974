"""What a table or figure reports: a metric, its epoch, and which direction is better."""

from dataclasses import dataclass, field, replace

import pandas as pd

from adaloss.grid.tables.at import At, Reach, about_metric, at_words, reach_of
from adaloss.tasks.metric import Goal, Metric
from adaloss.tasks.metrics import COSTS
from adaloss.tasks.program.task import aimed
from adaloss.tasks.task import Task
from analysis.frame.frame import task_in
from analysis.tables.wording import Decimals


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A metric at an epoch; ``goal`` is None if neither direction is better.

    ``task`` is that of the trials. A program's must be known to say what its metrics are; the
    frames that a measure is used with tell it. ``decimals`` are those of the table, None where the
    metric has decimals of its own.
    """

    metric: str
    at: At
    goal: Goal | None
    task: Task | None = field(default=None, repr=False, compare=False)
    decimals: Decimals | None = field(default=None, repr=False, compare=False)

    def of(self, frame: pd.DataFrame) -> "Measure":
        """The measure with the task of the frame, if it has none."""
        if self.task is not None:
            return self
        return replace(self, task=aimed(task_in(frame), self.metric, self.goal))

    @property
    def about(self) -> Metric:
        """What the task says about the metric."""
        return about_metric(self.metric, self.task)

    @property
    def epoch_word(self) -> str:
        """What an epoch is called."""
        return "epoch" if self.task is None else self.task.epoch_word

    @property
    def column(self) -> str:
        """The frame's column."""
        return f"{self.at}:{self.metric}"

    @property
    def reach(self) -> Reach | None:
        """The target at whose first epoch the metric is taken."""
        return reach_of(self.at, self.task)

    @property
    def followed(self) -> str:
        """The metric that learning curves show: of a target, the one that reaches it."""
        return self.reach.metric if self.reach else self.metric

    @property
    def is_cost(self) -> bool:
        """Whether this is what it takes to reach a target."""
        return self.reach is not None and self.metric in COSTS

    @property
    def label(self) -> str:
        """The metric in words, with its unit; until a target, seconds are of all epochs."""
        if self.is_cost and self.metric == "seconds":
            return "time (s)"
        return self.about.label

    @property
    def when(self) -> str:
        """The epoch, as the end of a sentence: ``until test loss ≤ 0.1 nats``."""
        target = self.reach
        return f"until {target.words}" if target and self.is_cost else at_words(self.at, self.task)
