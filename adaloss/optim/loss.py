"""Check and read a loss without waiting for the device that it is on."""

from numbers import Real
from typing import TypeAlias

import torch
from torch import Tensor

Loss: TypeAlias = Tensor | float
"""What `step` accepts: a 0-d tensor on any device, or a number."""

Scalar: TypeAlias = float | Tensor
"""A float if the value is in host memory, a 0-d tensor if it is on a device."""


def check_loss(loss: object) -> None:
    """Check that `loss` is a real scalar.

    Raises:
        TypeError: it is not a real tensor or a number.
        ValueError: it is a tensor that is not 0-d.
    """
    if isinstance(loss, Tensor):
        if loss.dim() != 0:
            raise ValueError(
                f"loss must be a scalar (0-d) tensor, not one of shape {tuple(loss.shape)}; "
                "reduce it first, for example with loss.mean()"
            )
        if loss.is_complex():
            raise TypeError(f"loss must be real, not {loss.dtype}")
    elif not isinstance(loss, Real):
        raise TypeError(
            f"loss must be a scalar tensor or a number, not {loss!r} ({type(loss).__name__})"
        )


def loss_value(loss: Loss) -> Scalar:
    """The loss in float64: a float if it is in host memory, else a 0-d tensor on its device."""
    if not isinstance(loss, Tensor):
        return float(loss)
    if loss.is_cpu:
        return host_value(loss)
    return loss.detach().to(accumulator_dtype(loss.device))


def host_value(scalar: Tensor) -> float:
    """The value of a 0-d CPU tensor, read from its memory. `.item()` would be a read-back."""
    scalar = scalar.detach()
    if scalar.dtype is not torch.float32 and scalar.dtype is not torch.float64:
        scalar = scalar.double()  # numpy has no bfloat16
    return float(scalar.numpy())


def accumulator_dtype(device: torch.device) -> torch.dtype:
    """float64, or float32 on Apple's GPUs, which have no float64."""
    return torch.float32 if device.type == "mps" else torch.float64


def plus(total: Scalar, increment: Scalar, *, in_place: bool = False) -> Scalar:
    """`total + increment`, on the increment's device if both are tensors.

    With `in_place` a `total` that is a tensor is updated and returned; a tensor `increment` must
    then be on the same device.
    """
    if in_place and isinstance(total, Tensor):
        return total.add_(increment)
    if isinstance(total, Tensor) and isinstance(increment, Tensor):
        return total.to(increment.device) + increment
    return total + increment
