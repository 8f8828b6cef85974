"""AdaLoss and its two non-adaptive relatives: one update, three rates.

Wu, Xie, Du, Ward, "AdaLoss: A computationally-efficient and provably convergent adaptive gradient
method", AAAI 2022. The three share

    d = g/b_{t+1} + wd·w        buf = m·buf + d (the first one is d)        w ← w − lr·buf

Weight decay and momentum see the scaled gradient, and weight decay itself is not scaled. With
either on, this is not `torch.optim.SGD` at lr/b.
"""

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.optim.optimizer import ParamsT

from adaloss.optim.base import LossOptimizer
from adaloss.optim.gradients import Batch, gather
from adaloss.optim.loss import Loss, Scalar, loss_value, plus
from adaloss.optim.update import descend, momentum_buffers


class SGDFamily(LossOptimizer):
    """The shared update; a member says what b_t² is."""

    def accumulate(self, batches: Sequence[Sequence[Batch]], loss: Loss | None) -> None:
        """Go from b_t to b_{t+1}, before the step. `batches`: each group's gradients."""
        for group in self.param_groups:
            group["t"] += 1

    def b_squared(self, group: dict[str, Any]) -> Scalar:
        """The present b² of a param group."""
        raise NotImplementedError

    def update(self, loss: Loss | None) -> None:
        """Accumulate, then step with the new rate."""
        batches = [gather(group["params"]) for group in self.param_groups]
        self.accumulate(batches, loss)
        for group, own_batches in zip(self.param_groups, batches, strict=True):
            rate = inverse_root(self.b_squared(group))
            momentum = group["momentum"]
            for batch in own_batches:
                descend(
                    batch,
                    momentum_buffers(self.state, batch.params) if momentum else [],
                    rate=rate,
                    lr=group["lr"],
                    momentum=momentum,
                    weight_decay=group["weight_decay"],
                )

    def b(self) -> list[float | None]:
        """b_t of each param group, b0 before the first step. Reads back from the device."""
        return [math.sqrt(self.b_squared(group)) for group in self.param_groups]


def inverse_root(b_squared: Scalar) -> Scalar:
    """1/√(b²), where b² lives."""
    return b_squared.rsqrt() if isinstance(b_squared, Tensor) else 1.0 / math.sqrt(b_squared)


class AdaLoss(SGDFamily):
    """SGD whose step shrinks with the accumulated loss: b_{t+1}² = b_t² + α·|f_t − c|.

    b_{t+1} is accumulated before it divides the gradient (AAAI 2022, Algorithm 1). It is kept in
    the param group in float64: `b_squared` is a float, or a 0-d tensor on the loss's device if
    that is not the CPU (float32 on MPS, which has no float64).

    Args:
        params: parameters or param groups, real floating point of any dtype, shape and device.
        lr: η ≥ 0, multiplies the whole step.
        b0: b_0 > 0, in the units of √loss. Read when a group is added, not afterwards.
        alpha: α ≥ 0, the weight of the loss. 0 is `SGDConstant`.
        c: the loss at the optimum, or a lower bound of it.
        momentum: m in [0, 1), PyTorch's convention.
        weight_decay: wd ≥ 0, added to the scaled gradient.

    Raises:
        TypeError: a hyperparameter is no real number, or a parameter not real floating point.
        ValueError: a hyperparameter breaks its rule.
    """

    hyperparameters = ("lr", "b0", "alpha", "c", "momentum", "weight_decay")
    keeps_b_squared = True

    def __init__(
        self,
        params: ParamsT,
        lr: float = 0.1,
        b0: float = 1.0,
        alpha: float = 1.0,
        c: float = 0.0,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            params, lr=lr, b0=b0, alpha=alpha, c=c, momentum=momentum, weight_decay=weight_decay
        )

    def accumulate(self, batches: Sequence[Sequence[Batch]], loss: Loss | None) -> None:
        """b_{t+1}² = b_t² + α·|f_t − c|."""
        if loss is None:
            raise TypeError(
                "AdaLoss needs the loss: write optimizer.step(loss=loss) after loss.backward(), "
                "or optimizer.step(closure) with a closure that returns the loss"
            )
        value = loss_value(loss)
        super().accumulate(batches, loss)
        for group in self.param_groups:
            increment = group["alpha"] * abs(value - group["c"])
            group["b_squared"] = plus(group["b_squared"], increment, in_place=self.stays)

    def b_squared(self, group: dict[str, Any]) -> Scalar:
        """The accumulated b_t²."""
        b_squared: Scalar = group["b_squared"]
        return b_squared


class SGDConstant(SGDFamily):
    """SGD on the gradient over b0: the rate is 1/b0 at every step.

    Args:
        params: parameters or param groups, real floating point of any dtype, shape and device.
        lr: η ≥ 0, multiplies the whole step.
        b0: b_0 > 0.
        momentum: m in [0, 1), PyTorch's convention.
        weight_decay: wd ≥ 0, added to the scaled gradient.

    Raises:
        TypeError: a hyperparameter is no real number, or a parameter not real floating point.
        ValueError: a hyperparameter breaks its rule.
    """

    hyperparameters = ("lr", "b0", "momentum", "weight_decay")

    def __init__(
        self,
        params: ParamsT,
        lr: float = 0.1,
        b0: float = 1.0,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, b0=b0, momentum=momentum, weight_decay=weight_decay)

    def b_squared(self, group: dict[str, Any]) -> Scalar:
        """b0²."""
        b0: float = group["b0"]
        return b0 * b0


class SGDDecaySqrt(SGDFamily):
    """SGD with a square-root decay: the rate is 1/√(b0² + α·t), t from 1.

    Args:
        params: parameters or param groups, real floating point of any dtype, shape and device.
        lr: η ≥ 0, multiplies the whole step.
        b0: b_0 > 0.
        alpha: α ≥ 0, the growth of b² per step. 0 is `SGDConstant`.
        momentum: m in [0, 1), PyTorch's convention.
        weight_decay: wd ≥ 0, added to the scaled gradient.

    Raises:
        TypeError: a hyperparameter is no real number, or a parameter not real floating point.
        ValueError: a hyperparameter breaks its rule.
    """

    hyperparameters = ("lr", "b0", "alpha", "momentum", "weight_decay")

    def __init__(
        self,
        params: ParamsT,
        lr: float = 0.1,
        b0: float = 1.0,
        alpha: float = 1.0,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            params, lr=lr, b0=b0, alpha=alpha, momentum=momentum, weight_decay=weight_decay
        )

    def b_squared(self, group: dict[str, Any]) -> Scalar:
        """b0² + α·t."""
        b_squared: Scalar = group["b0"] * group["b0"] + group["alpha"] * group["t"]
        return b_squared
