"""Collect the gradients of one step, and compute their norm."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from adaloss.optim.loss import Scalar, accumulator_dtype, plus


class Batch(NamedTuple):
    """Parameters of one device and dtype, each with its gradient.

    `dense` means that every parameter fills its memory without gaps and that its gradient has the
    same strides, so that a kernel can treat both as flat arrays. The fused CPU kernel relies on
    this and does not check it.
    """

    params: list[Tensor]
    grads: list[Tensor]
    device: torch.device
    dtype: torch.dtype
    dense: bool


def gather(parameters: Iterable[Tensor]) -> list[Batch]:
    """Collect the parameters that have a gradient, in order, by device, dtype and layout.

    Raises:
        RuntimeError: a gradient is sparse or complex.
    """
    batches: dict[tuple[torch.device, torch.dtype, bool], Batch] = {}
    batch: Batch | None = None
    for param in parameters:
        grad = param.grad
        if grad is None:
            continue
        if grad.layout is not torch.strided:
            raise RuntimeError(f"gradients must be dense, not {grad.layout}")
        dense = param.is_contiguous() or fills_its_memory(param)
        if grad.dtype is not param.dtype or (dense and grad.stride() != param.stride()):
            grad = laid_out_like(param, grad)
        if (
            batch is None
            or param.dtype is not batch.dtype
            or param.device != batch.device
            or dense is not batch.dense
        ):
            key = (param.device, param.dtype, dense)
            batch = batches.setdefault(key, Batch([], [], *key))
        batch.params.append(param)
        batch.grads.append(grad)
    return list(batches.values())


def fills_its_memory(tensor: Tensor) -> bool:
    """Whether the tensor is non-overlapping and dense. Only then `empty_like` keeps its strides."""
    return (
        tensor.is_contiguous(memory_format=torch.channels_last)
        or torch.empty_like(tensor).stride() == tensor.stride()
    )


def laid_out_like(param: Tensor, tensor: Tensor) -> Tensor:
    """A copy of `tensor` with the dtype, device and strides of `param`.

    Raises:
        RuntimeError: `tensor`, a gradient, is complex.
    """
    if tensor.is_complex():
        raise RuntimeError(f"gradients must be real, not {tensor.dtype}")
    return torch.empty_like(param, requires_grad=False).copy_(tensor)


def squared_norm(batches: Sequence[Batch]) -> Scalar:
    """‖g‖² over all gradients, summed across tensors in float64.

    Returns a float if all gradients are on the CPU, else a 0-d tensor on one of their devices.
    """
    total: Scalar = 0.0
    for batch in batches:
        on_cpu = batch.device.type == "cpu"
        total = plus(total, host_squared_norm(batch) if on_cpu else device_squared_norm(batch))
    return total


def host_squared_norm(batch: Batch) -> float:
    """‖g‖² of CPU gradients."""
    if batch.dense and batch.dtype in (torch.float32, torch.float64):
        # BLAS's dot product is faster and more accurate than a norm in float32.
        flat = [grad.as_strided((grad.numel(),), (1,)) for grad in batch.grads]
        total = host_sum([torch.dot(values, values) for values in flat])
        if math.isfinite(total):
            return total
        # Possibly only a square overflowed in float32: try again in float64.
    norms = (torch.linalg.vector_norm(grad, dtype=torch.float64) for grad in batch.grads)
    return host_sum([norm.square() for norm in norms])


def host_sum(scalars: list[Tensor]) -> float:
    """The float64 sum of 0-d CPU tensors (float32 or float64), read from their memory."""
    return sum(torch.stack(scalars).numpy().tolist(), start=0.0)


def device_squared_norm(batch: Batch) -> Tensor:
    """‖g‖² of gradients on one device, as a 0-d tensor on that device."""
    wide = torch.promote_types(batch.dtype, torch.float32)
    norms = torch.stack(torch._foreach_norm(batch.grads, 2, dtype=wide))
    return norms.to(accumulator_dtype(batch.device)).square().sum()
