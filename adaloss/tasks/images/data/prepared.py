"""Data sets as one file of tensors that every worker of the machine maps into its memory."""

import json
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from adaloss.errors import DataError
from adaloss.records.writing import replacing
from adaloss.tasks.images.data.sources.raw import RawDataset

TENSORS = ("images", "labels", "parts")


def prepared(path: Path, build: Callable[[], RawDataset]) -> RawDataset:
    """The data set in this file, which ``build`` fills if it is not there or cannot be read.

    The tensors are mapped, not read: processes share the pages, and what is never looked at is
    never loaded.

    Raises:
        DataError: there is no room for the file, or it may not be written there.
    """
    if (there := mapped(path)) is not None:
        return there
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            if mapped(path) is None:
                write(path, build())
    except OSError as error:
        raise DataError(
            f"the data set cannot be prepared as {path}: {error}. That is in the user's cache: "
            "make room or allow writing there, or set XDG_CACHE_HOME to another folder"
        ) from error
    if (there := mapped(path)) is None:
        raise DataError(f"{path} was written and cannot be read: delete it and run again")
    return there


def mapped(path: Path) -> RawDataset | None:
    """The data set in this file, None if it is missing or incomplete."""
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads(file.metadata()["dataset"])
            tensors = {name: file.get_tensor(name) for name in TENSORS}
    except (FileNotFoundError, SafetensorError):
        return None
    return RawDataset(
        **tensors,
        classes=about["classes"],
        mean=tuple(about["mean"]),
        std=tuple(about["std"]),
        pixel_max=about["pixel_max"],
    )


def write(path: Path, raw: RawDataset) -> None:
    """Write the data set, whole or not at all."""
    about = {
        "classes": raw.classes,
        "mean": raw.mean,
        "std": raw.std,
        "pixel_max": raw.pixel_max,
    }
    tensors = {"images": raw.images, "labels": raw.labels, "parts": raw.parts}
    with replacing(path, durable=False) as temporary:
        save_file(tensors, temporary, metadata={"dataset": json.dumps(about)})
