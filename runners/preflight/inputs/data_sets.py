"""Whether the data sets are on this disk or can be downloaded; nothing is downloaded here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from adaloss.records.places import Places
from adaloss.tasks.images.dataset_names import IMAGE_FOLDER, image_folder_candidates
from runners.preflight.finding import Finding, fine, refused
from runners.preflight.machine.folders import exists
from runners.preflight.servers import Question

IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


@dataclass(frozen=True, kw_only=True)
class Published:
    """The files of a data set below the data root, archives that replace them, and their server."""

    folder: str
    files: tuple[str, ...]
    archives: tuple[str, ...]
    server: str


def of_idx_files(folder: str, server: str) -> Published:
    """A data set in the four files of MNIST's format."""
    archives = tuple(f"{folder}/{name}.gz" for name in IDX_FILES)
    return Published(folder=folder, files=IDX_FILES, archives=archives, server=server)


# Copied from the task's data and torchvision, which take seconds to import: a test compares them.
PUBLISHED: Mapping[str, Published] = {
    "mnist": of_idx_files("MNIST/raw", "https://ossci-datasets.s3.amazonaws.com/mnist/"),
    "fashion_mnist": of_idx_files(
        "FashionMNIST/raw", "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
    ),
    "cifar10": Published(
        folder="cifar-10-batches-py",
        files=(*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta"),
        archives=("cifar-10-python.tar.gz",),
        server="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    ),
    "cifar100": Published(
        folder="cifar-100-python",
        files=("train", "test", "meta"),
        archives=("cifar-100-python.tar.gz",),
        server="https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
    ),
}


def data_set(name: str, places: Places) -> Finding:
    """Whether the data set is on this disk."""
    root = places.data_root
    if name.startswith(IMAGE_FOLDER):
        return image_folder(name, places)
    if name not in PUBLISHED:
        return fine("data", f"{name} is installed with scikit-learn")
    if is_on_disk(name, root):
        return fine("data", f"{name} is in {root}")
    return fine("data", f"{name} is not in {root} and is downloaded before the first trial")


def is_on_disk(name: str, root: Path) -> bool:
    """Whether the data set needs no network: its files, or archives of them, are below the root."""
    if name not in PUBLISHED:
        return True
    about = PUBLISHED[name]
    files = [root / about.folder / file for file in about.files]
    return all(map(exists, files)) or all(exists(root / archive) for archive in about.archives)


def is_prepared(name: str, prepared: Path) -> bool:
    """Whether the folder of prepared data sets has this one."""
    return any(prepared.glob(f"{name}-*.safetensors"))


def image_folder(name: str, places: Places) -> Finding:
    """Whether the user's folder has class folders; their images are read later."""
    advice = "expected a folder per class with its images, in PATH or in PATH/train"
    candidates = image_folder_candidates(name.removeprefix(IMAGE_FOLDER), places)
    folder = next((path for path in candidates if path.is_dir()), None)
    if folder is None:
        looked = ", ".join(map(str, candidates))
        return refused("data", f"{name}: there is no folder {looked}", advice)
    try:
        with_classes = folder / "train" if (folder / "train").is_dir() else folder
        classes = [path for path in with_classes.iterdir() if is_class(path)]
    except OSError as error:
        return refused("data", f"{name}: {folder} cannot be read ({error.strerror})", advice)
    if len(classes) < 2:
        found = f"{name}: {with_classes} has {len(classes)} class folders"
        return refused("data", found, advice)
    return fine("data", f"{name} has {len(classes)} classes in {with_classes}")


def is_class(path: Path) -> bool:
    """Whether this is the folder of a class."""
    return path.is_dir() and not path.name.startswith(".")


def servers_of(names: tuple[str, ...], root: Path) -> Iterator[Question]:
    """The servers that have the missing data sets."""
    for name in names:
        if not is_on_disk(name, root):
            yield Question(what=name, url=PUBLISHED[name].server)
