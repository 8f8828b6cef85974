"""The user's own images: a folder per class, like torchvision's ImageFolder."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from adaloss.errors import DataError
from adaloss.tasks.data.parts import TRAIN
from adaloss.tasks.images.data.sources.decoding import rgb_image
from adaloss.tasks.images.data.sources.folder_layout import image_paths
from adaloss.tasks.images.data.sources.raw import RawDataset

RESAMPLING = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
# An image folder is refused if no pixel is above this level.
BLACK = 1
# The limit for a resized image before its centre is cut out: a narrow strip becomes very long.
MOST_PIXELS = 2 * 10**8


def load_image_folder(folder: Path, size: int, interpolation: str) -> RawDataset:
    """Decode every image once: RGB, shorter side resized to ``size``, centre square cut out.

    The result equals torchvision's Resize and CenterCrop with Pillow. Mean and standard deviation
    are those of train/, or of all images where there are no parts, with those split off later.

    Raises:
        DataError: the layout is wrong, or an image cannot be read; the message names it.
    """
    paths, labels, parts, classes = image_paths(folder)
    images = torch.empty(len(paths), size, size, 3, dtype=torch.uint8)

    def decode(numbered: tuple[int, Path]) -> None:
        index, path = numbered
        images[index] = torch.from_numpy(square(path, size, RESAMPLING[interpolation]))

    # Pillow releases the interpreter's lock while it decodes.
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for _ in threads.map(decode, enumerate(paths)):
            pass
    if int(images.max()) <= BLACK:
        raise DataError(
            f"dataset imagefolder: all images in {folder} are black: no pixel is above {BLACK} of "
            "255. If they are 16-bit files with values far below 65535, multiply all of them by "
            "the same number"
        )
    part = torch.tensor(parts)
    mean, std = channel_statistics(images, torch.nonzero(part == TRAIN).flatten().tolist())
    return RawDataset(
        images=images,
        labels=torch.tensor(labels),
        parts=part,
        classes=len(classes),
        mean=mean,
        std=std,
    )


def square(path: Path, size: int, resampling: Image.Resampling) -> np.ndarray:
    """The image's centre square, uint8 (size, size, 3): Resize(size), then CenterCrop(size)."""
    image = rgb_image(path)
    shorter = min(image.size)
    width, height = (size * side // shorter for side in image.size)
    if width * height > MOST_PIXELS:
        raise DataError(
            f"dataset imagefolder: {path} is {' × '.join(map(str, image.size))} pixels, and would "
            f"be {width} × {height} with {size} at its shorter side: crop it or remove it"
        )
    image = image.resize((width, height), resampling)
    left, top = round((width - size) / 2.0), round((height - size) / 2.0)
    return np.array(image.crop((left, top, left + size, top + size)))


def channel_statistics(
    images: torch.Tensor, indices: Sequence[int]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel of these images, of pixels in [0, 1]."""
    counts = torch.zeros(images.shape[-1], 256, dtype=torch.int64)
    for index in indices:
        for channel in range(images.shape[-1]):
            counts[channel] += torch.bincount(images[index, ..., channel].flatten(), minlength=256)
    levels = torch.arange(256, dtype=torch.float64) / 255
    shares = counts.double() / counts.sum(dim=1, keepdim=True)
    mean = shares @ levels
    variance = (shares * (levels - mean[:, None]) ** 2).sum(dim=1)
    std = variance.sqrt().clamp_min(1e-3)
    return (
        tuple(round(value, 4) for value in mean.tolist()),
        tuple(round(value, 4) for value in std.tolist()),
    )
