"""The parts of a data set, and how many examples each has, computed without reading them."""

from collections.abc import Mapping, Sequence

from adaloss.records.result import SplitSizes

# The parts that a data set may assign its examples to; TRAIN is split further.
TRAIN, VALIDATION, TEST = 0, 1, 2
# The split of a data set without a test set.
VALIDATION_FRACTION = 0.15
TEST_FRACTION = 0.20
# The split of a training set whose data set has a test set: CIFAR-100's 450/50 per class.
VALIDATION_FRACTION_OF_TRAIN = 0.10

ClassCounts = Mapping[int, Sequence[int]]
"""The number of examples of each class, by the part that the data set assigns them to."""


def sizes_with(
    counts: ClassCounts, train_examples: int | None, eval_examples: int | None
) -> SplitSizes:
    """The sizes of the parts with these limits; None is no limit."""
    train, validation, test = sizes_of(counts)
    return SplitSizes(
        train=at_most(train_examples, train),
        validation=at_most(eval_examples, validation),
        test=at_most(eval_examples, test),
    )


def at_most(most: int | None, there: int) -> int:
    """The smaller number; ``most`` None is no limit."""
    return there if most is None else min(most, there)


def sizes_of(counts: ClassCounts) -> tuple[int, int, int]:
    """The sizes of the three parts, as ``split_indices`` of ``split.py`` makes them."""
    classes = counts[TRAIN]
    if TEST not in counts:
        each = [shares(count, (VALIDATION_FRACTION, TEST_FRACTION)) for count in classes]
        train, validation, test = map(sum, zip(*each, strict=True))
        return train, validation, test
    test = sum(counts[TEST])
    if VALIDATION in counts:
        return sum(classes), sum(counts[VALIDATION]), test
    each = [shares(count, (VALIDATION_FRACTION_OF_TRAIN,)) for count in classes]
    train, validation = map(sum, zip(*each, strict=True))
    return train, validation, test


def shares(count: int, fractions: Sequence[float]) -> list[int]:
    """The rest, and each fraction of so many, rounded."""
    taken = [round(count * fraction) for fraction in fractions]
    return [count - sum(taken), *taken]
