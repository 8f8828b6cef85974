"""AdaLoss and its two non-adaptive relatives: one update with three rates.

Wu, Xie, Du, Ward, "AdaLoss: A computationally-efficient and provably convergent adaptive gradient
method", AAAI 2022. All three use the update

    d = g/b_{t+1} + wd·w        buf = m·buf + d (the first buf is d)        w ← w − lr·buf

Only the gradient is divided by b, so weight decay is not scaled. With weight decay or momentum
this differs from `torch.optim.SGD` at lr/b.
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
    """The shared update. Each subclass defines b_t²."""

    def accumulate(self, batches: Sequence[Sequence[Batch]], loss: Loss | None) -> None:
        """Update b_t to b_{t+1} before the step. `batches` has the gradients of each group."""
        for group in self.param_groups:
            group["t"] += 1

    def b_squared(self, group: dict[str, Any]) -> Scalar:
        """The current b_t² of a param group."""
        raise NotImplementedError

    def update(self, loss: Loss | None) -> None:
        """Update b_t, then take the step with the new rate."""
        batches = [gather(group["params"]) for group in self.param_groups]
        self.accumulate(batches, loss)
        for group, group_batches in zip(self.param_groups, batches, strict=True):
            rate = inverse_root(self.b_squared(group))
            momentum = group["momentum"]
            for batch in group_batches:
                descend(
                    batch,
                    momentum_buffers(self.state, batch.params) if momentum else [],
                    rate=rate,
                    lr=group["lr"],
                    momentum=momentum,
                    weight_decay=group["weight_decay"],
                )

    def b(self) -> list[float | None]:
        """b_t of each param group: b0 before the first step. Reads back from the device."""
        return [math.sqrt(self.b_squared(group)) for group in self.param_groups]


def inverse_root(b_squared: Scalar) -> Scalar:
    """1/√(b²), on the device of b²."""
    return b_squared.rsqrt() if isinstance(b_squared, Tensor) else 1.0 / math.sqrt(b_squared)


class AdaLoss(SGDFamily):
    """SGD whose step shrinks with the accumulated loss: b_{t+1}² = b_t² + α·|f_t − c|.

    b_{t+1} is computed before it divides the gradient (AAAI 2022, Algorithm 1). `b0` has the units
    of √loss and is read when a param group is added, not afterwards.

    `b_squared` in the param group is a float, or a 0-d float64 tensor on the loss's device if that
    is not the CPU (float32 on MPS, which has no float64).

    The arguments are described in `LossOptimizer.__init__`.
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
            group["b_squared"] = plus(group["b_squared"], increment, in_place=self.updates_in_place)

    def b_squared(self, group: dict[str, Any]) -> Scalar:
        """The accumulated b_t²."""
        b_squared: Scalar = group["b_squared"]
        return b_squared


class SGDConstant(SGDFamily):
    """SGD on the gradient divided by b0: the rate is 1/b0 at every step.

    The arguments are described in `LossOptimizer.__init__`.
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
    """SGD with a square-root decay: the rate is 1/√(b0² + α·t), with t from 1.

    The arguments are described in `LossOptimizer.__init__`.
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
