"""From an image of bytes to the model's input: what is done, and the draws of one epoch."""

from dataclasses import dataclass

import torch
from torch import Tensor

from adaloss.errors import DataError
from adaloss.tasks.images.data.splits import Splits
from adaloss.tasks.images.fields import ImageTrial


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Resize to ``resize``, pad, crop ``image_size``, flip, scale by ``pixel_max``, normalise.

    The published recipe is torchvision's Resize(256), RandomCrop(224), RandomHorizontalFlip,
    ToTensor, Normalize; for evaluation Resize(256), CenterCrop(224). Sizes in pixels;
    ``mean`` and ``std`` per channel, of pixels in [0, 1].
    """

    resize: int
    image_size: int
    padding: int
    flip: bool
    interpolation: str
    pixel_max: float
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def slack(self) -> int:
        """How far the crop of a training image can move in each direction."""
        return self.resize + 2 * self.padding - self.image_size

    @property
    def varies(self) -> bool:
        """Whether a training image looks different from epoch to epoch."""
        return self.slack > 0 or self.flip


@dataclass(frozen=True, kw_only=True)
class Draws:
    """Where each of n training images is cropped, int64 (n,), and whether mirrored, bool (n,)."""

    top: Tensor
    left: Tensor
    flip: Tensor

    def to(self, device: torch.device) -> "Draws":
        """The same draws on the device."""
        return Draws(top=self.top.to(device), left=self.left.to(device), flip=self.flip.to(device))

    def at(self, part: slice) -> "Draws":
        """The draws of some of the images."""
        return Draws(top=self.top[part], left=self.left[part], flip=self.flip[part])


def recipe_of(
    trial: ImageTrial,
    splits: Splits,
    image_size: int,
    model_mean: tuple[float, ...] | None,
    model_std: tuple[float, ...] | None,
) -> Recipe:
    """The trial's recipe for a model that takes images of ``image_size``.

    Raises:
        DataError: the sizes or the constants do not fit together.
    """
    mean, std = splits.mean, splits.std
    if trial.normalize == "model":
        if model_mean is None or model_std is None:
            raise DataError(
                f"normalize: model {trial.model} has no constants of its own; "
                "write normalize: dataset, or mean and std"
            )
        mean, std = model_mean, model_std
    mean, std = trial.mean or mean, trial.std or std
    for name, values in (("mean", mean), ("std", std)):
        if len(values) not in (1, splits.channels):
            raise DataError(
                f"{name} has {len(values)} values, and the images of {trial.dataset} have "
                f"{splits.channels} channels"
            )
    resize = trial.resize or image_size
    if resize < image_size:
        raise DataError(
            f"resize is {resize}, less than the image size {image_size} of {trial.model}: "
            "raise resize, or lower image_size"
        )
    return Recipe(
        resize=resize,
        image_size=image_size,
        padding=trial.padding,
        flip=trial.flip,
        interpolation=trial.interpolation,
        pixel_max=splits.pixel_max,
        mean=mean,
        std=std,
    )


def draw(recipe: Recipe, count: int, generator: torch.Generator) -> Draws:
    """The draws for ``count`` images, all at once and always the same number of them."""
    offsets = torch.randint(0, recipe.slack + 1, (2, count), generator=generator)
    coins = torch.randint(0, 2, (count,), generator=generator).bool()
    return Draws(top=offsets[0], left=offsets[1], flip=coins & recipe.flip)
