"""The update of the SGD family, in as few kernels as the device allows.

    d = rate·g + wd·w        buf = m·buf + d, or d without momentum        w ← w − lr·buf

The update does not change `p.grad`. Every code path stores the plain `buf` above as the momentum
buffer, so that a state saved on one device can be loaded on another without a change.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from adaloss.optim.gradients import Batch, laid_out_like
from adaloss.optim.loss import Scalar

# The dtypes for which `_fused_sgd_` works, by device. In torch 2.11 the CPU kernel leaves
# half-precision weights unchanged, without an error (seen with 32 elements and more).
FUSED: Mapping[str, tuple[torch.dtype, ...]] = MappingProxyType(
    {
        "cpu": (torch.float32, torch.float64),
        "cuda": (torch.float16, torch.bfloat16, torch.float32, torch.float64),
        "xpu": (torch.float16, torch.bfloat16, torch.float32, torch.float64),
        "mps": (torch.float16, torch.bfloat16, torch.float32),
    }
)

# Only rates in these ranges are folded into the kernel's scalars. Outside (0, inf and nan included)
# wd/rate could overflow where the equations stay finite. With momentum, 1 − (1 − rate) must also
# keep twelve digits of the rate.
FOLDABLE = (1e-9, 1e9)
FOLDABLE_WITH_MOMENTUM = (1e-4, 1e9)


def momentum_buffers(state: defaultdict[Tensor, Any], params: Sequence[Tensor]) -> list[Tensor]:
    """`state[p]["momentum_buffer"]` of each parameter, in its shape, dtype and layout.

    A new buffer is 0, so that the first step gives m·0 + d = d as in PyTorch.
    """
    buffers = []
    for param in params:
        param_state = state[param]
        buffer = param_state.get("momentum_buffer")
        if buffer is None:
            buffer = param_state["momentum_buffer"] = torch.zeros_like(param)
        elif buffer.stride() != param.stride():
            buffer = param_state["momentum_buffer"] = laid_out_like(param, buffer)
        buffers.append(buffer)
    return buffers


def descend(
    batch: Batch,
    buffers: list[Tensor],
    *,
    rate: Scalar,
    lr: float,
    momentum: float,
    weight_decay: float,
) -> None:
    """Take one step for every parameter of `batch`, in place.

    `buffers` is empty without momentum. A `rate` that is a tensor is an operand of the kernels and
    is not read back.
    """
    params, grads = batch.params, batch.grads
    fused = batch.dense and batch.dtype in FUSED.get(batch.device.type, ())
    if fused and isinstance(rate, float) and foldable(rate, batch.device, momentum):
        # w ← w − (lr·rate)·(g + (wd/rate)·w). With momentum the kernel computes
        # m·buf + (1 − dampening)·(g + (wd/rate)·w), where 1 − dampening is the rate.
        fused_sgd(
            params,
            grads,
            buffers,
            lr=lr if momentum else lr * rate,
            weight_decay=weight_decay / rate,
            momentum=momentum,
            dampening=1 - rate if momentum else 0.0,
        )
    elif fused and isinstance(rate, Tensor) and fits_in_lr(batch.dtype, momentum, weight_decay):
        fused_sgd(params, grads, buffers, lr=(lr * rate).to(batch.device, torch.float32))
    elif fused:
        directions = scaled(batch, rate)
        fused_sgd(params, directions, buffers, lr=lr, weight_decay=weight_decay, momentum=momentum)
    else:
        directions = scaled(batch, rate)
        plain_sgd(params, directions, buffers, lr=lr, weight_decay=weight_decay, momentum=momentum)


def foldable(rate: float, device: torch.device, momentum: float) -> bool:
    """Whether the kernel's scalar arguments can represent the rate exactly."""
    if not momentum:
        return FOLDABLE[0] <= rate <= FOLDABLE[1]
    in_double = device.type in ("cpu", "cuda")  # other devices round 1 − dampening to float32
    return in_double and FOLDABLE_WITH_MOMENTUM[0] <= rate <= FOLDABLE_WITH_MOMENTUM[1]


def fits_in_lr(dtype: torch.dtype, momentum: float, weight_decay: float) -> bool:
    """Whether the kernel can take lr·rate as its lr, a tensor that it reads in float32."""
    return not (momentum or weight_decay) and dtype is not torch.float64


def fused_sgd(
    params: list[Tensor],
    grads: list[Tensor],
    buffers: list[Tensor],
    *,
    lr: Scalar,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    dampening: float = 0.0,
) -> None:
    """Call PyTorch's fused kernel. `buffers` already hold values, so no step is the first."""
    torch._fused_sgd_(
        params,
        grads,
        buffers,
        weight_decay=weight_decay,
        momentum=momentum,
        lr=lr,
        dampening=dampening,
        nesterov=False,
        maximize=False,
        is_first_step=False,
    )


def plain_sgd(
    params: list[Tensor],
    directions: list[Tensor],
    buffers: list[Tensor],
    *,
    lr: float,
    weight_decay: float,
    momentum: float,
) -> None:
    """Take the same step operation by operation, on any device, dtype and layout.

    The function overwrites `directions`.
    """
    if weight_decay:
        torch._foreach_add_(directions, params, alpha=weight_decay)
    if momentum:
        torch._foreach_mul_(buffers, momentum)
        torch._foreach_add_(buffers, directions)
        directions = buffers
    torch._foreach_add_(params, directions, alpha=-lr)


def scaled(batch: Batch, rate: Scalar) -> list[Tensor]:
    """rate·g in new tensors. The rate is not rounded below float32."""
    if isinstance(rate, float):
        return list(torch._foreach_mul(batch.grads, rate))
    wide = torch.promote_types(batch.dtype, torch.float32)
    factor = rate.to(batch.device, wide)
    if wide is batch.dtype:
        return list(torch._foreach_mul(batch.grads, factor))
    products = [torch.empty_like(grad, dtype=wide) for grad in batch.grads]
    torch._foreach_copy_(products, batch.grads)
    torch._foreach_mul_(products, factor)
    directions = [torch.empty_like(grad) for grad in batch.grads]
    torch._foreach_copy_(directions, products)
    return directions
