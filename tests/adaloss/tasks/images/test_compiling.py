"""What is compiled: patches as products, and crops, are what they are without."""

import pytest
import torch
from torch import nn

from adaloss.tasks.images.compiling import cuts_patches, product_of_patches
from adaloss.tasks.images.data.crops import crop_by_products
from adaloss.tasks.images.data.recipe import Recipe, draw


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("patch", "size"), [(4, 32), ((2, 4), 16), (4, 30)])
def test_a_convolution_of_patches_is_a_product(patch, size, bias):
    torch.manual_seed(0)
    convolution = nn.Conv2d(3, 8, patch, stride=patch, bias=bias)
    assert cuts_patches(convolution)
    images = torch.randn(5, 3, size, size, requires_grad=True)
    same = images.detach().to(memory_format=torch.channels_last).requires_grad_()
    expected, got = convolution(images), product_of_patches(convolution, same)
    assert got.shape == expected.shape
    assert torch.allclose(got, expected, atol=1e-6)
    weights = torch.randn_like(expected)
    for result in ((expected * weights).sum(), (got * weights).sum()):
        torch.autograd.backward(result)
    assert torch.allclose(same.grad, images.grad, atol=1e-6)


@pytest.mark.parametrize(
    "convolution",
    [
        nn.Conv2d(3, 8, 3, padding=1),
        nn.Conv2d(3, 8, 4, stride=2),
        nn.Conv2d(4, 8, 2, stride=2, groups=2),
        nn.Conv2d(3, 8, 2, stride=2, padding=1),
        nn.Conv2d(3, 8, 2, stride=2, dilation=2),
        nn.Conv2d(3, 8, 1),
    ],
    ids=str,
)
def test_other_convolutions_stay(convolution):
    assert not cuts_patches(convolution)


class Standardised(nn.Conv2d):
    def forward(self, images):
        return self._conv_forward(images, self.weight - self.weight.mean(), self.bias)


class Padded(nn.Conv2d):
    def _conv_forward(self, images, weight, bias):
        return super()._conv_forward(images + 1, weight, bias)


class Named(nn.Conv2d):
    """Torch's own by another name."""


def with_a_forward_of_its_own():
    convolution = nn.Conv2d(3, 8, 4, stride=4)
    convolution.forward = lambda images: images
    return convolution


@pytest.mark.parametrize(
    ("convolution", "torchs"),
    [
        (Standardised(3, 8, 4, stride=4), False),
        (Padded(3, 8, 4, stride=4), False),
        (with_a_forward_of_its_own(), False),
        (Named(3, 8, 4, stride=4), True),
    ],
)
def test_a_convolution_that_computes_something_else_stays(convolution, torchs):
    assert cuts_patches(convolution) is torchs


@pytest.mark.slow
def test_a_compiled_network_with_patches_is_the_network():
    from adaloss.tasks.images.compiling import compiled_network

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.patches = nn.Conv2d(3, 8, 4, stride=4)
            self.head = nn.Linear(8, 5)

        def forward(self, images):
            return self.head(self.patches(images).flatten(2).mean(2))

    torch.manual_seed(0)
    model, images = Net(), torch.randn(4, 3, 16, 16)
    expected = model(images)
    names = list(model.state_dict())
    assert torch.allclose(compiled_network(model)(images), expected, atol=1e-5)
    assert list(model.state_dict()) == names


@pytest.mark.slow
@pytest.mark.parametrize(("resize", "size", "padding"), [(32, 32, 4), (40, 36, 0)])
def test_compiled_crops_are_the_crops(resize, size, padding):
    recipe = Recipe(
        resize=resize, image_size=size, padding=padding, flip=True, interpolation="bilinear",
        pixel_max=255.0, mean=(0.5, 0.4, 0.3), std=(0.2, 0.2, 0.3),
    )  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (8, 32, 32, 3), dtype=torch.uint8, generator=generator)
    draws = draw(recipe, 8, generator)
    plain, compiled = torch.empty(2, 8, size, size, 3)
    crop_by_products(images, draws, recipe, padding, plain)
    crop_by_products(images, draws, recipe, padding, compiled, compiled=True)
    assert torch.allclose(compiled, plain, atol=1e-6)
