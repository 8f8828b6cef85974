"""A two-layer network as a task."""

from adaloss.tasks.metric import EFFECTIVE_LR, B
from adaloss.tasks.regression.metrics import OBJECTIVE
from adaloss.tasks.task import Task, TaskCode
from adaloss.tasks.two_layer.fields import TwoLayerTrial
from adaloss.tasks.two_layer.metrics import MOVED, TWO_LAYER_METRICS


def load_code() -> TaskCode[TwoLayerTrial]:
    """Import torch and what trains."""
    from adaloss.tasks.two_layer.code import CODE

    return CODE


TWO_LAYER_NET: Task = Task(
    name="two_layer_net",
    fields=TwoLayerTrial,
    metrics=TWO_LAYER_METRICS,
    objective=OBJECTIVE.name,
    reported=OBJECTIVE.name,
    chosen_by=None,
    curves=(OBJECTIVE.name, EFFECTIVE_LR.name, B.name, MOVED.name),
    load=load_code,
)
