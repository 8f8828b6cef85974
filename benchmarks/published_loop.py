"""The baseline of the benchmarks: the training loop of the paper's repository.

It loads Pillow images in a DataLoader with two workers, applies torchvision's transforms to one
image at a time, trains in float32, and reads the loss after every step.
"""

from collections.abc import Iterator
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from adaloss.tasks.images.data.splits import Examples, Splits

WORKERS = 2
RESIZE, SIZE = 256, 224
MEAN, STD = (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)


def synthetic_splits(count: int, device: str = "cpu") -> Splits:
    """Random images of CIFAR's size; their content does not affect the time."""
    generator = torch.Generator().manual_seed(0)
    part = Examples(
        images=torch.randint(0, 256, (count, 32, 32, 3), dtype=torch.uint8, generator=generator).to(
            device
        ),
        indices=torch.arange(count, device=device),
        labels=torch.randint(0, 100, (count,), generator=generator).to(device),
    )
    return Splits(
        train=part, validation=part, test=part, classes=100, mean=MEAN, std=STD, pixel_max=255.0
    )


class PillowImages(Dataset[tuple[Tensor, int]]):
    """The images as Pillow images, with the published transforms."""

    def __init__(self, examples: Examples) -> None:
        self.images = examples.images.cpu().numpy()
        self.labels = examples.labels.tolist()
        self.transform = transforms.Compose(
            [
                transforms.Resize(RESIZE),
                transforms.RandomCrop(SIZE),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(MEAN, STD),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.images[index])), self.labels[index]


def published_loader(examples: Examples, batch_size: int, device: torch.device) -> DataLoader[Any]:
    """The published DataLoader, with persistent workers."""
    return DataLoader(
        PillowImages(examples),
        batch_size=batch_size,
        shuffle=True,
        num_workers=WORKERS,
        pin_memory=device.type == "cuda",
        persistent_workers=True,
        drop_last=True,
    )


def endless(loader: DataLoader[Any], device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches on the device, epoch after epoch."""
    while True:
        for images, labels in loader:
            yield (
                images.to(device, non_blocking=True),
                labels.to(device, non_blocking=True),
            )
