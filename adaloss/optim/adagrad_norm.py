"""AdaGrad-Norm: one adaptive rate from the norm of the whole gradient."""

from collections.abc import Sequence
from typing import Any

from torch.optim.optimizer import ParamsT

from adaloss.optim.gradients import Batch, squared_norm
from adaloss.optim.loss import Loss, Scalar, plus
from adaloss.optim.sgd_family import SGDFamily


class AdaGradNorm(SGDFamily):
    """SGD whose step shrinks with the accumulated gradient: b_{t+1}² = b_t² + ‖g_t‖².

    The norm is over all parameters of all groups together, so it does not matter how they are
    split or ordered; each group starts from its own b0. This is the scalar method that AdaLoss is
    compared with (Wu, Xie, Du, Ward, AAAI 2022; Ward, Wu, Bottou, "AdaGrad stepsizes", ICML 2019).
    What the paper's published code ran is `AdaGradNormRowwise`.

    `b_squared` in the param group is a float, or a 0-d float64 tensor (float32 on MPS) if the
    parameters are not on the CPU.

    Args:
        params: parameters or param groups, real floating point of any dtype, shape and device.
        lr: η ≥ 0, multiplies the whole step.
        b0: b_0 > 0, in the units of the gradient's norm. Read when a group is added.
        momentum: m in [0, 1), PyTorch's convention.
        weight_decay: wd ≥ 0, added to the scaled gradient; it does not enter the norm.

    Raises:
        TypeError: a hyperparameter is no real number, or a parameter not real floating point.
        ValueError: a hyperparameter breaks its rule.
    """

    hyperparameters = ("lr", "b0", "momentum", "weight_decay")
    keeps_b_squared = True

    def __init__(
        self,
        params: ParamsT,
        lr: float = 0.1,
        b0: float = 1.0,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, b0=b0, momentum=momentum, weight_decay=weight_decay)

    def accumulate(self, batches: Sequence[Sequence[Batch]], loss: Loss | None) -> None:
        """b_{t+1}² = b_t² + ‖g_t‖²."""
        super().accumulate(batches, loss)
        increment = squared_norm([batch for own_batches in batches for batch in own_batches])
        for group in self.param_groups:
            group["b_squared"] = plus(group["b_squared"], increment, in_place=self.stays)

    def b_squared(self, group: dict[str, Any]) -> Scalar:
        """The accumulated b_t²."""
        b_squared: Scalar = group["b_squared"]
        return b_squared
