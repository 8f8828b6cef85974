"""MNIST, Fashion-MNIST, CIFAR-10 and CIFAR-100, downloaded and read by torchvision."""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock

from adaloss.errors import DataError
from adaloss.tasks.images.data.sources.raw import RawDataset
from adaloss.tasks.images.dataset_names import TEST, TRAIN

NETWORK_TIMEOUT_SECONDS = 15.0
HOW_TO_PROVIDE = "set ADALOSS_DATA, or data.root in the grid, to the folder that has it"


@dataclass(frozen=True, kw_only=True)
class VisionDataset:
    """A data set of torchvision: its files and its constants.

    ``files`` are read from ``folder`` below the data root; any of ``archives`` may be put into the
    data root instead. ``mean`` and ``std`` describe the training pixels, scaled to [0, 1], per
    channel.
    """

    folder: str
    files: tuple[str, ...]
    archives: tuple[str, ...]
    examples: tuple[int, int]
    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def paths(self, root: Path) -> list[Path]:
        """The files that are read."""
        return [root / self.folder / name for name in self.files]


IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)

VISION_DATASETS: Mapping[str, VisionDataset] = {
    "mnist": VisionDataset(
        folder="MNIST/raw",
        files=IDX_FILES,
        archives=tuple(f"MNIST/raw/{name}.gz" for name in IDX_FILES),
        examples=(60_000, 10_000),
        classes=10,
        mean=(0.1307,),
        std=(0.3081,),
    ),
    "fashion_mnist": VisionDataset(
        folder="FashionMNIST/raw",
        files=IDX_FILES,
        archives=tuple(f"FashionMNIST/raw/{name}.gz" for name in IDX_FILES),
        examples=(60_000, 10_000),
        classes=10,
        mean=(0.2860,),
        std=(0.3530,),
    ),
    "cifar10": VisionDataset(
        folder="cifar-10-batches-py",
        files=(*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta"),
        archives=("cifar-10-python.tar.gz",),
        examples=(50_000, 10_000),
        classes=10,
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2470, 0.2435, 0.2616),
    ),
    "cifar100": VisionDataset(
        folder="cifar-100-python",
        files=("train", "test", "meta"),
        archives=("cifar-100-python.tar.gz",),
        examples=(50_000, 10_000),
        classes=100,
        mean=(0.5071, 0.4865, 0.4409),
        std=(0.2673, 0.2564, 0.2762),
    ),
}


def is_there(name: str, root: Path) -> bool:
    """Whether all files of the data set exist below the root; their content is not checked."""
    return all(path.exists() for path in VISION_DATASETS[name].paths(root))


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
        missing = [str(path) for path in about.paths(root) if not path.exists()]
        raise DataError(
            f"dataset {name}: {', '.join(missing)} not found; `adaloss-sweep run` downloads it, "
            f"or {HOW_TO_PROVIDE}"
        )
    read = torchvision_class(name)
    try:
        halves = [read(root, train=train) for train in (True, False)]
    # Not "damaged": the files themselves may be fine.
    except (OSError, MemoryError) as error:
        raise DataError(
            f"dataset {name}: the files in {root / about.folder} cannot be read "
            f"({type(error).__name__}: {error}): check their permissions, the disk and the memory"
        ) from error
    # torchvision can raise anything for a damaged file.
    except Exception as error:
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


@contextmanager
def patience_with_the_network() -> Iterator[None]:
    """Set a timeout for a silent network; urllib has none of its own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(NETWORK_TIMEOUT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
