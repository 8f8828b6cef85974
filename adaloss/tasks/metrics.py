"""The metrics of all tasks by name: a name means the same in every task that records it."""

from collections.abc import Mapping

from adaloss.records.result import EpochMetrics
from adaloss.tasks.images.metrics import IMAGE_METRICS
from adaloss.tasks.metric import EPOCH, SECONDS, STEP, Metric
from adaloss.tasks.pendulum.metrics import PENDULUM_METRICS
from adaloss.tasks.regression.metrics import REGRESSION_METRICS
from adaloss.tasks.text.metrics import TEXT_METRICS
from adaloss.tasks.two_layer.metrics import TWO_LAYER_METRICS

LOGGED: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        *IMAGE_METRICS,
        *REGRESSION_METRICS,
        *TWO_LAYER_METRICS,
        *TEXT_METRICS,
        *PENDULUM_METRICS,
    )
}
"""What tasks record."""
METRICS: Mapping[str, Metric] = {**LOGGED, EPOCH.name: EPOCH, STEP.name: STEP}
"""These, and what is counted until a target is reached."""
COUNTED = (EPOCH.name, STEP.name)
COSTS = (*COUNTED, SECONDS.name)
"""What it takes to reach a target; the seconds are then those of all epochs until it."""


def numbers(epoch: EpochMetrics | Mapping[str, float | None]) -> dict[str, float | None]:
    """What a trial determines of an epoch: every measurement that is not measured with a clock."""
    values = epoch.line() if isinstance(epoch, EpochMetrics) else epoch
    return {
        name: value
        for name, value in values.items()
        if name not in METRICS or not METRICS[name].timed
    }
