"""The state of a process that a function may change, as it was before the function's trial."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import backends

Setting = tuple[Callable[[], Any], Callable[[Any], Any]]
"""Functions that read a setting, and that set it."""


def attribute(owner: Any, name: str) -> Setting:
    """The setting that is an attribute of one of torch's modules."""
    return lambda: getattr(owner, name), lambda value: setattr(owner, name, value)


SETTINGS: tuple[Setting, ...] = (
    (torch.get_default_dtype, torch.set_default_dtype),
    (torch.get_default_device, torch.set_default_device),
    (torch.is_grad_enabled, torch.set_grad_enabled),
    (torch.get_num_threads, torch.set_num_threads),
    (torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
    attribute(backends.cudnn, "enabled"),
    attribute(backends.cudnn, "benchmark"),
    attribute(backends.cudnn, "deterministic"),
    attribute(backends.cuda.matmul, "allow_fp16_reduced_precision_reduction"),
    attribute(backends.cuda.matmul, "allow_bf16_reduced_precision_reduction"),
    attribute(backends.cuda.matmul, "allow_fp16_accumulation"),
    (backends.cuda.flash_sdp_enabled, backends.cuda.enable_flash_sdp),
    (backends.cuda.mem_efficient_sdp_enabled, backends.cuda.enable_mem_efficient_sdp),
    (backends.cuda.math_sdp_enabled, backends.cuda.enable_math_sdp),
    (backends.cuda.cudnn_sdp_enabled, backends.cuda.enable_cudnn_sdp),
)
# The older settings of float32 products also change the newer ones, and raise an error when they
# are read while the newer ones contradict them.
OLDER_PRECISIONS: tuple[Setting, ...] = (
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    attribute(backends.cudnn, "allow_tf32"),
)
# The more general come first, because the others follow them unless they are set.
PRECISIONS: tuple[Setting, ...] = tuple(
    attribute(owner, "fp32_precision")
    for owner in (
        backends,
        backends.cudnn,
        backends.cuda.matmul,
        backends.cudnn.conv,  # type: ignore[attr-defined]
        backends.cudnn.rnn,
        backends.mkldnn.matmul,  # type: ignore[attr-defined]
        backends.mkldnn.conv,  # type: ignore[attr-defined]
        backends.mkldnn.rnn,  # type: ignore[attr-defined]
    )
)


def process_state() -> Callable[[], None]:
    """Remember the state; the returned function restores it.

    These are the environment and the global settings of torch and NumPy. Global variables of the
    user's own modules are not among them. torch does not tell a precision of convolutions that was
    set from one that follows the general setting; if it was changed, it is set afterwards.
    """
    environment = dict(os.environ)
    settings, precisions, older = map(values_of, (SETTINGS, PRECISIONS, OLDER_PRECISIONS))
    numpy = np.geterr()

    def restore() -> None:
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        for name, text in environment.items():
            if os.environ.get(name) != text:
                os.environ[name] = text
        set_values(SETTINGS, settings)
        set_values(PRECISIONS, precisions)
        set_values(OLDER_PRECISIONS, older)
        # The older ones may have changed these.
        set_values(PRECISIONS, precisions)
        np.seterr(**numpy)

    return restore


def values_of(settings: tuple[Setting, ...]) -> list[Any]:
    """The settings' values, None for one that cannot be read."""
    return [value_of(read) for read, _ in settings]


def value_of(read: Callable[[], Any]) -> Any:
    """What this reads, None if torch refuses."""
    try:
        return read()
    except RuntimeError:
        return None


def set_values(settings: tuple[Setting, ...], values: list[Any]) -> None:
    """Set the settings that have other values, and of which the value is known."""
    for (read, write), value in zip(settings, values, strict=True):
        if value is not None and value_of(read) != value:
            write(value)
