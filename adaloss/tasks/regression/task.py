"""Linear regression as a task."""

from adaloss.tasks.metric import EFFECTIVE_LR, B
from adaloss.tasks.regression.fields import RegressionTrial
from adaloss.tasks.regression.metrics import DISTANCE, OBJECTIVE, REGRESSION_METRICS
from adaloss.tasks.task import Task, TaskCode


def load_code() -> TaskCode[RegressionTrial]:
    """Import torch and what trains."""
    from adaloss.tasks.regression.code import CODE

    return CODE


LINEAR_REGRESSION: Task = Task(
    name="linear_regression",
    fields=RegressionTrial,
    metrics=REGRESSION_METRICS,
    objective=OBJECTIVE.name,
    reported=DISTANCE.name,
    chosen_by=None,
    curves=(DISTANCE.name, OBJECTIVE.name, EFFECTIVE_LR.name, B.name),
    load=load_code,
)
