"""When a trial has diverged: a loss that is not finite, or beyond the trial's bound."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from adaloss.records.result import Divergence

if TYPE_CHECKING:
    from adaloss.tasks.task import Run, Task

BEFORE_ANY_UPDATE = "before any update: raise divergence.max_loss"


class DivergedError(Exception):
    """The loss left the finite or declared range; ``advice`` is what its user may do."""

    def __init__(
        self, *, epoch: int, step: int, loss: float, reason: str, advice: str = ""
    ) -> None:
        when = f"at step {step} (epoch {epoch})"
        said = f"{reason} {when}" + (f", {advice}" if advice else "")
        self.divergence = Divergence(epoch=epoch, step=step, loss=loss, reason=said)
        super().__init__(self.divergence.reason)


def check_finite(task: "Task", run: "Run", values: Mapping[str, float | None]) -> None:
    """Check what an epoch measured after its last step, which no loss of a step has seen.

    Raises:
        DivergedError: what the task minimises or reports is not finite.
    """
    for name in dict.fromkeys((task.objective, task.reported)):
        value = values.get(name)
        if value is not None and not math.isfinite(value):
            reason = f"the {task.metric(name).words} is {value}"
            raise DivergedError(epoch=run.epoch, step=run.step, loss=value, reason=reason)


def check_losses(losses: Sequence[float], *, epoch: int, first_step: int, max_loss: float) -> None:
    """Check the training losses of consecutive steps.

    Raises:
        DivergedError: names the first step whose loss is not finite or is beyond ``max_loss``.
    """
    for step, loss in enumerate(losses, start=first_step):
        advice = ""
        if not math.isfinite(loss):
            reason = f"the training loss is {loss}"
        elif loss > max_loss:
            reason = f"the training loss {loss:.6g} is beyond max_loss {max_loss:g}"
            advice = BEFORE_ANY_UPDATE if step == 1 else ""
        else:
            continue
        raise DivergedError(epoch=epoch, step=step, loss=loss, reason=reason, advice=advice)
