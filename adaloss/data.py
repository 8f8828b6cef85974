"""Data sets as tensors on the device: loading, the class-balanced split, batches."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from adaloss.seeding import named_generator
from adaloss.trial import DatasetName
from adaloss.user_error import UserError

VALIDATION_FRACTION = 0.15
TEST_FRACTION = 0.20


class DataError(UserError):
    """A data set cannot be used; the message says which, why and what to do."""


@dataclass(frozen=True, kw_only=True)
class RawDataset:
    """All examples of a data set as they come: ``images`` uint8 (n, channels, height, width).

    ``labels`` int64 (n,); ``mean`` and ``std`` per channel, of pixels scaled to [0, 1] by
    ``pixel_max``.
    """

    images: Tensor
    labels: Tensor
    classes: int
    pixel_max: float
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Examples:
    """``images`` float32 (n, channels, height, width), normalised; ``labels`` int64 (n,)."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return self.labels.shape[0]


@dataclass(frozen=True, kw_only=True)
class Splits:
    """The three parts of a data set, resident on one device."""

    train: Examples
    validation: Examples
    test: Examples
    classes: int

    @property
    def channels(self) -> int:
        """Channels of an image."""
        return self.train.images.shape[1]

    @property
    def image_size(self) -> int:
        """Height and width of an image in pixels."""
        return self.train.images.shape[-1]


def load_digits() -> RawDataset:
    """The 1,797 8×8 grey images of hand-written digits that ship with scikit-learn.

    Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998 (the
    test part). Pixels are counts from 0 to 16.
    """
    # The file itself: importing scikit-learn, with SciPy, would cost every worker seconds.
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        raise DataError("dataset digits: scikit-learn, which brings it, is not installed")
    path = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
    if not path.exists():
        raise DataError(f"dataset digits: this scikit-learn does not bring {path}")
    table = torch.from_numpy(np.loadtxt(path, delimiter=",", dtype=np.int64))
    return RawDataset(
        images=table[:, :-1].to(torch.uint8).view(-1, 1, 8, 8),
        labels=table[:, -1].contiguous(),
        classes=10,
        pixel_max=16.0,
        mean=(0.3053,),
        std=(0.3760,),
    )


DATASETS: Mapping[DatasetName, Callable[[], RawDataset]] = {"digits": load_digits}


def load_splits(name: DatasetName, split_seed: int, device: str) -> Splits:
    """Load a data set, split it by class with ``split_seed``, normalise it onto the device."""
    raw = DATASETS[name]()
    parts = balanced_split(raw.labels, raw.classes, split_seed)
    train, validation, test = (examples_at(raw, indices, device) for indices in parts)
    return Splits(train=train, validation=validation, test=test, classes=raw.classes)


def balanced_split(labels: Tensor, classes: int, split_seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Indices (int64, ascending) of the train, validation and test examples.

    Each class gives the same fractions of its examples to validation and test.
    """
    generator = named_generator(split_seed, "split")
    parts: tuple[list[Tensor], ...] = ([], [], [])
    for label in range(classes):
        members = torch.nonzero(labels == label).flatten()
        members = members[torch.randperm(len(members), generator=generator)]
        validation = round(len(members) * VALIDATION_FRACTION)
        test = round(len(members) * TEST_FRACTION)
        sizes = [len(members) - validation - test, validation, test]
        for part, indices in zip(parts, torch.split(members, sizes), strict=True):
            part.append(indices)
    train_indices, validation_indices, test_indices = (torch.cat(part).sort()[0] for part in parts)
    return train_indices, validation_indices, test_indices


def examples_at(raw: RawDataset, indices: Tensor, device: str) -> Examples:
    """The normalised examples at these indices, on the device."""
    mean = torch.tensor(raw.mean).view(1, -1, 1, 1)
    std = torch.tensor(raw.std).view(1, -1, 1, 1)
    images = (raw.images[indices].float() / raw.pixel_max - mean) / std
    return Examples(images=images.to(device), labels=raw.labels[indices].to(device))


def batches(
    examples: Examples, batch_size: int, image_size: int, order: Tensor | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Images (batch, channels, image_size, image_size) and labels (batch,), the last one smaller.

    ``order`` (int64, on the examples' device) is the order to visit them in; by default as stored.
    """
    for start in range(0, len(examples), batch_size):
        if order is None:
            images = examples.images[start : start + batch_size]
            labels = examples.labels[start : start + batch_size]
        else:
            indices = order[start : start + batch_size]
            images = examples.images.index_select(0, indices)
            labels = examples.labels.index_select(0, indices)
        if image_size != images.shape[-1]:
            images = functional.interpolate(
                images, size=(image_size, image_size), mode="bilinear", antialias=True
            )
        yield images, labels
