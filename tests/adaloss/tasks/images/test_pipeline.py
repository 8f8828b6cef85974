"""The input pipeline: for equal draws, the pixels of torchvision's transforms on Pillow images."""

import os
import warnings
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import functional as theirs
from torchvision.transforms.functional import InterpolationMode

from adaloss.tasks.images.data.batches import ImageBatches
from adaloss.tasks.images.data.crops import (
    bordered_weights,
    crop_by_products,
    evaluation_crops,
    training_crops,
)
from adaloss.tasks.images.data.recipe import Draws, Recipe, draw
from adaloss.tasks.images.data.sources.digits import load_digits
from adaloss.tasks.images.data.sources.vision import is_there
from adaloss.tasks.images.data.splits import Examples, load_splits, spec_of
from adaloss.tasks.numerics import numerics_of

MEAN, STD = (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
MODES = {"bilinear": InterpolationMode.BILINEAR, "bicubic": InterpolationMode.BICUBIC}


def recipe(**fields) -> Recipe:
    published = {
        "resize": 256,
        "image_size": 224,
        "padding": 0,
        "flip": True,
        "interpolation": "bilinear",
        "pixel_max": 255.0,
        "mean": MEAN,
        "std": STD,
    }
    return Recipe(**(published | fields))


def colourful_digits(count: int, size: int) -> torch.Tensor:
    """Real digits, upscaled, with a different one in each colour; uint8 (count, size, size, 3)."""
    grey = load_digits().images[: 3 * count].view(count, 3, 8, 8)
    large = torch.nn.functional.interpolate(grey, size=(size, size), mode="bicubic")
    return large.permute(0, 2, 3, 1).contiguous()


def published_pipeline(images: torch.Tensor, draws: Draws, recipe: Recipe) -> torch.Tensor:
    """Pillow and torchvision, an image at a time: float32 (n, channels, size, size)."""
    size, mode = recipe.image_size, MODES[recipe.interpolation]
    made = []
    for index, pixels in enumerate(images.numpy()):
        image = Image.fromarray(pixels.squeeze())
        image = theirs.resize(image, [recipe.resize, recipe.resize], mode)
        if recipe.padding:
            image = theirs.pad(image, recipe.padding)
        image = theirs.crop(image, int(draws.top[index]), int(draws.left[index]), size, size)
        if draws.flip[index]:
            image = theirs.hflip(image)
        made.append(theirs.normalize(theirs.to_tensor(image), recipe.mean, recipe.std))
    return torch.stack(made)


def ours(images: torch.Tensor, draws: Draws, recipe: Recipe) -> torch.Tensor:
    size, channels = recipe.image_size, images.shape[-1]
    out = torch.empty(len(images), size, size, channels)
    training_crops(images, draws, recipe, out)
    return out.permute(0, 3, 1, 2)


def pixels_of(normalised: torch.Tensor) -> torch.Tensor:
    """Back to levels from 0 to 255."""
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (MEAN, STD))
    return (normalised * std + mean) * 255


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"interpolation": "bicubic"},
        {"resize": 40, "image_size": 32, "padding": 4},
        {"resize": 20, "image_size": 16},
        {"resize": 32, "image_size": 32, "padding": 4},
        {"resize": 32, "image_size": 32},
    ],
    ids=str,
)
def test_training_crops_are_the_published_ones_to_the_bit(fields):
    made = recipe(**fields)
    images = colourful_digits(40, 32)
    draws = draw(made, len(images), torch.Generator().manual_seed(0))
    assert draws.flip.any()
    assert torch.equal(ours(images, draws, made), published_pipeline(images, draws, made))


@settings(max_examples=30)
@given(st.data())
def test_any_sizes_and_draws_give_the_published_pixels(data):
    source = data.draw(st.integers(8, 40))
    resize = data.draw(st.integers(8, 90))
    padding = data.draw(st.integers(0, 5))
    made = recipe(
        resize=resize,
        image_size=data.draw(st.integers(4, resize)),
        padding=padding,
        flip=data.draw(st.booleans()),
        interpolation=data.draw(st.sampled_from(sorted(MODES))),
    )
    images = colourful_digits(5, source)
    seed = data.draw(st.integers(0, 2**32))
    draws = draw(made, len(images), torch.Generator().manual_seed(seed))
    assert torch.equal(ours(images, draws, made), published_pipeline(images, draws, made))


def test_grey_images_have_the_published_pixels():
    made = recipe(mean=(0.3,), std=(0.4,))
    images = load_digits().images[:20]
    draws = draw(made, len(images), torch.Generator().manual_seed(0))
    assert torch.equal(ours(images, draws, made), published_pipeline(images, draws, made))


@pytest.mark.parametrize(("resize", "size"), [(256, 224), (33, 32), (35, 32), (32, 32)])
def test_evaluation_crops_are_the_published_centre_crops_to_the_bit(resize, size):
    made = recipe(resize=resize, image_size=size, padding=3)
    images = colourful_digits(10, 32)
    out = torch.empty(len(images), size, size, 3)
    evaluation_crops(images, made, out)
    for image, got in zip(images.numpy(), out, strict=True):
        expected = theirs.center_crop(theirs.resize(Image.fromarray(image), resize), size)
        expected = theirs.normalize(theirs.to_tensor(expected), MEAN, STD)
        assert torch.equal(got.permute(2, 0, 1), expected)


several_sizes = pytest.mark.parametrize(
    "fields",
    [
        {},
        {"interpolation": "bicubic"},
        {"resize": 30, "image_size": 24, "padding": 2},
        {"resize": 32, "image_size": 32, "padding": 4},
    ],
    ids=str,
)


