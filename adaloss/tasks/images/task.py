"""Image classification as a task."""

from adaloss.tasks.images.data_sets import IMAGE_SETS
from adaloss.tasks.images.fields import ImageTrial
from adaloss.tasks.images.metrics import IMAGE_METRICS, TEST_TOP1, TRAIN_LOSS, VAL_LOSS, VAL_TOP1
from adaloss.tasks.metric import EFFECTIVE_LR, B
from adaloss.tasks.task import Task, TaskCode


def load_code() -> TaskCode[ImageTrial]:
    """Import torch and what trains."""
    from adaloss.tasks.images.code import ImageCode

    return ImageCode()


IMAGE_CLASSIFICATION: Task = Task(
    name="image_classification",
    fields=ImageTrial,
    metrics=IMAGE_METRICS,
    objective=TRAIN_LOSS.name,
    reported=TEST_TOP1.name,
    chosen_by=VAL_TOP1.name,
    curves=(TRAIN_LOSS.name, VAL_LOSS.name, TEST_TOP1.name, EFFECTIVE_LR.name, B.name),
    load=load_code,
    data=IMAGE_SETS,
)
