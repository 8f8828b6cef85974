"""The data sets of torchvision: their files and their constants, without importing torchvision."""

from collections.abc import Mapping
from dataclasses import dataclass

from adaloss.tasks.data.sets import Published


@dataclass(frozen=True, kw_only=True)
class VisionDataset(Published):
    """A data set of torchvision.

    ``examples`` are the numbers of training and test images; ``mean`` and ``std`` describe the
    training pixels, scaled to [0, 1], per channel.
    """

    examples: tuple[int, int]
    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


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
        server="https://ossci-datasets.s3.amazonaws.com/mnist/",
        file_bytes=66_000_000,
        prepared_bytes=56_000_000,
        examples=(60_000, 10_000),
        classes=10,
        mean=(0.1307,),
        std=(0.3081,),
    ),
    "fashion_mnist": VisionDataset(
        folder="FashionMNIST/raw",
        files=IDX_FILES,
        archives=tuple(f"FashionMNIST/raw/{name}.gz" for name in IDX_FILES),
        server="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        file_bytes=86_000_000,
        prepared_bytes=56_000_000,
        examples=(60_000, 10_000),
        classes=10,
        mean=(0.2860,),
        std=(0.3530,),
    ),
    "cifar10": VisionDataset(
        folder="cifar-10-batches-py",
        files=(*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta"),
        archives=("cifar-10-python.tar.gz",),
        server="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        file_bytes=357_000_000,
        prepared_bytes=185_000_000,
        examples=(50_000, 10_000),
        classes=10,
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2470, 0.2435, 0.2616),
    ),
    "cifar100": VisionDataset(
        folder="cifar-100-python",
        files=("train", "test", "meta"),
        archives=("cifar-100-python.tar.gz",),
        server="https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
        file_bytes=356_000_000,
        prepared_bytes=185_000_000,
        examples=(50_000, 10_000),
        classes=100,
        mean=(0.5071, 0.4865, 0.4409),
        std=(0.2673, 0.2564, 0.2762),
    ),
}
