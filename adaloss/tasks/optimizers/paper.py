"""The paper's optimizers with the methods that a trial calls of every optimizer."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import torch
from torch import Tensor

from adaloss.optim.base import LossOptimizer


class TrialOptimizer(Protocol):
    """What a trial needs of its optimizer.

    ``replayable``: a step can be replayed as a CUDA graph. ``takes_loss``: the
    step computes with the loss beside its rate. ``needs_closure``: call ``minimize``
    instead of ``update``. ``create_graph``: gradients must be differentiable. ``resumable``: the
    state is complete.
    """

    replayable: bool
    takes_loss: bool
    needs_closure: bool
    create_graph: bool
    resumable: bool

    @property
    def update(self) -> Callable[[Tensor], None]:
        """Take one step after the backward pass; the loss stays on its device."""

    def minimize(self, closure: Callable[[], Tensor]) -> Tensor:
        """Take one step with a closure that computes loss and gradients; returns the first loss."""

    def set_factor(self, factor: float) -> None:
        """Multiply the learning rates that the optimizer was built with, for the next steps."""

    def evaluating(self) -> AbstractContextManager[None]:
        """Have the weights that the optimizer wants evaluated."""

    def b(self) -> float | None:
        """b_t of the last step, None where there is none. Reads back from the device."""

    def resolved(self) -> str | None:
        """The classes with all their arguments; None if the trial's fields are all of them."""

    def keep_on(self, device: torch.device) -> None:
        """Keep the state of the rate on the device, so that steps can be replayed."""

    def state_dict(self) -> dict[str, Any]:
        """The whole state."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Load what ``state_dict`` returned."""


class PaperOptimizer:
    """One of :mod:`adaloss.optim` in a trial."""

    replayable = True
    takes_loss = False
    needs_closure = False
    create_graph = False
    resumable = True

    def __init__(self, optimizer: LossOptimizer) -> None:
        self.optimizer = optimizer
        self.lr = optimizer.param_groups[0]["lr"]
        # Not `step`: its hooks and its check of the loss take several percent of a small network's
        # step.
        self.update: Callable[[Tensor], None] = optimizer.update
        self.keep_on = optimizer.keep_on
        self.state_dict = optimizer.state_dict
        self.load_state_dict = optimizer.load_state_dict

    def minimize(self, closure: Callable[[], Tensor]) -> Tensor:
        """Take one step with a closure."""
        loss = closure().detach()
        with torch.no_grad():
            self.update(loss)
        return loss

    def set_factor(self, factor: float) -> None:
        """Multiply the learning rate that the optimizer was built with."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * factor

    def evaluating(self) -> AbstractContextManager[None]:
        """The trained weights are evaluated."""
        return nullcontext()

    def resolved(self) -> None:
        """The trial's fields are all its arguments."""

    def b(self) -> float | None:
        """b_t; None for ``adagrad_norm_rowwise``."""
        return self.optimizer.b()[0]
