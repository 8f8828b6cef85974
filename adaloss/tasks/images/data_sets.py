"""The sets of images that trials may name, and what is known of them without reading them."""

from pathlib import Path

from adaloss.errors import DataError
from adaloss.records.places import Places
from adaloss.tasks.data.sets import DataSets
from adaloss.tasks.images.data.counts import split_sizes
from adaloss.tasks.images.data.published import VISION_DATASETS
from adaloss.tasks.images.dataset_names import IMAGE_FOLDER


def image_folder(name: str, places: Places) -> str:
    """What the user's folder has; its images are read later.

    Raises:
        DataError: there is no such folder, it cannot be read or has no folders of classes.
    """
    candidates = places.own_data_paths(name.removeprefix(IMAGE_FOLDER))
    folder = next((path for path in candidates if path.is_dir()), None)
    if folder is None:
        raise DataError(f"{name}: there is no folder {', '.join(map(str, candidates))}")
    try:
        with_classes = folder / "train" if (folder / "train").is_dir() else folder
        classes = [path for path in with_classes.iterdir() if is_class(path)]
    except OSError as error:
        raise DataError(f"{name}: {folder} cannot be read ({error.strerror})") from error
    if len(classes) < 2:
        raise DataError(f"{name}: {with_classes} has {len(classes)} class folders")
    return f"{name} has {len(classes)} classes in {with_classes}"


def is_class(path: Path) -> bool:
    """Whether this is the folder of a class."""
    return path.is_dir() and not path.name.startswith(".")


IMAGE_SETS: DataSets = DataSets(
    examples="images",
    published=VISION_DATASETS,
    own=IMAGE_FOLDER,
    find_own=image_folder,
    layout="expected a folder per class with its images, in PATH or in PATH/train",
    sizes=split_sizes,
)
