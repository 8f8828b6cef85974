"""The numbers of training, validation and test images, computed without reading them."""

from collections import Counter
from collections.abc import Mapping

from adaloss.records.places import Places
from adaloss.records.result import SplitSizes
from adaloss.tasks.data.parts import TEST, TRAIN, ClassCounts, sizes_with
from adaloss.tasks.images.data.sources.folder_layout import folder_path, image_paths
from adaloss.tasks.images.dataset_names import IMAGE_FOLDER
from adaloss.tasks.images.fields import ImageTrial

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
    return sizes_with(counts, trial.train_examples, trial.eval_examples)


def counted(dataset: str, places: Places) -> ClassCounts:
    """The examples of an image folder."""
    folder = folder_path(dataset.removeprefix(IMAGE_FOLDER), places)
    _, labels, parts, classes = image_paths(folder)
    found = Counter(zip(parts, labels, strict=True))
    return {
        part: [found[part, label] for label in range(len(classes))] for part in dict.fromkeys(parts)
    }
