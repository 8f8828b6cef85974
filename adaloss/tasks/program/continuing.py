"""Where a program that was started again continues among the reports of its trial."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from adaloss.tasks.program.row import Row

# A first report that is this many of the usual distances after the last one does not follow it.
A_GAP = 1.5


@dataclass(frozen=True)
class Reported:
    """A report of the trial: the program's own epoch, and the step that is recorded."""

    epoch: float | None
    step: int


def reports_before(first: Row, reported: Sequence[Reported]) -> int | None:
    """How many of the reports are before the first one of a new start, which does the rest again.

    None if their epochs and steps do not tell, or if a report may be missing in between.
    """
    epoch = first.values.get("epoch")
    if not reported:
        # The first report may be lost, unless there is none before this one.
        return None if epoch is not None and epoch > 0 else 0
    epochs = [each.epoch for each in reported if each.epoch is not None]
    if epoch is None or len(epochs) < len(reported):
        return None
    if epoch < min(epochs):
        return 0
    if first.step is not None and not first.of_wandb:
        step, steps = first.step, [each.step for each in reported]
    elif len(set(epochs)) == len(epochs):
        step, steps = 0, [0] * len(epochs)
    else:
        return None
    places = zip(epochs, steps, strict=True)
    before = sum(1 for _ in itertools.takewhile(lambda place: place < (epoch, step), places))
    if before < len(reported) and step > steps[before]:
        # The step says that it follows and the epoch that it does not: its epochs begin anew.
        return None
    if before == len(reported):
        # Within an epoch only the steps tell.
        is_shared = len({*epochs, epoch}) <= len(epochs)
        if ends_with_a_gap([*steps, step] if is_shared else [*epochs, epoch]):
            return None
    return before


def ends_with_a_gap(numbers: Sequence[float]) -> bool:
    """Whether the last number is further from the one before it than is usual."""
    *earlier, last = (after - before for before, after in itertools.pairwise(numbers))
    usual = max((each for each in earlier if each > 0), default=1.0)
    return last > A_GAP * usual
