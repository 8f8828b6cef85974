"""An average of a model's weights over the steps, which is evaluated instead of the last ones."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

GAMMA = 8


class PolynomialAverage:
    """The average with polynomial decay (Shamir and Zhang, ICML 2013), as DoG's authors have it.

    With the weights x_t after step t, counted from 1, and γ = 8:

        x̄_t = (1 − w_t)·x̄_{t−1} + w_t·x_t,   w_t = (1 + γ)/(t + γ)

    As in their package `dog`, batch norm's running mean and variance are averaged in the same way,
    and integers such as its count of batches are copied. It is kept on the model's device, and no
    step waits for the device.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.steps = 0
        self.average = {name: own.clone() for name, own in tensors_of(model).items()}

    @torch.no_grad()
    def update(self) -> None:
        """Add the weights after a step."""
        self.steps += 1
        weight = (1 + GAMMA) / (self.steps + GAMMA)
        averages, values = [], []
        for name, value in tensors_of(self.model).items():
            if value.is_floating_point() or value.is_complex():
                averages.append(self.average[name])
                values.append(value)
            else:
                self.average[name].copy_(value)
        if self.steps == 1:
            # Its weight is 1, and 0 times an infinite buffer would be NaN.
            torch._foreach_copy_(averages, values)
            return
        torch._foreach_mul_(averages, 1 - weight)
        torch._foreach_add_(averages, values, alpha=weight)

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Have the average in the model, then the trained weights again.

        The tensors stay at their addresses, which the CUDA graphs of evaluations read.
        """
        trained = {name: value.clone() for name, value in tensors_of(self.model).items()}
        self.copy_into_the_model(self.average)
        try:
            yield
        finally:
            self.copy_into_the_model(trained)

    @torch.no_grad()
    def copy_into_the_model(self, values: Mapping[str, Tensor]) -> None:
        """Set the model's tensors."""
        for name, own in tensors_of(self.model).items():
            own.copy_(values[name])

    def state_dict(self) -> dict[str, Any]:
        """The average and the number of steps."""
        return {"steps": self.steps, "average": self.average}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Load what `state_dict` returned."""
        self.steps = state["steps"]
        for name, own in self.average.items():
            own.copy_(state["average"][name])


def tensors_of(model: nn.Module) -> dict[str, Tensor]:
    """The tensors of a model's state by their first name: tied weights are there once.

    A module may have put another tensor in the place of a buffer, so they are looked up anew.
    """
    state = model.state_dict(keep_vars=True)
    first: dict[int, str] = {}
    for name, value in state.items():
        if isinstance(value, Tensor):
            first.setdefault(id(value), name)
    return {name: state[name].detach() for name in first.values()}
