"""The sets of images that trials may name, and what is known of them without reading them."""

from adaloss.errors import DataError
from adaloss.records.places import Places
from adaloss.tasks.data.parts import TRAIN
from adaloss.tasks.data.sets import DataSets
from adaloss.tasks.images.data.counts import split_sizes
from adaloss.tasks.images.data.published import VISION_DATASETS
from adaloss.tasks.images.data.sources.folder_layout import folders_in, part_folders
from adaloss.tasks.images.dataset_names import IMAGE_FOLDER


def image_folder(name: str, places: Places) -> str:
    """What the user's folder has; its images are read later.

    Raises:
        DataError: there is no such folder, it cannot be read, or it is not laid out as it must be.
    """
    candidates = places.own_data_paths(name.removeprefix(IMAGE_FOLDER))
    folder = next((path for path in candidates if path.is_dir()), None)
    if folder is None:
        raise DataError(f"{name}: there is no folder {', '.join(map(str, candidates))}")
    try:
        with_classes = part_folders(folder)[TRAIN]
        classes = folders_in(with_classes)
    except OSError as error:
        raise DataError(f"{name}: {folder} cannot be read ({error.strerror})") from error
    if len(classes) < 2:
        raise DataError(f"{name}: {with_classes} has {len(classes)} class folders")
    return f"{name} has {len(classes)} classes in {with_classes}"


IMAGE_SETS: DataSets = DataSets(
    examples="images",
    published=VISION_DATASETS,
    own=IMAGE_FOLDER,
    find_own=image_folder,
    layout="expected a folder per class with its images, in PATH or in PATH/train",
    sizes=split_sizes,
)
