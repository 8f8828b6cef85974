"""The files of an image folder: a folder per class, like torchvision's ImageFolder."""

from pathlib import Path

from adaloss.errors import DataError
from adaloss.own_code.digests import files_digest
from adaloss.records.places import Places
from adaloss.tasks.data.parts import TEST, TRAIN, VALIDATION

# Increase this when decoding changes the pixels of a file.
DECODING = 2

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".ppm", ".pgm", ".tif", ".tiff"})
# Other image files, which must not be ignored silently.
OTHER_SUFFIXES = frozenset(
    {".gif", ".jfif", ".jpe", ".jp2", ".j2k", ".jpx", ".jxl", ".avif", ".heic", ".heif", ".tga"}
    | {".ico", ".psd", ".dds", ".pcx", ".sgi", ".apng", ".pnm", ".pbm", ".svg", ".dng", ".exr"}
)
# With train/ and val/ but no test/, as in ImageNet, val/ is the test set.
PART_FOLDERS = ("train", "val", "test")

LAYOUT = (
    "a folder per class with its images, either in PATH itself or in PATH/train and PATH/test "
    "(and PATH/val)"
)


def folder_path(declared: str, places: Places) -> Path:
    """The folder that ``imagefolder:PATH`` means.

    Raises:
        DataError: there is no such folder; the message lists the folders that were tried.
    """
    candidates = places.own_data_paths(declared)
    for folder in candidates:
        if folder.is_dir():
            return folder
    looked = ", ".join(map(str, candidates))
    raise DataError(
        f"dataset imagefolder:{declared}: there is no folder {looked}; expected {LAYOUT}"
    )


def images_digest(folder: Path) -> str:
    """The digest of a folder's images and of the version of their decoding.

    Raises:
        DataError: there is no such folder, or its layout is wrong.
        OSError: a file cannot be read.
    """
    return f"{DECODING}-{files_digest(folder, image_paths(folder)[0])}"


def image_paths(folder: Path) -> tuple[list[Path], list[int], list[int], list[str]]:
    """The images below the folder, sorted, with the label and part of each, and the class names.

    Raises:
        DataError: there is no such folder, or its layout is wrong.
    """
    if not folder.is_dir():
        raise DataError(f"dataset imagefolder: {folder} is not a folder; expected {LAYOUT}")
    sub_folders = [name for name in PART_FOLDERS if (folder / name).is_dir()]
    if sub_folders and "train" not in sub_folders:
        raise DataError(f"dataset imagefolder: {folder} has {sub_folders[0]}/ but no train/")
    if sub_folders == ["train"]:
        raise DataError(f"dataset imagefolder: {folder} has train/ but neither test/ nor val/")
    held_out = VALIDATION if "test" in sub_folders else TEST
    part_of = {"": TRAIN, "train": TRAIN, "val": held_out, "test": TEST}
    parts_there = sub_folders or [""]
    classes = class_names(folder / parts_there[0])
    paths, labels, parts = [], [], []
    for part in parts_there:
        if (others := class_names(folder / part)) != classes:
            differing = ", ".join(sorted(set(classes).symmetric_difference(others))[:5])
            raise DataError(
                f"dataset imagefolder: {folder}/{part} and {folder}/{parts_there[0]} differ in "
                f"their classes: {differing}"
            )
        for label, name in enumerate(classes):
            images = images_below(folder / part / name)
            if not images:
                raise DataError(
                    f"dataset imagefolder: {folder / part / name} has no images "
                    f"({', '.join(sorted(SUFFIXES))})"
                )
            paths += images
            labels += [label] * len(images)
            parts += [part_of[part]] * len(images)
    return paths, labels, parts, classes


def class_names(folder: Path) -> list[str]:
    """The class folders in order; fewer than two are refused."""
    names = sorted(
        path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")
    )
    if len(names) < 2:
        raise DataError(
            f"dataset imagefolder: {folder} has {len(names)} class folders; expected {LAYOUT}"
        )
    return names


def images_below(folder: Path) -> list[Path]:
    """The images in a class's folder, at any depth, sorted.

    Raises:
        DataError: there are images of a format that is not read.
    """
    files = sorted(path for path in folder.rglob("*") if not path.is_dir())
    for path in files:
        if path.suffix.lower() in OTHER_SUFFIXES:
            raise DataError(
                f"dataset imagefolder: {path} has a format that is not read and would be left "
                f"out: save it as one of {', '.join(sorted(SUFFIXES))}, or move it away"
            )
    return [path for path in files if path.suffix.lower() in SUFFIXES]
