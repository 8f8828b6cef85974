"""The metrics of image classification."""

from adaloss.tasks.metric import EFFECTIVE_LR, SECONDS, B, Metric

TRAIN_LOSS = Metric(
    name="train/loss", words="training loss", unit="nats", goal="minimize", logarithmic=True,
    other_names="training_loss loss",
)  # fmt: skip
VAL_LOSS = Metric(
    name="val/loss", words="validation loss", unit="nats", goal="minimize", logarithmic=True,
    other_names="valid_loss validation_loss eval_loss dev_loss loss",
)  # fmt: skip
VAL_TOP1 = Metric(
    name="val/top1", words="validation top-1 accuracy", unit="%", goal="maximize",
    other_names="val_acc val_accuracy valid_acc valid_accuracy validation_acc validation_accuracy "
    "eval_acc eval_accuracy dev_acc dev_accuracy val_acc1 accuracy acc top1 acc1",
)  # fmt: skip
VAL_TOP5 = Metric(
    name="val/top5", words="validation top-5 accuracy", unit="%", goal="maximize",
    other_names="val_acc5 top5 acc5",
)  # fmt: skip
TEST_LOSS = Metric(
    name="test/loss", words="test loss", unit="nats", goal="minimize", logarithmic=True,
)  # fmt: skip
TEST_TOP1 = Metric(
    name="test/top1", words="test top-1 accuracy", unit="%", goal="maximize",
    other_names="test_acc test_accuracy test_acc1 accuracy acc top1 acc1",
)  # fmt: skip
TEST_TOP5 = Metric(
    name="test/top5", words="test top-5 accuracy", unit="%", goal="maximize",
    other_names="test_acc5 top5 acc5",
)  # fmt: skip
EXAMPLES_PER_SECOND = Metric(
    name="examples_per_second", words="training throughput", unit="examples per second",
    heading="examples/s", goal="maximize", timed=True, decimals=0,
)  # fmt: skip

IMAGE_METRICS = (
    TRAIN_LOSS,
    VAL_LOSS,
    VAL_TOP1,
    VAL_TOP5,
    TEST_LOSS,
    TEST_TOP1,
    TEST_TOP5,
    B,
    EFFECTIVE_LR,
    EXAMPLES_PER_SECOND,
    SECONDS,
)
