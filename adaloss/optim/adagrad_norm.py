"""AdaGrad-Norm: one adaptive rate, computed from the norm of the whole gradient."""

from collections.abc import Sequence
from typing import Any

from torch.optim.optimizer import ParamsT

from adaloss.optim.gradients import Batch, squared_norm
from adaloss.optim.loss import Loss, Scalar, plus
from adaloss.optim.sgd_family import SGDFamily


class AdaGradNorm(SGDFamily):
    """SGD whose step shrinks with the accumulated gradient: b_{t+1}² = b_t² + ‖g_t‖².

    The norm is over all parameters of all groups together, so the result does not depend on how
    they are split or ordered. Weight decay does not enter the norm. Each group starts from its own
    `b0`, which has the units of the gradient's norm and is read when the group is added.

    This is the scalar method that AdaLoss is compared with (Wu, Xie, Du, Ward, AAAI 2022; Ward,
    Wu, Bottou, "AdaGrad stepsizes", ICML 2019). The paper's published code ran a different rule
    under this name: `AdaGradNormRowwise`.

    `b_squared` in the param group is a float, or a 0-d float64 tensor (float32 on MPS) if the
    parameters are not on the CPU.

    The arguments are described in `LossOptimizer.__init__`.
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
        increment = squared_norm([batch for group_batches in batches for batch in group_batches])
        for group in self.param_groups:
            group["b_squared"] = plus(group["b_squared"], increment, in_place=self.updates_in_place)

    def b_squared(self, group: dict[str, Any]) -> Scalar:
        """The accumulated b_t²."""
        b_squared: Scalar = group["b_squared"]
        return b_squared
