"""The files of an image folder: a folder per class, like torchvision's ImageFolder."""

import os
from collections.abc import Iterable, Iterator
from operator import itemgetter
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
# In upper and lower case. Folders of these names are parts where one trains and another does not.
PARTS = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation"), VALIDATION),
    **dict.fromkeys(("test", "testing"), TEST),
}
# Never the names of classes.
PLAIN = ("train", "val", "test")

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
    digest = files_digest(folder, image_paths(folder)[0])
    # Parts of other names were once read as classes, and prepared so.
    inside = (path.relative_to(folder).name for path in part_folders(folder).values())
    named = "".join(f"{name}-" for name in inside if name and name not in PLAIN)
    return f"{DECODING}-{named}{digest}"


def image_paths(folder: Path) -> tuple[list[Path], list[int], list[int], list[str]]:
    """The images below the folder, sorted, with the label and part of each, and the class names.

    Raises:
        DataError: there is no such folder, or its layout is wrong.
    """
    if not folder.is_dir():
        raise DataError(f"dataset imagefolder: {folder} is not a folder; expected {LAYOUT}")
    folders = part_folders(folder)
    classes = class_names(folders[TRAIN])
    paths, labels, parts = [], [], []
    for part, inside in folders.items():
        if (others := class_names(inside)) != classes:
            differing = ", ".join(sorted(set(classes).symmetric_difference(others))[:5])
            raise DataError(
                f"dataset imagefolder: {inside} and {folders[TRAIN]} differ in their classes: "
                f"{differing}"
            )
        for label, name in enumerate(classes):
            images = images_below(inside / name)
            if not images:
                raise DataError(
                    f"dataset imagefolder: {inside / name} has no images "
                    f"({', '.join(sorted(SUFFIXES))})"
                )
            paths += images
            labels += [label] * len(images)
            parts += [part] * len(images)
    return paths, labels, parts, classes


def part_folders(folder: Path) -> dict[int, Path]:
    """The folder of each part; the folder itself is the training part if it has no parts.

    Raises:
        DataError: a part is missing or is there twice, or another folder has images as well.
    """
    inside = folders_in(folder)
    named = {path: PARTS[path.name.lower()] for path in inside if path.name.lower() in PARTS}
    there = set(named.values())
    if TRAIN not in there or there == {TRAIN}:
        # Classes may be called so: valid and invalid, or Test and Control.
        if alone := [name for name in PLAIN if name in (path.name for path in inside)]:
            missing = "neither test/ nor val/" if alone[0] == "train" else "no train/"
            raise DataError(f"dataset imagefolder: {folder} has {alone[0]}/ but {missing}")
        return {TRAIN: folder}
    if len(there) < len(named):
        raise DataError(
            f"dataset imagefolder: {folder} has several folders for one part: {slashed(named)}; "
            "leave one for training, one for the test and at most one for validation"
        )
    if others := [path for path in inside if path not in named and has_images(path)]:
        raise DataError(
            f"dataset imagefolder: {folder} has images in {slashed(others[:5])} beside "
            f"{slashed(named)}: move them away; expected {LAYOUT}"
        )
    # Without a test part, as in ImageNet, the validation part is the test set.
    held_out = VALIDATION if TEST in there else TEST
    parts = {TRAIN: TRAIN, VALIDATION: held_out, TEST: TEST}
    return {parts[part]: path for path, part in sorted(named.items(), key=itemgetter(1))}


def slashed(folders: Iterable[Path]) -> str:
    """The names of folders in a message."""
    return ", ".join(f"{path.name}/" for path in folders)


def folders_in(folder: Path) -> list[Path]:
    """The folders in a folder in order, except hidden ones."""
    there = (path for path in folder.iterdir() if path.is_dir())
    return sorted(path for path in there if not path.name.startswith("."))


def class_names(folder: Path) -> list[str]:
    """The class folders in order; fewer than two are refused."""
    names = [path.name for path in folders_in(folder)]
    if len(names) < 2:
        raise DataError(
            f"dataset imagefolder: {folder} has {len(names)} class folders; expected {LAYOUT}"
        )
    return names


def has_images(folder: Path) -> bool:
    """Whether there are images in the folder, at any depth. Those that links lead to may stay."""
    return any(path.suffix.lower() in SUFFIXES for path in folder.rglob("*"))


def images_below(folder: Path) -> list[Path]:
    """The images in a class's folder, at any depth, sorted.

    Raises:
        DataError: there are images of a format that is not read.
    """
    files = sorted(files_below(folder))
    for path in files:
        if path.suffix.lower() in OTHER_SUFFIXES:
            raise DataError(
                f"dataset imagefolder: {path} has a format that is not read and would be left "
                f"out: save it as one of {', '.join(sorted(SUFFIXES))}, or move it away"
            )
    return [path for path in files if path.suffix.lower() in SUFFIXES]


def files_below(folder: Path) -> Iterator[Path]:
    """The files in a folder at any depth, also in folders that links lead to."""
    for parent, folders, files in os.walk(folder, followlinks=True):
        inside = Path(parent)
        folders[:] = [name for name in folders if not leads_back(inside / name)]
        yield from (inside / name for name in files)


def leads_back(path: Path) -> bool:
    """Whether this is a link to a folder that it is in itself, which would have no end."""
    if not path.is_symlink():
        return False
    target = path.resolve()
    return any(target in (real, *real.parents) for real in map(Path.resolve, path.parents))
