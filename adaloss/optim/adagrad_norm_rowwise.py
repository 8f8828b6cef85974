"""The rule that the paper's published code ran under the name AdaGrad-Norm."""

from itertools import chain
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from adaloss.optim.base import LossOptimizer
from adaloss.optim.loss import Loss

EPSILON = 1e-10


class AdaGradNormRowwise(LossOptimizer):
    """The rule that the paper's repository ran as AdaGrad-Norm; the paper's is `AdaGradNorm`.

    It reproduces the published numbers of Wu, Xie, Du, Ward, AAAI 2022. It has no single rate.
    Each step visits the tensors that have a gradient, in parameter order and across groups:

    * A 2-D or 4-D tensor has one accumulator per output row r: s_r ← s_r + ‖g_r‖².
    * Any other tensor has one accumulator per coordinate: s ← s + g². It *also* adds the row norms
      ‖g_r‖² of the last 2-D or 4-D tensor before it in this step, averaged over equal groups of
      consecutive rows, if the number of rows is a multiple of the tensor's first dimension. Like
      the broadcast in the original code, the averages are added along the tensor's last
      dimension, and are left out where the shapes do not fit.
    * Every accumulator starts from b0². `b0` has the units of the gradient and is read at a
      parameter's first step.
    * w ← w − lr·g/(√s + 1e-10). With momentum m > 0, g is replaced by the average
      buf ← m·buf + (1 − m)·g, which starts from 0.
    * w ← w − lr·wd·g: "weight decay" multiplies the plain gradient, not the weights.

    The accumulators are `state[p]["squared_sum"]`, of shape (rows,) or the shape of the parameter,
    in the dtype of the parameter but at least float32.

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

    def b(self) -> list[float | None]:
        """None for each param group: every row or coordinate has its own accumulator."""
        return [None for _ in self.param_groups]

    def update(self, loss: Loss | None) -> None:
        """Take one step of the rule above."""
        with_grad = [
            (group, param, checked_grad(param))
            for group in self.param_groups
            for param in group["params"]
            if param.grad is not None
        ]
        for group in self.param_groups:
            group["t"] += 1
        row_norms: Tensor | None = None
        for group, param, grad in with_grad:
            total = self.squared_sum(param, group["b0"])
            if has_rows(param):
                columns = tuple(range(1, grad.dim()))
                norms = torch.linalg.vector_norm(grad, dim=columns, dtype=total.dtype)
                row_norms = norms.square_()
                total.add_(row_norms)
                denominator = total.sqrt().add_(EPSILON).view(-1, *(1 for _ in columns))
            else:
                shared = averaged_rows(row_norms, grad)
                if shared is not None:
                    total.add_(shared.to(total.device))
                total.add_(grad.to(total.dtype).square())
                denominator = total.sqrt().add_(EPSILON)
            self.descend(group, param, grad, denominator)

    def squared_sum(self, param: Tensor, b0: float) -> Tensor:
        """The accumulators of a parameter. They start from b0²."""
        param_state = self.state[param]
        if "squared_sum" not in param_state:
            param_state["squared_sum"] = torch.full(
                param.shape[:1] if has_rows(param) else param.shape,
                b0 * b0,
                dtype=torch.promote_types(param.dtype, torch.float32),
                device=param.device,
            )
        total: Tensor = param_state["squared_sum"]
        return total

    def descend(
        self, group: dict[str, Any], param: Tensor, grad: Tensor, denominator: Tensor
    ) -> None:
        """Subtract lr·g/(√s + ε) + lr·wd·g. With momentum the average replaces the first g."""
        lr, momentum, weight_decay = group["lr"], group["momentum"], group["weight_decay"]
        if not momentum:
            factor = denominator.reciprocal_().add_(weight_decay)
            param.addcmul_(grad, factor, value=-lr)
            return
        param_state = self.state[param]
        if "momentum_buffer" not in param_state:
            param_state["momentum_buffer"] = torch.zeros_like(param)
        average = param_state["momentum_buffer"].mul_(momentum).add_(grad, alpha=1 - momentum)
        param.addcdiv_(average, denominator, value=-lr)
        if weight_decay:
            param.add_(grad, alpha=-lr * weight_decay)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a state. The accumulators keep the dtype in which they were saved."""
        super().load_state_dict(state_dict)
        saved_keys = chain.from_iterable(group["params"] for group in state_dict["param_groups"])
        params = chain.from_iterable(group["params"] for group in self.param_groups)
        for key, param in zip(saved_keys, params, strict=True):
            saved = state_dict["state"].get(key, {}).get("squared_sum")
            if saved is not None:
                self.state[param]["squared_sum"] = saved.detach().to(param.device, copy=True)


def checked_grad(param: Tensor) -> Tensor:
    """The gradient of a parameter. Raises `RuntimeError` if it is sparse or complex."""
    grad = param.grad
    assert grad is not None
    if grad.layout is not torch.strided:
        raise RuntimeError(f"gradients must be dense, not {grad.layout}")
    if grad.is_complex():
        raise RuntimeError(f"gradients must be real, not {grad.dtype}")
    return grad


def has_rows(param: Tensor) -> bool:
    """Whether the rule treats this tensor as output rows (linear and 2-D convolution weights)."""
    return param.dim() in (2, 4)


def averaged_rows(row_norms: Tensor | None, grad: Tensor) -> Tensor | None:
    """The row norms, averaged to the length of `grad`'s first dimension; None if they don't fit."""
    if row_norms is None or grad.dim() == 0:
        return None
    first, last = grad.shape[0], grad.shape[-1]
    if first == 0 or len(row_norms) % first or first not in (1, last):
        return None
    return row_norms.view(first, -1).mean(dim=1)
