"""Precision and determinism of a trial: set for its computations and restored afterwards."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any, Literal

import torch

from adaloss.tasks.images.fields import ImageTrial, Precision

# cuBLAS reads this variable when it starts and refuses deterministic products without it.
CUBLAS_WORKSPACE = ("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def precision_on(precision: Precision, device: torch.device) -> Literal["fp32", "tf32", "bf16"]:
    """The precision in use on the device.

    ``auto`` is bf16 on a GPU that supports it, tf32 on an older GPU and fp32 on a CPU. tf32 on a
    CPU is fp32.
    """
    if device.type != "cuda":
        return "bf16" if precision == "bf16" else "fp32"
    if precision == "auto":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "tf32"
    return precision


def forward_precision(
    trial: ImageTrial, device: torch.device
) -> contextlib.AbstractContextManager[object]:
    """The context of a forward pass: autocast to bf16 if the trial uses it; weights are fp32."""
    if precision_on(trial.precision, device) == "bf16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()


@contextlib.contextmanager
def numerics_of(trial: ImageTrial, device: torch.device) -> Iterator[None]:
    """Apply the trial's precision and determinism; restore the previous settings at the end.

    On a CPU the same trial gives the same bits with any setting. On a GPU that takes
    ``deterministic: true``, which is slower; the default there is the fastest algorithms.
    """
    with contextlib.ExitStack() as undo:
        if trial.deterministic:
            undo.enter_context(deterministic_algorithms())
        if device.type == "cuda":
            undo.enter_context(float32_products(trial, device))
        yield


@contextlib.contextmanager
def deterministic_algorithms() -> Iterator[None]:
    """Allow only deterministic algorithms; an operation that has none raises."""
    os.environ.setdefault(*CUBLAS_WORKSPACE)
    filling = torch.utils.deterministic
    before = torch.are_deterministic_algorithms_enabled(), filling.fill_uninitialized_memory  # type: ignore[attr-defined]
    torch.use_deterministic_algorithms(True)
    # Filling fresh memory would only cost time: nothing here reads memory before writing it.
    filling.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        filling.fill_uninitialized_memory = before[1]  # type: ignore[attr-defined]


@contextlib.contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Compute products of float32 numbers on a GPU in full precision, recurrent networks' too.

    For tasks without a field for it; a CPU always does.
    """
    if device.type != "cuda":
        yield
        return
    cudnn = torch.backends.cudnn
    parts: list[Any] = [torch.backends.cuda.matmul, cudnn.conv, cudnn.rnn]  # type: ignore[attr-defined]
    before = [part.fp32_precision for part in parts]
    try:
        for part in parts:
            part.fp32_precision = "ieee"
        yield
    finally:
        for part, value in zip(parts, before, strict=True):
            part.fp32_precision = value


@contextlib.contextmanager
def float32_products(trial: ImageTrial, device: torch.device) -> Iterator[None]:
    """Compute products of float32 numbers on a GPU in full precision, or as tf32."""
    kind = "tf32" if precision_on(trial.precision, device) != "fp32" else "ieee"
    matmul = torch.backends.cuda.matmul
    convolution = torch.backends.cudnn.conv  # type: ignore[attr-defined]
    before = matmul.fp32_precision, convolution.fp32_precision, torch.backends.cudnn.benchmark
    matmul.fp32_precision = convolution.fp32_precision = kind
    torch.backends.cudnn.benchmark = not trial.deterministic
    try:
        yield
    finally:
        matmul.fp32_precision, convolution.fp32_precision = before[:2]
        torch.backends.cudnn.benchmark = before[2]
