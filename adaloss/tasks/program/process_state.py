"""The state of a process that a function may change, as it was before the function's trial."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

SETTINGS: tuple[tuple[Callable[[], Any], Callable[[Any], Any]], ...] = (
    (torch.get_default_dtype, torch.set_default_dtype),
    (torch.get_default_device, torch.set_default_device),
    (torch.is_grad_enabled, torch.set_grad_enabled),
    (torch.get_num_threads, torch.set_num_threads),
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    (torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms),
)
CUDNN = ("benchmark", "deterministic")


def process_state() -> Callable[[], None]:
    """Remember the state; the returned function restores it.

    These are the environment and the global settings of torch and NumPy. Global variables of the
    user's own modules are not among them.
    """
    environment = dict(os.environ)
    values = [read() for read, _ in SETTINGS]
    cudnn = {name: getattr(torch.backends.cudnn, name) for name in CUDNN}
    numpy = np.geterr()

    def restore() -> None:
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        for name, text in environment.items():
            if os.environ.get(name) != text:
                os.environ[name] = text
        for (read, write), value in zip(SETTINGS, values, strict=True):
            if read() != value:
                write(value)
        for name, flag in cudnn.items():
            setattr(torch.backends.cudnn, name, flag)
        np.seterr(**numpy)

    return restore
