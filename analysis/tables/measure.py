"""What a table or a figure reports: a metric, at which epoch, and which way is better."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from adaloss.grid.tables.spec import At

Goal = Literal["maximize", "minimize"]

METRIC_LABELS: Mapping[str, str] = {
    "train/loss": "training loss (nats)",
    "val/loss": "validation loss (nats)",
    "val/top1": "validation top-1 accuracy (%)",
    "val/top5": "validation top-5 accuracy (%)",
    "test/loss": "test loss (nats)",
    "test/top1": "test top-1 accuracy (%)",
    "test/top5": "test top-5 accuracy (%)",
    "b": "b after the last step",
    "effective_lr": "effective learning rate of the last step",
    "examples_per_second": "training throughput (examples per second)",
    "seconds": "time of the epoch (s)",
}

# Which way is better; None where neither is.
METRIC_GOALS: Mapping[str, Goal | None] = {
    "train/loss": "minimize",
    "val/loss": "minimize",
    "val/top1": "maximize",
    "val/top5": "maximize",
    "test/loss": "minimize",
    "test/top1": "maximize",
    "test/top5": "maximize",
    "b": None,
    "effective_lr": None,
    "examples_per_second": "maximize",
    "seconds": "minimize",
}


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
        return METRIC_LABELS[self.metric]
