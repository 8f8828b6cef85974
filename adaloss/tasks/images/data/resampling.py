"""Pillow's resampling weights: the factors of the pixels along one side in its resize."""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

# Pillow keeps its weights as integers over 2**22.
PILLOW_BITS = 22
# torch's resize of bytes keeps them in 16 bits, with the sign and a 1 before the point.
TORCH_BITS = 14
SUPPORT = {"bilinear": 1.0, "bicubic": 2.0}


@lru_cache(maxsize=32)
def resampling_weights(source: int, target: int, interpolation: str) -> Tensor:
    """The weights, float64 (target, source), of Pillow's antialiased resize along one side.

    Source: Pillow's documentation of its convolution-based resize; triangle for bilinear, Keys'
    cubic with a = -1/2 for bicubic, both widened by the factor when the image shrinks.
    """
    scale = source / target
    widened = max(scale, 1.0)
    support = SUPPORT[interpolation] * widened
    centre = (np.arange(target)[:, None] + 0.5) * scale
    first = np.maximum((centre - support + 0.5).astype(int), 0)
    end = np.minimum((centre + support + 0.5).astype(int), source)
    place = np.arange(source)[None, :]
    kernel = triangle if interpolation == "bilinear" else cubic
    weights = kernel(np.abs((place - centre + 0.5) * (1.0 / widened)))
    weights = np.where((place >= first) & (place < end), weights, 0.0)
    # Summed sequentially, as in Pillow, for the same last bit.
    weights /= np.cumsum(weights, axis=1)[:, -1:]
    rounded = np.trunc(weights * 2**PILLOW_BITS + np.copysign(0.5, weights))
    return torch.from_numpy(rounded / 2**PILLOW_BITS)


def triangle(distance: np.ndarray) -> np.ndarray:
    """The kernel of linear interpolation."""
    return np.maximum(1.0 - distance, 0.0)


def cubic(distance: np.ndarray) -> np.ndarray:
    """Keys' kernel of cubic interpolation with a = -1/2."""
    a = -0.5
    near = ((a + 2.0) * distance - (a + 3.0)) * distance * distance + 1
    far = (((distance - 5) * distance + 8) * distance - 4) * a
    return np.where(distance < 1.0, near, np.where(distance < 2.0, far, 0.0))


@lru_cache(maxsize=32)
def torch_resizes_as_pillow(source: int, target: int, interpolation: str) -> bool:
    """Whether torch's own resize of bytes gives Pillow's pixels because no weight is rounded.

    It does so from 32 to 256 pixels with bilinear interpolation, where all weights are sixteenths.
    """
    weights = resampling_weights(source, target, interpolation) * 2**TORCH_BITS
    return bool((weights == weights.round()).all()) and interpolation == "bilinear"


@lru_cache(maxsize=32)
def mirrors_exactly(source: int, target: int, interpolation: str) -> bool:
    """Whether a mirrored image's resize is the mirrored resize, to the bit."""
    weights = resampling_weights(source, target, interpolation)
    return source == target or torch.equal(weights, weights.flip(0, 1))
