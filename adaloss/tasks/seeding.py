"""Random generators: named ones of a seed, and the state of the global ones."""

import hashlib
from typing import Any

import torch
from torch import Tensor


def derived_seed(seed: int, purpose: str) -> int:
    """A 63-bit seed that depends on both arguments and nothing else.

    A draw that is added for one purpose never shifts the draws of another: all optimizers of one
    seed see the same initial weights and the same batches.
    """
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def named_generator(seed: int, purpose: str) -> torch.Generator:
    """A CPU generator at the start of the stream of this seed and purpose."""
    return torch.Generator().manual_seed(derived_seed(seed, purpose))


def forked_random_state(device: torch.device) -> Any:
    """A context that restores the caller's global generators at its end."""
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])


def random_state(device: torch.device) -> list[Tensor]:
    """The states (uint8) of the global generators that a forward pass on the device draws from."""
    states = [torch.get_rng_state()]
    if device.type == "cuda":
        states.append(torch.cuda.get_rng_state(device))
    return states


def set_random_state(device: torch.device, states: list[Tensor]) -> None:
    """Set the global generators to what :func:`random_state` returned."""
    torch.set_rng_state(states[0])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states[1], device)
