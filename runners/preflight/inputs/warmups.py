"""Whether the warmup of the learning rate fits into its trial."""

from collections.abc import Iterator

from adaloss.errors import DataError
from adaloss.records.places import Places
from adaloss.tasks.table import task_of
from adaloss.tasks.trained_trial import TrainedTrial
from runners.preflight.finding import Finding, warning
from runners.preflight.planned import Planned


def warmups(planned: Planned) -> Iterator[Finding]:
    """A warning for each number of steps of warmup that is shortened to all steps of its trial."""
    examples: dict[object, int | None] = {}
    too_long: dict[tuple[float, int], None] = {}
    for trial in planned.declared:
        if not isinstance(trial, TrainedTrial) or trial.warmup <= 1:
            continue
        values = trial.values
        split = values.get("dataset"), values.get("train_examples")
        if split not in examples:
            examples[split] = training_examples(trial, planned.sweep.places)
        if (count := examples[split]) is None:
            continue
        steps = trial.epochs * trial.steps_in_epoch(count)
        if trial.warmup > steps:
            too_long[trial.warmup, steps] = None
    for warmup, steps in too_long:
        yield warning(
            "warmup",
            f"{warmup:g} steps are more than the {steps} of a whole trial, and are shortened to "
            "those",
            "write fewer steps, or a share of them below 1",
        )


def training_examples(trial: TrainedTrial, places: Places) -> int | None:
    """The number of training examples, 0 of a task without data; None if the data are missing."""
    known = task_of(trial).data
    try:
        return 0 if known is None else known.sizes(trial, places).train
    except (DataError, OSError):
        return None
