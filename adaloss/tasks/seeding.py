"""Random generators: named ones of a seed, and the state of the global ones."""

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
import torch

RandomState: TypeAlias = dict[str, Any]
"""The states of the global generators ``python``, ``numpy``, ``cpu`` and, on a GPU, ``cuda``."""


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


@contextmanager
def forked_random_state(device: torch.device) -> Iterator[None]:
    """Restore the caller's global generators at the end."""
    pythons, numpys = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
    finally:
        random.setstate(pythons)
        np.random.set_state(numpys)


@contextmanager
def seeded(seed: int, purpose: str, device: torch.device) -> Iterator[None]:
    """Start the global generators anew for this seed and purpose; the caller's go on afterwards."""
    number = derived_seed(seed, purpose)
    with forked_random_state(device):
        random.seed(number)
        np.random.seed(number % 2**32)
        # `torch.manual_seed` would seed every GPU as well.
        torch.default_generator.manual_seed(number)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(number)
        yield


def random_state(device: torch.device) -> RandomState:
    """The states of the global generators that a step on the device may draw from."""
    name, keys, *rest = np.random.get_state(legacy=True)
    # A list, because a checkpoint may have no array.
    numpys = (name, np.asarray(keys).tolist(), *rest)
    states: RandomState = {"python": random.getstate(), "numpy": numpys}
    states["cpu"] = torch.get_rng_state()
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def set_random_state(device: torch.device, states: RandomState) -> None:
    """Set the global generators to what :func:`random_state` returned."""
    random.setstate(states["python"])
    np.random.set_state(states["numpy"])
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)
