"""When a trial has diverged: a loss that is not finite, or beyond the trial's bound."""

import math
from collections.abc import Sequence

from adaloss.records.result import Divergence


class DivergedError(Exception):
    """The loss left the finite or declared range."""

    def __init__(self, *, epoch: int, step: int, loss: float, reason: str) -> None:
        self.divergence = Divergence(
            epoch=epoch, step=step, loss=loss, reason=f"{reason} at step {step} (epoch {epoch})"
        )
        super().__init__(self.divergence.reason)


def check_losses(losses: Sequence[float], *, epoch: int, first_step: int, max_loss: float) -> None:
    """Check the training losses of consecutive steps.

    Raises:
        DivergedError: names the first step whose loss is not finite or is beyond ``max_loss``.
    """
    for step, loss in enumerate(losses, start=first_step):
        if not math.isfinite(loss):
            reason = f"the training loss is {loss}"
        elif loss > max_loss:
            reason = f"the training loss {loss:.6g} is beyond max_loss {max_loss:g}"
        else:
            continue
        raise DivergedError(epoch=epoch, step=step, loss=loss, reason=reason)
