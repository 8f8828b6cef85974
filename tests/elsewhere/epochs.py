"""Records of epochs that no trial ran."""

from adaloss.records.result import EpochMetrics
from adaloss.tasks.images.metrics import IMAGE_METRICS
from adaloss.tasks.metric import SECONDS

NAMES = [metric.name for metric in IMAGE_METRICS if metric is not SECONDS]


def epoch_with(value=0.5, *, epoch=1, step=10, seconds=1.0, **values):
    """An epoch whose metrics are all ``value``, except those named (``val_loss`` is val/loss)."""
    every = dict.fromkeys(NAMES, value) | named(values)
    return EpochMetrics(epoch=epoch, step=step, values=every, seconds=seconds)


def changed_epoch(metrics, **values):
    """The epoch with other values of these metrics."""
    return metrics.model_copy(update={"values": metrics.values | named(values)})


def named(values):
    by_python_name = {name.replace("/", "_"): name for name in NAMES}
    return {by_python_name.get(name, name): value for name, value in values.items()}
