"""MNIST, Fashion-MNIST, CIFAR-10 and CIFAR-100, downloaded and read by torchvision."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock

from adaloss.errors import DataError
from adaloss.tasks.data.network import patience_with_the_network
from adaloss.tasks.data.parts import TEST, TRAIN
from adaloss.tasks.data.sets import HOW_TO_PROVIDE
from adaloss.tasks.failures import lacks_memory
from adaloss.tasks.images.data.published import VISION_DATASETS
from adaloss.tasks.images.data.sources.raw import RawDataset


def is_there(name: str, root: Path) -> bool:
    """Whether all files of the data set exist below the root; their content is not checked."""
    return not VISION_DATASETS[name].missing(root)


def fetch(name: str, root: Path) -> None:
    """Download the data set, with a progress bar, unless it exists.

    Two sweeps that start together download it once. torchvision checks the published checksums.

    Raises:
        DataError: it cannot be downloaded; the message says which files to put where.
    """
    if is_there(name, root):
        return
    about = VISION_DATASETS[name]
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f".{name}.lock"), patience_with_the_network():
            torchvision_class(name)(root, train=True, download=not is_there(name, root))
    # torchvision passes on exceptions of the network, the archive and the disk.
    except (OSError, RuntimeError, EOFError, ValueError) as error:
        if lacks_memory(error):
            raise
        raise DataError(
            f"dataset {name}: it is not in {root} and cannot be downloaded "
            f"({type(error).__name__}: {error}). Put {', '.join(about.archives)} or "
            f"{about.folder}/{{{','.join(about.files)}}} into {root}; or {HOW_TO_PROVIDE}"
        ) from error


def load(name: str, root: Path) -> RawDataset:
    """Read the data set below the root and verify its published checksums.

    Raises:
        DataError: files are missing or damaged; this function downloads nothing.
    """
    about = VISION_DATASETS[name]
    if not is_there(name, root):
        missing = ", ".join(map(str, about.missing(root)))
        raise DataError(
            f"dataset {name}: {missing} not found; `adaloss-sweep run` downloads it, "
            f"or {HOW_TO_PROVIDE}"
        )
    read = torchvision_class(name)
    try:
        halves = [read(root, train=train) for train in (True, False)]
    # Not "damaged": the files themselves may be fine.
    except OSError as error:
        if lacks_memory(error):
            raise
        raise DataError(
            f"dataset {name}: the files in {root / about.folder} cannot be read "
            f"({type(error).__name__}: {error}): check their permissions and the disk"
        ) from error
    # torchvision can raise anything for a damaged file.
    except Exception as error:
        if lacks_memory(error):
            raise
        raise damaged(name, root) from error
    images = torch.cat([images_of(half) for half in halves])
    labels = torch.cat([torch.as_tensor(half.targets, dtype=torch.int64) for half in halves])
    counts = tuple(len(half) for half in halves)
    if counts != about.examples or not 0 <= int(labels.min()) <= int(labels.max()) < about.classes:
        raise damaged(name, root)
    return RawDataset(
        images=images,
        labels=labels,
        parts=torch.tensor([TRAIN, TEST]).repeat_interleave(torch.tensor(counts)),
        classes=about.classes,
        mean=about.mean,
        std=about.std,
    )


def images_of(half: Any) -> torch.Tensor:
    """The images of a data set of torchvision, uint8 (n, height, width, channels)."""
    images = torch.as_tensor(half.data)
    return images if images.ndim == 4 else images.unsqueeze(-1)


def damaged(name: str, root: Path) -> DataError:
    """The error for files that differ from the published ones."""
    folder = root / VISION_DATASETS[name].folder
    return DataError(
        f"dataset {name}: the files in {folder} are damaged (they differ from the published "
        "ones): delete that folder and run again to download it, or put a good copy there"
    )


def torchvision_class(name: str) -> Callable[..., Any]:
    """The data set's class in torchvision, which takes a second to import."""
    from torchvision import datasets

    classes: dict[str, Callable[..., Any]] = {
        "mnist": datasets.MNIST,
        "fashion_mnist": datasets.FashionMNIST,
        "cifar10": datasets.CIFAR10,
        "cifar100": datasets.CIFAR100,
    }
    return classes[name]
