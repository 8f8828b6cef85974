"""Assign examples to training, validation and test, balanced by class."""

from typing import Protocol

import torch
from torch import Tensor

from adaloss.tasks.data.parts import (
    TEST,
    TEST_FRACTION,
    TRAIN,
    VALIDATION,
    VALIDATION_FRACTION,
    VALIDATION_FRACTION_OF_TRAIN,
    shares,
)
from adaloss.tasks.seeding import named_generator


class Labelled(Protocol):
    """A data set before it is split: the label and the part of each example, both int64 (n,)."""

    @property
    def labels(self) -> Tensor:
        """From 0 to ``classes`` - 1."""

    @property
    def parts(self) -> Tensor:
        """TRAIN, or VALIDATION or TEST for examples that the data set itself assigns."""

    @property
    def classes(self) -> int:
        """The number of classes."""


def split_indices(raw: Labelled, split_seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Indices (int64, ascending) of the train, validation and test examples.

    Parts that the data set itself assigns are kept. The missing parts are split off its training
    examples, with the same fraction of each class.
    """
    open_to_split, validation, test = (
        torch.nonzero(raw.parts == part).flatten() for part in (TRAIN, VALIDATION, TEST)
    )
    labels = raw.labels[open_to_split]
    if len(test) == 0:
        of_all = (VALIDATION_FRACTION, TEST_FRACTION)
        train, validation, test = balanced_split(labels, raw.classes, split_seed, of_all)
        return open_to_split[train], open_to_split[validation], open_to_split[test]
    if len(validation) == 0:
        of_train = (VALIDATION_FRACTION_OF_TRAIN,)
        train, validation = balanced_split(labels, raw.classes, split_seed, of_train)
        return open_to_split[train], open_to_split[validation], test
    return open_to_split, validation, test


def balanced_split(
    labels: Tensor, classes: int, split_seed: int, fractions: tuple[float, ...]
) -> tuple[Tensor, ...]:
    """The remainder, and a part for each fraction, as indices (int64, ascending) into ``labels``.

    Each class contributes the same fractions of its examples, rounded.
    """
    generator = named_generator(split_seed, "split")
    parts: tuple[list[Tensor], ...] = tuple([] for _ in (0, *fractions))
    for label in range(classes):
        members = torch.nonzero(labels == label).flatten()
        members = members[torch.randperm(len(members), generator=generator)]
        sizes = shares(len(members), fractions)
        for part, indices in zip(parts, torch.split(members, sizes), strict=True):
            part.append(indices)
    return tuple(torch.cat(part).sort()[0] for part in parts)


def balanced_subset(labels: Tensor, classes: int, count: int | None, split_seed: int) -> Tensor:
    """Indices (int64, ascending) of ``count`` examples, equally many of each class.

    All examples if ``count`` is None or larger. A larger subset contains every smaller one.
    """
    if count is None or count >= len(labels):
        return torch.arange(len(labels))
    generator = named_generator(split_seed, "subset")
    rank = torch.empty_like(labels)
    for label in range(classes):
        members = torch.nonzero(labels == label).flatten()
        rank[members] = torch.randperm(len(members), generator=generator)
    # Sorted by the rank within the class first, so that the classes take turns.
    return torch.argsort(rank * classes + labels)[:count].sort()[0]
