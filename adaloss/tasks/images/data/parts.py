"""The numbers of training, validation and test examples, computed without reading them."""

from collections import Counter
from collections.abc import Mapping, Sequence

from adaloss.records.places import Places
from adaloss.records.result import SplitSizes
from adaloss.tasks.images.data.sources.folder_layout import folder_path, image_paths
from adaloss.tasks.images.dataset_names import IMAGE_FOLDER, TEST, TRAIN, VALIDATION
from adaloss.tasks.images.fields import ImageTrial

# The split of a data set without a test set.
VALIDATION_FRACTION = 0.15
TEST_FRACTION = 0.20
# The split of a training set whose data set has a test set: CIFAR-100's 450/50 per class.
VALIDATION_FRACTION_OF_TRAIN = 0.10

ClassCounts = Mapping[int, Sequence[int]]
"""The number of examples of each class, by the part that the data set assigns them to."""

KNOWN: Mapping[str, ClassCounts] = {
    "digits": {TRAIN: (178, 182, 177, 183, 181, 182, 181, 179, 174, 180)},
    "mnist": {
        TRAIN: (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
        TEST: (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
    },
    "fashion_mnist": {TRAIN: (6000,) * 10, TEST: (1000,) * 10},
    "cifar10": {TRAIN: (5000,) * 10, TEST: (1000,) * 10},
    "cifar100": {TRAIN: (500,) * 100, TEST: (100,) * 100},
}


def split_sizes(trial: ImageTrial, places: Places) -> SplitSizes:
    """The sizes of the trial's parts; the files of an image folder are counted.

    Raises:
        DataError: there is no such folder, or it is not laid out as it must be.
    """
    counts = KNOWN.get(trial.dataset) or counted(trial.dataset, places)
    train, validation, test = sizes_of(counts)
    most = trial.eval_examples
    return SplitSizes(
        train=at_most(trial.train_examples, train),
        validation=at_most(most, validation),
        test=at_most(most, test),
    )


def at_most(most: int | None, there: int) -> int:
    """The smaller number; ``most`` None is no limit."""
    return there if most is None else min(most, there)


def counted(dataset: str, places: Places) -> ClassCounts:
    """The examples of an image folder."""
    folder = folder_path(dataset.removeprefix(IMAGE_FOLDER), places)
    _, labels, parts, classes = image_paths(folder)
    found = Counter(zip(parts, labels, strict=True))
    return {
        part: [found[part, label] for label in range(len(classes))] for part in dict.fromkeys(parts)
    }


def sizes_of(counts: ClassCounts) -> tuple[int, int, int]:
    """The sizes of the three parts, as ``split_indices`` of ``data/split.py`` makes them."""
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
