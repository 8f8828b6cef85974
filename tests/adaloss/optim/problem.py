"""A small classification problem in float64, without random numbers: the same on every machine."""

import torch
from torch import Tensor

INITIAL_SHAPES = {
    "conv.weight": (4, 1, 2, 2),
    "conv.bias": (4,),
    "scale": (2,),  # 4 rows before it: averaged in pairs by the row-wise rule
    "linear.weight": (3, 4),
    "linear.bias": (3,),
    "shift": (2,),  # 3 rows before it: they do not fit
}


def wave(*shape: int, phase: float) -> Tensor:
    """Numbers in [-0.5, 0.5] without an obvious pattern."""
    count = int(torch.tensor(shape).prod())
    return (torch.sin(torch.arange(count, dtype=torch.float64) * 12.9898 + phase) / 2).view(shape)


def initial_weights() -> list[Tensor]:
    """The starting point, in the order of `INITIAL_SHAPES`."""
    return [wave(*shape, phase=i) for i, shape in enumerate(INITIAL_SHAPES.values())]


def loss_at(weights: list[Tensor], step: int) -> Tensor:
    """The cross-entropy of a small network on the mini-batch of this step."""
    conv_weight, conv_bias, scale, linear_weight, linear_bias, shift = weights
    images = 2 * wave(5, 1, 3, 3, phase=100 + step)
    labels = (torch.arange(5) + step) % 3
    features = torch.nn.functional.conv2d(images, conv_weight, conv_bias).tanh().mean(dim=(2, 3))
    features = (features.view(5, 2, 2) * scale[:, None] + shift[:, None]).view(5, 4)
    logits = features @ linear_weight.T + linear_bias
    return torch.nn.functional.cross_entropy(logits, labels)


def loss_and_gradients(weights: list[Tensor], step: int) -> tuple[float, list[Tensor]]:
    """The loss and its gradient at `weights`, for the reference."""
    leaves = [w.detach().clone().requires_grad_() for w in weights]
    loss = loss_at(leaves, step)
    loss.backward()
    return float(loss.detach()), [leaf.grad for leaf in leaves if leaf.grad is not None]
