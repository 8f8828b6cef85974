"""Crops of a batch of images, resized, mirrored and normalised: the hot path of the input.

On a CPU the pixels equal Pillow's to the bit: torch's antialiased resize of bytes is used where its
arithmetic is Pillow's, otherwise products with Pillow's weights, which float64 holds exactly. On a
GPU the products use float32, never tf32, and differ by at most one level.
"""

import contextlib
from collections.abc import Iterator
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from adaloss.tasks.images.compiling import compiled as compile_crops
from adaloss.tasks.images.data.recipe import Draws, Recipe
from adaloss.tasks.images.data.resampling import (
    mirrors_exactly,
    resampling_weights,
    torch_resizes_as_pillow,
)

# Images are processed a few at a time, so that intermediate results stay in the processor's cache:
# for a batch of 128 at 224 px that is 1.5 times as fast as the whole batch at once.
PIXELS_AT_A_TIME = 8 * 256 * 256

# Called for every batch: the compiler's wrapper is made once.
compiled_once = cache(compile_crops)


def training_crops(
    images: Tensor, draws: Draws, recipe: Recipe, out: Tensor, *, compiled: bool = False
) -> None:
    """Fill ``out`` with the normalised random crops of ``images``.

    ``images`` uint8 (n, height, width, channels), ``draws`` of n images on the same device,
    ``out`` float32 (n, image_size, image_size, channels). ``compiled`` fuses the kernels.
    """
    if bytes_resize_exactly(images, recipe):
        for part in pieces(images, recipe):
            crop_bytes(images[part], draws.at(part), recipe, recipe.padding, out[part])
        return
    for part in pieces(images, recipe):
        crop_by_products(
            images[part], draws.at(part), recipe, recipe.padding, out[part], compiled=compiled
        )


def evaluation_crops(images: Tensor, recipe: Recipe, out: Tensor) -> None:
    """Fill ``out`` with the normalised centre crops of ``images``; shapes as for training."""
    # torchvision's CenterCrop rounds half to even.
    offset = round((recipe.resize - recipe.image_size) / 2.0)
    where = torch.full((len(images),), offset, device=images.device)
    still = torch.zeros(len(images), dtype=torch.bool, device=images.device)
    centre = Draws(top=where, left=where, flip=still)
    window = slice(offset, offset + recipe.image_size)
    native = bytes_resize_exactly(images, recipe)
    for part in pieces(images, recipe):
        if native:
            normalise(resized(images[part], recipe)[:, window, window], recipe, out[part])
        else:
            crop_by_products(images[part], centre.at(part), recipe, 0, out[part])


def bytes_resize_exactly(images: Tensor, recipe: Recipe) -> bool:
    """Whether torch's resize of bytes, which exists on a CPU only, gives Pillow's pixels."""
    source = images.shape[1]
    return images.device.type == "cpu" and (
        source == recipe.resize
        or torch_resizes_as_pillow(source, recipe.resize, recipe.interpolation)
    )


