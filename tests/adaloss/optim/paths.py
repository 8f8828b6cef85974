"""Small random problems for the tests, and the switch to the code path for other devices."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from adaloss.optim import OPTIMIZERS, build_optimizer
from adaloss.optim.base import LossOptimizer
from adaloss.optim.loss import Loss

from .reference import Reference

NAMES = tuple(OPTIMIZERS)
ACCUMULATING = ("adaloss", "adagrad_norm")
SHAPES = ((5, 3), (5,), (4, 2, 3, 3), (2,), (), (1, 3, 2), (0,), (33,))
PLAIN = {"lr": 0.1, "b0": 0.7}
FULL = {"lr": 0.1, "b0": 3.0, "alpha": 0.5, "c": 0.2, "momentum": 0.9, "weight_decay": 0.05}


def random_weights(
    seed: int = 0, shapes: Sequence[Sequence[int]] = SHAPES, dtype: torch.dtype = torch.float64
) -> list[Tensor]:
    """Leaves that require a gradient; the same values, rounded, in every dtype."""
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(tuple(shape), generator=generator, dtype=torch.float64)
        .to(dtype)
        .requires_grad_()
        for shape in shapes
    ]


def set_gradients(weights: Sequence[Tensor], step: int) -> list[Tensor | None]:
    """Set and return gradients that depend only on the step. They are exact in bfloat16."""
    generator = torch.Generator().manual_seed(1000 + step)
    for w in weights:
        values = torch.randn(w.shape, generator=generator, dtype=torch.float64)
        w.grad = values.bfloat16().to(w.device, w.dtype)
    return [w.grad for w in weights]


def loss_of(step: int) -> float:
    """A loss that goes up and down, on both sides of c."""
    return 1.5 + (-1) ** step / (1 + step)


def run(optimizer: LossOptimizer, weights: Sequence[Tensor], steps: Sequence[int]) -> None:
    """Take these steps."""
    for step in steps:
        set_gradients(weights, step)
        optimizer.step(loss=torch.tensor(loss_of(step), dtype=torch.float64))


def keep_state_in_tensors(optimizer: LossOptimizer) -> None:
    """Keep t and b_t² in 0-d tensors, as on a GPU. The rate is then a tensor as well."""
    optimizer.keep_on(torch.device("cpu"))


PATHS: dict[str, Callable[[LossOptimizer], None]] = {
    "host": lambda optimizer: None,
    "device": keep_state_in_tensors,
}
NAME_AND_PATH = [  # the rate of the other optimizers is a number on every device
    (name, path)
    for name in NAMES
    for path in PATHS
    if path == "host" or name in (*ACCUMULATING, "sgd_decay_sqrt")
]


def assert_follows_reference(
    name: str,
    weights: Sequence[Tensor],
    settings: dict[str, float],
    *,
    rtol: float = 1e-12,
    atol: float = 1e-12,
    steps: int = 5,
    path: str = "host",
    gradients: Callable[[Sequence[Tensor], int], list[Tensor | None]] = set_gradients,
    loss: Callable[[int], Loss] = loss_of,
) -> None:
    """Run the optimizer and the equations side by side."""
    optimizer = build_optimizer(name, weights, **settings)
    reference = Reference(name, [weights], [settings])
    PATHS[path](optimizer)
    for step in range(steps):
        reference.step(loss_of(step), [gradients(weights, step)])
        optimizer.step(loss=loss(step))
    for w, expected in zip(weights, reference.weights[0], strict=True):
        torch.testing.assert_close(w.detach().double(), expected, rtol=rtol, atol=atol)
