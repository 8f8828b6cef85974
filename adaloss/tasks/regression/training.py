"""One trial of linear regression: epochs of steps, full or stochastic."""

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from adaloss.records.places import NOWHERE, Places
from adaloss.tasks.divergence import DivergedError
from adaloss.tasks.regression.fields import RegressionTrial
from adaloss.tasks.seeding import named_generator
from adaloss.tasks.steps import Steps

if TYPE_CHECKING:
    from adaloss.tasks.regression.code import Problem


class Linear(nn.Module):
    """w, which starts at 0, so that a call gives X·w."""

    def __init__(self, dimensions: int, device: torch.device) -> None:
        super().__init__()
        zeros = torch.zeros(dimensions, dtype=torch.float64, device=device)
        self.w = nn.Parameter(zeros)

    def forward(self, x: Tensor) -> Tensor:
        """X·w."""
        return x @ self.w


class Regression:
    """Minimise f(w) = ½‖Xw − y‖² with its gradient, or with that of a few rows.

    ``batch_size`` rows are drawn with replacement for each step, whose loss is half of their summed
    squared residuals; with as many as there are rows, or more, the gradient is the full one (Wu,
    Xie, Du, Ward, AAAI 2022, section 3). All is float64.
    """

    def __init__(
        self,
        trial: RegressionTrial,
        problem: "Problem",
        places: Places = NOWHERE,
        device: str = "cpu",
    ) -> None:
        self.trial = trial
        self.problem = problem
        self.model = Linear(trial.dimensions, torch.device(device))
        self.steps = Steps(
            trial, self.model, places, device, count=trial.epochs * trial.steps_per_epoch
        )
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
            DivergedError: a step's loss, or the objective, is not finite or beyond ``max_loss``.
        """
        self.epoch += 1
        trial = self.trial
        full = trial.batch_size >= trial.rows
        losses = []
        for chosen in (None,) * trial.steps_per_epoch if full else self.draws().unbind():
            losses.append(self.steps.take(partial(self.loss, chosen)))
        self.steps.read_back(losses, self.epoch)
        with torch.no_grad(), self.steps.evaluating():
            objective = float(self.loss())
            distance = float((self.model.w - self.problem.solution).square().sum())
        if not math.isfinite(objective):
            reason = f"the objective is {objective}"
            raise DivergedError(epoch=self.epoch, step=self.step, loss=objective, reason=reason)
        b, effective_lr = self.steps.rate_in_use()
        critical = trial.lr * self.problem.largest / 2
        return {
            "objective": objective,
            "distance": distance,
            "b": b,
            "relative_b": None if b is None or not critical else b / critical,
            "effective_lr": effective_lr,
        }

    def loss(self, chosen: Tensor | None = None) -> Tensor:
        """The loss over the chosen rows, or over all."""
        x, y = self.problem.x, self.problem.y
        return half_squares(
            self.model(x) - y if chosen is None else self.model(x[chosen]) - y[chosen]
        )

    def draws(self) -> Tensor:
        """The rows of each step of an epoch: steps × batch_size."""
        shape = (self.trial.steps_per_epoch, self.trial.batch_size)
        return torch.randint(self.trial.rows, shape, generator=self.order).to(self.problem.x.device)

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
