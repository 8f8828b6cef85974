"""Text classification as a task."""

from adaloss.tasks.images.metrics import TEST_TOP1, TRAIN_LOSS, VAL_LOSS, VAL_TOP1
from adaloss.tasks.metric import EFFECTIVE_LR, B
from adaloss.tasks.task import Task, TaskCode
from adaloss.tasks.text.data_sets import TEXT_SETS
from adaloss.tasks.text.fields import TextTrial
from adaloss.tasks.text.metrics import TEXT_METRICS, TRAIN_PEAK


def load_code() -> TaskCode[TextTrial]:
    """Import torch and what trains."""
    from adaloss.tasks.text.code import CODE

    return CODE


TEXT_CLASSIFICATION: Task = Task(
    name="text_classification",
    fields=TextTrial,
    metrics=TEXT_METRICS,
    objective=TRAIN_LOSS.name,
    reported=TEST_TOP1.name,
    chosen_by=VAL_TOP1.name,
    curves=(
        TRAIN_LOSS.name,
        VAL_LOSS.name,
        TEST_TOP1.name,
        TRAIN_PEAK.name,
        EFFECTIVE_LR.name,
        B.name,
    ),
    load=load_code,
    data=TEXT_SETS,
)
