"""Weights from a file: read safely, mapped from the page cache that all workers share."""

import argparse
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from adaloss.errors import WeightsError
from adaloss.tasks.failures import lacks_memory

# What wraps the state of a model: other trainers' checkpoints, and our own.
WRAPPERS = ("state_dict", "model")
# What torch.compile and DataParallel put before every name, outermost first.
PREFIXES = ("_orig_mod.", "module.", "_orig_mod.")


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name, on the CPU, without wrapper and common prefix.

    No code of the file is run. The tensors may be mapped from the file: copy them.

    Raises:
        WeightsError: the file is missing, corrupt, needs code to be read, or has no tensors.
    """
    if not path.is_file():
        raise WeightsError(f"the weights file {path} is missing; check the path")
    read = read_safetensors if path.suffix == ".safetensors" else read_pickle
    state = unwrapped(read(path))
    if not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(
            f"the weights file {path} holds no tensors by name; save model.state_dict() instead, "
            "by itself or as the entry state_dict or model of a dictionary"
        )
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
    return state


def read_safetensors(path: Path) -> Any:
    """The content of a .safetensors file."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        if lacks_memory(error):
            raise
        raise corrupt(path, error) from error


def read_pickle(path: Path) -> Any:
    """The content of a file that torch.save wrote."""
    try:
        # Checkpoints of timm's own training script hold their arguments.
        with torch.serialization.safe_globals([argparse.Namespace]):
            # Files of torch before 1.6 are no archives and cannot be mapped.
            mapped = zipfile.is_zipfile(path)
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        if not runs_code(error):
            raise corrupt(path, error) from error
        raise WeightsError(
            f"the weights file {path} cannot be read without running code that it contains, "
            "which is refused; where you trust it, load it yourself and save model.state_dict() "
            "with torch.save or safetensors"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, IndexError) as error:
        if lacks_memory(error):
            raise
        raise corrupt(path, error) from error


def runs_code(error: pickle.UnpicklingError) -> bool:
    """Whether torch refused an object of the file rather than failed to make sense of it."""
    message = str(error)
    return "Unsupported global" in message or "Unsupported class" in message


def corrupt(path: Path, error: Exception) -> WeightsError:
    """The error of a file that cannot be made sense of."""
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return WeightsError(
        f"the weights file {path} is corrupt or of another format than its suffix says "
        f"({reason[:200]}); delete it and fetch or save it again"
    )


def unwrapped(content: Any) -> dict[str, Any]:
    """The state inside of a checkpoint, or the content itself."""
    if not isinstance(content, dict):
        return {}
    for name in WRAPPERS:
        if isinstance(content.get(name), dict):
            return dict(content[name])
    return dict(content)