def pieces(images: Tensor, recipe: Recipe) -> Iterator[slice]:
    """The slices to process one after the other: a few images on a CPU, all on a GPU."""
    count = len(images)
    if images.device.type == "cpu":
        count = max(1, PIXELS_AT_A_TIME // recipe.resize**2)
    for start in range(0, len(images), count):
        yield slice(start, start + count)


def crop_bytes(images: Tensor, draws: Draws, recipe: Recipe, padding: int, out: Tensor) -> None:
    """The crops by torch's resize of bytes."""
    left, flip_late = draws.left, recipe.flip
    if recipe.flip and mirrors_exactly(images.shape[1], recipe.resize, recipe.interpolation):
        # Mirroring the smaller source is cheaper; the window then moves to the other side.
        images = torch.where(draws.flip[:, None, None, None], images.flip(2), images)
        left, flip_late = torch.where(draws.flip, recipe.slack - left, left), False
    pixels = padded(resized(images, recipe), padding)
    if pixels.shape[1] > recipe.image_size:
        pixels = windows(pixels, draws.top, left, recipe.image_size)
    if flip_late:
        pixels = torch.where(draws.flip[:, None, None, None], pixels.flip(2), pixels)
    normalise(pixels, recipe, out)


def resized(images: Tensor, recipe: Recipe) -> Tensor:
    """Images (n, resize, resize, channels) of bytes, as Pillow's resize makes them."""
    if images.shape[1:3] == (recipe.resize, recipe.resize):
        return images
    return functional.interpolate(
        images.permute(0, 3, 1, 2),
        size=(recipe.resize, recipe.resize),
        mode=recipe.interpolation,
        antialias=True,
    ).permute(0, 2, 3, 1)


def padded(images: Tensor, padding: int) -> Tensor:
    """The images with a black border."""
    return functional.pad(images, (0, 0, *[padding] * 4)) if padding else images


def windows(images: Tensor, top: Tensor, left: Tensor, size: int) -> Tensor:
    """The window (n, size, size, channels) of each image.

    A window's row is contiguous in memory, so rows are gathered instead of pixels.
    """
    count, height, width, channels = images.shape
    row = torch.arange(size) + top[:, None] + height * torch.arange(count)[:, None]
    first_pixel = row * width + left[:, None]
    rows = images.reshape(-1).unfold(0, size * channels, channels)
    return rows[first_pixel.flatten()].view(count, size, size, channels)


def normalise(pixels: Tensor, recipe: Recipe, out: Tensor) -> None:
    """``out`` = (pixels / pixel_max - mean) / std, with torchvision's operations in their order."""
    constants = row_constants(recipe.mean, recipe.std, tuple(out.shape[2:]), out.device)
    normalise_rows(pixels, recipe.pixel_max, constants, out)


def normalise_rows(
    pixels: Tensor, pixel_max: float, constants: tuple[Tensor, Tensor], out: Tensor
) -> None:
    """The same with the constants of each number in a row of pixels."""
    # A whole row at a time: an inner loop over three channels would take twice as long.
    mean, std = constants
    rows = out.view(*out.shape[:2], -1)
    rows.copy_(pixels.flatten(2)).div_(pixel_max).sub_(mean).div_(std)


# Neither cache may drop anything: replayed steps read these tensors at their addresses.
@cache
def row_constants(
    mean: tuple[float, ...],
    std: tuple[float, ...],
    row: tuple[int, ...],
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each number in a row (width, channels) of pixels, flat."""
    return (
        torch.tensor(mean, device=device).expand(row).flatten(),
        torch.tensor(std, device=device).expand(row).flatten(),
    )


def crop_by_products(
    images: Tensor,
    draws: Draws,
    recipe: Recipe,
    padding: int,
    out: Tensor,
    *,
    compiled: bool = False,
) -> None:
    """The crops, computed from the source directly: no resized image is built."""
    height, width = images.shape[1:3]
    constants = row_constants(recipe.mean, recipe.std, tuple(out.shape[2:]), out.device)
    drawn = draws.top, draws.left, draws.flip
    if recipe.resize == height == width:
        gather = compiled_once(gathered_crops) if compiled else gathered_crops
        gather(padded(images, padding), *drawn, recipe.pixel_max, constants, out)
        return
    sizes = recipe.resize, recipe.interpolation, padding, images.device
    weights = bordered_weights(height, *sizes), bordered_weights(width, *sizes)
    weigh = compiled_once(weighted_crops) if compiled else weighted_crops
    with products_in_full(images.device):
        weigh(images, *drawn, *weights, recipe.pixel_max, constants, out)


def gathered_crops(
    images: Tensor,
    top: Tensor,
    left: Tensor,
    flip: Tensor,
    pixel_max: float,
    constants: tuple[Tensor, Tensor],
    out: Tensor,
) -> None:
    """The crops of images that need no interpolation; their border is black."""
    rows, columns = windows_of(top, left, flip, out.shape[1])
    batch = torch.arange(len(images), device=images.device)[:, None, None]
    pixels = images[batch, rows[:, :, None], columns[:, None, :]]
    normalise_rows(pixels, pixel_max, constants, out)


def weighted_crops(
    images: Tensor,
    top: Tensor,
    left: Tensor,
    flip: Tensor,
    down: Tensor,
    along: Tensor,
    pixel_max: float,
    constants: tuple[Tensor, Tensor],
    out: Tensor,
) -> None:
    """The crops of resized images, with the weights of each row (``down``) and column."""
    rows, columns = windows_of(top, left, flip, out.shape[1])
    vertical, horizontal = down[rows], along[columns]
    source = images.permute(0, 3, 1, 2).to(vertical.dtype)
    # Pillow resizes first along the rows, then down the columns, and rounds to bytes both times.
    wide = to_levels(torch.matmul(source, horizontal[:, None].transpose(2, 3)))
    pixels = to_levels(torch.matmul(vertical[:, None], wide))
    normalise_rows(pixels.permute(0, 2, 3, 1), pixel_max, constants, out)


def windows_of(top: Tensor, left: Tensor, flip: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The rows and the columns (n, size) of each window, columns mirrored where it is."""
    span = torch.arange(size, device=top.device)
    columns = torch.where(flip[:, None], span.flip(0), span)
    return top[:, None] + span, left[:, None] + columns


@contextlib.contextmanager
def products_in_full(device: torch.device) -> Iterator[None]:
    """Disable tf32, whatever the trial's precision: its ten bits move pixels by a level or two."""
    if device.type != "cuda":
        yield
        return
    matmul = torch.backends.cuda.matmul
    before, matmul.fp32_precision = matmul.fp32_precision, "ieee"
    try:
        yield
    finally:
        matmul.fp32_precision = before


def to_levels(pixels: Tensor) -> Tensor:
    """The pixels rounded, half up, to levels from 0 to 255, in place."""
    return pixels.add_(0.5).floor_().clamp_(0, 255)


@cache
def bordered_weights(
    source: int, target: int, interpolation: str, padding: int, device: torch.device
) -> Tensor:
    """The weights (target + 2 padding, source) on the device, with rows of zeros for the border."""
    weights = resampling_weights(source, target, interpolation)
    exact = torch.float64 if device.type == "cpu" else torch.float32
    return functional.pad(weights, (0, 0, padding, padding)).to(device, exact)
