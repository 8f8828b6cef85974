"""How a trial computes: precision and determinism, set for it and given back afterwards."""

import contextlib
import os
from collections.abc import Iterator
from typing import Literal

import torch

from adaloss.trial import Precision, Trial

# cuBLAS reads it when it starts; without it deterministic products are refused.
CUBLAS_WORKSPACE = ("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def precision_on(precision: Precision, device: torch.device) -> Literal["fp32", "tf32", "bf16"]:
    """What ``auto`` stands for on the device; the others are what they are.

    That is bf16 on a GPU that computes with it, tf32 on an older one, fp32 on a CPU. tf32 on a
    CPU is fp32.
    """
    if device.type != "cuda":
        return "bf16" if precision == "bf16" else "fp32"
    if precision == "auto":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "tf32"
    return precision


def forward_precision(
    trial: Trial, device: torch.device
) -> contextlib.AbstractContextManager[object]:
    """The context of a forward pass: bf16 where the trial computes with it, weights in fp32."""
    if precision_on(trial.precision, device) == "bf16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()


@contextlib.contextmanager
def numerics_of(trial: Trial, device: torch.device) -> Iterator[None]:
    """Compute as the trial asks for; a worker's next trial starts from what was before.

    On a CPU the same trial gives the same bits without further ado. On a GPU that takes
    ``deterministic: true``, which is slower; by default the fastest algorithms are chosen there.
    """
    with contextlib.ExitStack() as undo:
        if trial.deterministic:
            undo.enter_context(deterministic_algorithms())
        if device.type == "cuda":
            undo.enter_context(float32_products(trial, device))
        yield


@contextlib.contextmanager
def deterministic_algorithms() -> Iterator[None]:
    """Only algorithms that give the same bits twice; an operation that has none raises."""
    os.environ.setdefault(*CUBLAS_WORKSPACE)
    filling = torch.utils.deterministic
    before = torch.are_deterministic_algorithms_enabled(), filling.fill_uninitialized_memory  # type: ignore[attr-defined]
    torch.use_deterministic_algorithms(True)
    # Filling fresh memory would only cost time: nothing here reads what it has not written.
    filling.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        filling.fill_uninitialized_memory = before[1]  # type: ignore[attr-defined]


@contextlib.contextmanager
def float32_products(trial: Trial, device: torch.device) -> Iterator[None]:
    """Products of float32 numbers on a GPU: in full, or as tf32."""
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