@several_sizes
def test_crops_by_products_as_on_a_gpu_are_within_one_level(fields, monkeypatch):
    def float32_weights(*sizes_and_device):
        return bordered_weights(*sizes_and_device).float()

    made = recipe(**fields)
    images = colourful_digits(40, 32)
    draws = draw(made, len(images), torch.Generator().manual_seed(0))
    monkeypatch.setattr("adaloss.tasks.images.data.crops.bordered_weights", float32_weights)
    out = torch.empty(len(images), made.image_size, made.image_size, 3)
    crop_by_products(images, draws, made, made.padding, out)
    difference = pixels_of(out.permute(0, 3, 1, 2)) - pixels_of(ours(images, draws, made))
    assert difference.abs().max() < 1.001
    assert (difference.abs() > 0.5).float().mean() < 0.001


@needs_gpu
@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16"])
@several_sizes
def test_crops_on_a_gpu_are_within_one_level(make_trial, fields, precision):
    made, gpu = recipe(**fields), torch.device("cuda")
    images = colourful_digits(40, 32)
    draws = draw(made, len(images), torch.Generator().manual_seed(0))
    out = torch.empty(len(images), made.image_size, made.image_size, 3, device=gpu)
    with numerics_of(make_trial(precision=precision), gpu):
        training_crops(images.to(gpu), draws.to(gpu), made, out)
    difference = pixels_of(out.permute(0, 3, 1, 2).cpu()) - pixels_of(ours(images, draws, made))
    assert difference.abs().max() < 1.001
    # A GPU adds in another order: what lies between two levels may be rounded the other way, as
    # one pixel in ninety was on an H100 where 32 pixels become 30.
    assert (difference.abs() > 0.5).float().mean() < 0.02


@needs_gpu
def test_no_batch_of_crops_waits_for_the_gpu():
    made, gpu = recipe(resize=40, image_size=32), torch.device("cuda")
    every = torch.arange(96, device=gpu)
    examples = Examples(images=colourful_digits(96, 32).to(gpu), labels=every, indices=every)
    part = ImageBatches(examples, made, training=True)
    draws = draw(made, 96, torch.Generator().manual_seed(0)).to(gpu)
    order = every.flip(0)
    list(part.batches(32, order, draws))  # constants come to the GPU once
    with warnings.catch_warnings(action="ignore"):  # that this mode is new
        try:
            torch.cuda.set_sync_debug_mode("error")
            assert len(list(part.batches(32, order, draws))) == 3
        finally:
            torch.cuda.set_sync_debug_mode("default")


def test_crops_leave_the_images_as_they_are():
    made = recipe(resize=32, image_size=32)
    images = colourful_digits(10, 32)
    before = images.clone()
    ours(images, draw(made, 10, torch.Generator().manual_seed(0)), made)
    assert torch.equal(images, before)


def test_draws_reach_every_place_and_do_not_depend_on_what_is_drawn():
    generator = torch.Generator().manual_seed(0)
    draws = draw(recipe(resize=34, image_size=32), 1000, generator)
    assert sorted(set(draws.top.tolist())) == sorted(set(draws.left.tolist())) == [0, 1, 2]
    assert 0.4 < draws.flip.float().mean() < 0.6
    again = torch.Generator().manual_seed(0)
    draw(recipe(resize=32, image_size=32, flip=False), 1000, again)
    assert torch.equal(generator.get_state(), again.get_state())


def test_batches_visit_every_example_once_in_the_order_given(digits):
    made = recipe(resize=8, image_size=8, flip=False, pixel_max=240.0, mean=(0.3,), std=(0.4,))
    part = ImageBatches(digits.test, made, training=False)
    order = torch.randperm(len(digits.test))
    seen = [(images.clone(), labels) for images, labels in part.batches(50, order)]
    assert torch.equal(torch.cat([labels for _, labels in seen]), digits.test.labels[order])
    expected = digits.test.images[digits.test.indices[order]].permute(0, 3, 1, 2) / 240
    assert torch.equal(torch.cat([images for images, _ in seen]), (expected - 0.3) / 0.4)


def test_a_model_that_writes_over_its_input_changes_no_later_batch(digits):
    made = recipe(resize=8, image_size=8, flip=False, pixel_max=240.0, mean=(0.3,), std=(0.4,))
    part = ImageBatches(digits.test, made, training=False)
    assert part.kept is not None
    before = part.kept.clone()
    for order in (None, torch.arange(len(digits.test))):
        for images, _ in part.batches(100, order):
            images.mul_(2)
        assert torch.equal(part.kept, before)


def test_kept_images_are_those_made_on_the_way(digits, monkeypatch):
    made = recipe(resize=12, image_size=10, flip=False, pixel_max=240.0, mean=(0.3,), std=(0.4,))
    kept = ImageBatches(digits.test, made, training=False)
    monkeypatch.setattr("adaloss.tasks.images.data.batches.BYTES_TO_KEEP", 0)
    on_the_way = ImageBatches(digits.test, made, training=False)
    assert kept.kept is not None
    assert on_the_way.kept is None
    for (a, _), (b, _) in zip(kept.batches(100), on_the_way.batches(100), strict=True):
        assert torch.equal(a, b)


@pytest.mark.skipif(
    not is_there("cifar100", Path(os.environ.get("ADALOSS_DATA", "/nowhere"))),
    reason="ADALOSS_DATA does not name a folder with cifar-100-python",
)
def test_real_cifar100_images_have_the_published_pixels(make_trial):
    splits = load_splits(
        spec_of(make_trial(dataset="cifar100")), Path(os.environ["ADALOSS_DATA"]), "cpu"
    )
    images = splits.train.images[splits.train.indices[:300]]
    made = recipe()
    draws = draw(made, len(images), torch.Generator().manual_seed(0))
    assert torch.equal(ours(images, draws, made), published_pipeline(images, draws, made))
