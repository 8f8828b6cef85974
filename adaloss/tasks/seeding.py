"""Named random generators: one seed, one independent stream for each purpose."""

import hashlib

import torch


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
