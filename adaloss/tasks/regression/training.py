"""The minimisation of a squared residual: epochs of steps, full or stochastic."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from adaloss.records.places import NOWHERE, Places
from adaloss.tasks.divergence import DivergedError
from adaloss.tasks.numerics import full_precision
from adaloss.tasks.seeding import named_generator
from adaloss.tasks.steps import Steps
from adaloss.tasks.trained_trial import TrainedTrial


class LeastSquares:
    """Minimise f = ½‖u(X) − y‖² of a model u with its gradient, or with that of a few rows.

    ``batch_size`` rows are drawn with replacement for each step, whose loss is half of their
    summed squared residuals; with as many as there are rows, or more, the gradient is the full
    one (Wu, Xie, Du, Ward, AAAI 2022, sections 3 and 4). The trial has a field
    ``steps_per_epoch``. ``x`` is rows × dimensions, ``y`` rows, both float64 on the device, as
    the model. ``measured`` gives further metrics by name after an epoch, from its last b;
    ``sees`` is what the optimizer's rate sees of the loss.
    """

    def __init__(
        self,
        trial: TrainedTrial,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        measured: Callable[[float | None], Mapping[str, float | None]],
        places: Places = NOWHERE,
        device: str = "cpu",
        *,
        sees: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.trial = trial
        self.model = model
        self.x, self.y = x, y
        self.measured = measured
        self.steps_per_epoch = int(trial.value("steps_per_epoch"))
        count = trial.epochs * self.steps_per_epoch
        self.steps = Steps(trial, model, places, device, count=count, sees=sees)
        self.order = named_generator(trial.seed, "order")
        self.epoch = 0

    @property
    def step(self) -> int:
        """The steps that are done."""
        return self.steps.done

    @property
    def resolved(self) -> str | None:
        """The optimizer's classes with all their arguments."""
        return self.steps.optimizer.resolved()

    def run_epoch(self) -> dict[str, float | None]:
        """Take the steps of an epoch, then measure the whole objective.

        Raises:
            DivergedError: a step's loss is not finite or beyond ``max_loss``, or the objective is
                not finite.
        """
        self.epoch += 1
        full = self.trial.batch_size >= len(self.x)
        steps = self.steps_per_epoch
        with self.steps.of_epoch(self.epoch), full_precision(self.steps.device):
            for chosen in (None,) * steps if full else self.draws().unbind():
                self.steps.take(partial(self.loss, chosen))
        self.steps.read_back(self.epoch)
        with torch.no_grad(), self.steps.evaluating():
            objective = float(self.loss())
            b, effective_lr = self.steps.rate_in_use()
            measured = self.measured(b)
        if not math.isfinite(objective):
            reason = f"the objective is {objective}"
            raise DivergedError(epoch=self.epoch, step=self.step, loss=objective, reason=reason)
        return {"objective": objective, "b": b, "effective_lr": effective_lr, **measured}

    def loss(self, chosen: Tensor | None = None) -> Tensor:
        """The loss over the chosen rows, or over all."""
        x, y = (self.x, self.y) if chosen is None else (self.x[chosen], self.y[chosen])
        return half_squares(self.model(x) - y)

    def draws(self) -> Tensor:
        """The rows of each step of an epoch: steps × batch_size."""
        shape = (self.steps_per_epoch, self.trial.batch_size)
        return torch.randint(len(self.x), shape, generator=self.order).to(self.x.device)

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of everything that the rest of the trial depends on."""
        return self.steps.state_dict() | {"epoch": self.epoch, "order": self.order.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a snapshot; on a CPU the rest equals the original bit for bit."""
        self.steps.load_state_dict(state)
        self.order.set_state(state["order"])
        self.epoch = state["epoch"]


def half_squares(residuals: Tensor) -> Tensor:
    """Half of the sum of squares."""
    return residuals.square().sum() / 2
