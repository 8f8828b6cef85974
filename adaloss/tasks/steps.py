"""The steps of a trial's optimizer, for any loss: schedule, gradients, update, averaged weights."""

import copy
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

import torch
from torch import Tensor, nn

from adaloss.records.places import Places
from adaloss.tasks.divergence import check_losses
from adaloss.tasks.optimizers.average import PolynomialAverage
from adaloss.tasks.optimizers.build import optimizer_of
from adaloss.tasks.optimizers.constructors import OptimizerError
from adaloss.tasks.optimizers.schedule import lr_factor
from adaloss.tasks.seeding import (
    RandomState,
    forked_random_state,
    random_state,
    seeded,
    set_random_state,
)
from adaloss.tasks.trained_trial import TrainedTrial


class Steps:
    """A trial's optimizer and what its steps depend on. ``done`` counts the steps.

    ``count`` is the number of steps of the whole trial, over which schedules run. ``sees`` turns
    the loss into what the optimizer's rate sees, if that is something else. ``unread`` are the
    losses of the last steps, which are still on the device, and ``current`` has that of a step
    that is being taken.
    """

    def __init__(
        self,
        trial: TrainedTrial,
        model: nn.Module,
        places: Places,
        device: str,
        *,
        count: int,
        sees: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.trial = trial
        self.model = model
        self.device = torch.device(device)
        self.count = count
        self.sees = sees
        self.done = 0
        self.unread: list[Tensor] = []
        self.current: tuple[Tensor, ...] = ()
        self.parameters = tuple(model.parameters())
        # Some optimizers draw when they are built.
        with seeded(trial.seed, "optimizer", self.device):
            self.optimizer = optimizer_of(trial, model, places)
        if sees is not None and self.optimizer.takes_loss:
            raise OptimizerError(
                f"optimizer {trial.optimizer} takes the loss itself, so its rate cannot see "
                "something else: leave accumulates or rate_sees at its default"
            )
        averaged = trial.average == "polynomial"
        self.average = PolynomialAverage(model) if averaged else None
        self.scheduled = trial.is_scheduled
        if self.device.type == "cuda":
            self.optimizer.keep_on(self.device)
        with seeded(trial.seed, "forward", self.device):
            self.random = random_state(self.device)

    @contextmanager
    def of_epoch(self, epoch: int) -> Iterator[None]:
        """Take an epoch's steps, with the trial's state of the global generators.

        Dropout and some optimizers draw from them: without this a trial's numbers would depend on
        what its process did before.

        Raises:
            DivergedError: an error came after a loss that was not finite or too large.
        """
        with forked_random_state(self.device):
            set_random_state(self.device, self.random)
            try:
                yield
            except Exception:
                # Some optimizers raise an error themselves when a gradient is not finite. If the
                # GPU has failed, no loss can be read.
                with suppress(RuntimeError):
                    self.read_back(epoch)
                raise
            self.random = random_state(self.device)

    def take(self, loss_of: Callable[[], Tensor]) -> None:
        """Take one step. ``loss_of`` computes the loss, a scalar, with its graph."""
        self.begin()
        self.end(self.learn(loss_of))

    def begin(self) -> None:
        """Set the learning rate of the step."""
        if self.scheduled:
            self.optimizer.set_factor(self.lr_factor(self.done))

    def learn(self, loss_of: Callable[[], Tensor]) -> Tensor:
        """The step itself: from one to the next only data on the device changes.

        Returns the loss, a scalar that stays on the device.
        """
        if self.optimizer.needs_closure:
            return self.optimizer.minimize(lambda: self.gradients(loss_of))
        loss = self.gradients(loss_of)
        with torch.set_grad_enabled(self.optimizer.create_graph):
            self.optimizer.update(loss if self.sees is None else self.sees(loss))
        return loss

    def gradients(self, loss_of: Callable[[], Tensor]) -> Tensor:
        """Compute the gradients; returns the loss without its graph."""
        loss = loss_of()
        self.current = (loss.detach(),)
        for parameter in self.parameters:
            parameter.grad = None
        if self.optimizer.create_graph:
            trained = [parameter for parameter in self.parameters if parameter.requires_grad]
            gradients = torch.autograd.grad(loss, trained, create_graph=True, allow_unused=True)
            for parameter, gradient in zip(trained, gradients, strict=True):
                parameter.grad = gradient
        else:
            torch.autograd.backward(loss)
        if self.trial.clip_grad_norm:
            nn.utils.clip_grad_norm_(self.parameters, self.trial.clip_grad_norm)
        return loss.detach()

    def end(self, loss: Tensor) -> None:
        """Keep the step's loss until it is read, and add the weights to their average."""
        self.done += 1
        self.unread.append(loss)
        self.current = ()
        if self.average is not None:
            # Never replayed, because its weight changes; the order on the device is the same.
            self.average.update()

    def evaluating(self) -> AbstractContextManager[None]:
        """Have the weights that are evaluated in the model, then those that are trained."""
        return self.optimizer.evaluating() if self.average is None else self.average.evaluating()

    def read_back(self, epoch: int) -> list[float]:
        """The losses of the steps since the last time, with one read-back.

        Raises:
            DivergedError: names the first step whose loss was not finite or too large.
        """
        first, losses = self.done - len(self.unread) + 1, [*self.unread, *self.current]
        self.unread, self.current = [], ()
        read: list[float] = torch.stack(losses).double().tolist() if losses else []
        check_losses(read, epoch=epoch, first_step=first, max_loss=self.trial.max_loss)
        return read

    def lr_factor(self, step: int) -> float:
        """What the schedule multiplies the learning rate by at this step, counted from 0."""
        trial = self.trial
        return lr_factor(trial.schedule, step, steps=self.count, warmup=trial.warmup)

    def rate_in_use(self) -> tuple[float | None, float | None]:
        """b_t and the effective learning rate of the last step: lr/b_t times the schedule.

        None where the optimizer has no single rate (``adagrad_norm_rowwise``) or no learning rate.
        """
        b = self.optimizer.b()
        if b is None:
            return None, None
        factor = self.lr_factor(self.done - 1) if self.scheduled else 1.0
        return b, self.trial.lr * (1.0 / b) * factor

    def state_dict(self) -> dict[str, Any]:
        """A copy of the model's and the optimizer's state, with the trial that it belongs to."""
        average = {} if self.average is None else {"average": self.average.state_dict()}
        return copy.deepcopy(
            {
                **average,
                "trial_id": self.trial.trial_id,
                "step": self.done,
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "forward_random_state": self.random,
            }
        )

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a snapshot.

        Raises:
            ValueError: the snapshot belongs to another trial or kind of device, or lacks a part of
                the optimizer's state.
        """
        if not self.optimizer.resumable:
            raise ValueError(f"the state_dict of {self.trial.optimizer} is not its whole state")
        if state["trial_id"] != self.trial.trial_id:
            raise ValueError(
                f"this state belongs to trial {state['trial_id']}, not to {self.trial.trial_id}"
            )
        drawn = known_random_state(state["forward_random_state"])
        if ("cuda" in drawn) != ("cuda" in self.random):
            there, here = ("a GPU" if "cuda" in each else "a CPU" for each in (drawn, self.random))
            raise ValueError(f"this state was computed on {there}, and the trial is on {here}")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        if self.device.type == "cuda":
            self.optimizer.keep_on(self.device)
        self.done = state["step"]
        self.unread, self.current = [], ()
        self.random = self.random | drawn


def known_random_state(saved: RandomState | list[Tensor]) -> RandomState:
    """The random state in a checkpoint. Older ones have a list of torch's generators' alone."""
    return dict(zip(("cpu", "cuda"), saved, strict=False)) if isinstance(saved, list) else saved
