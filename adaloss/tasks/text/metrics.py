"""The metrics of text classification."""

from adaloss.tasks.images.metrics import (
    EXAMPLES_PER_SECOND,
    TEST_LOSS,
    TEST_TOP1,
    TRAIN_LOSS,
    VAL_LOSS,
    VAL_TOP1,
)
from adaloss.tasks.metric import EFFECTIVE_LR, SECONDS, B, Metric

TRAIN_PEAK = Metric(
    name="train/peak", words="largest training loss of a step", unit="nats", goal="minimize",
    logarithmic=True,
)  # fmt: skip

TEXT_METRICS = (
    TRAIN_LOSS,
    TRAIN_PEAK,
    VAL_LOSS,
    VAL_TOP1,
    TEST_LOSS,
    TEST_TOP1,
    B,
    EFFECTIVE_LR,
    EXAMPLES_PER_SECOND,
    SECONDS,
)
