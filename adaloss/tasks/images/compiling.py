"""Compile a network and what is computed before it, once for all trials of a worker."""

import types
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

# The compiler gives up on code that it has seen in more versions than this, eight by default: a
# version for each kind of network, not for each trial.
MOST_VERSIONS = 64

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile without the compiler's own CUDA graphs, because steps are replayed.

    Both in one process fail: when a trial with the compiler's graphs followed one whose steps were
    replayed, a kernel failed (torch 2.11).
    """
    torch.compiler.config.recompile_limit = MOST_VERSIONS
    return torch.compile(function, dynamic=False)


def compiled_network(model: nn.Module) -> Callable[[Tensor], Tensor]:
    """The compiled network, with its parameters.

    A network of the same kind, as the worker's next trial has, takes the same compiled code.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and cuts_patches(module):
            module.forward = types.MethodType(product_of_patches, module)  # type: ignore[method-assign]
    return compiled(model)


def cuts_patches(convolution: nn.Conv2d) -> bool:
    """Whether it is torch's own and maps patches that touch each other: a ViT's first layer, say.

    A class of its own, such as one that standardises its weights, may compute something else.
    """
    torchs = all(
        getattr(type(convolution), name) is getattr(nn.Conv2d, name)
        for name in ("forward", "_conv_forward")
    )
    return (
        torchs
        and "forward" not in vars(convolution)
        and convolution.kernel_size == convolution.stride
        and convolution.kernel_size[0] > 1
        and convolution.groups == 1
        and convolution.padding in ("valid", (0, 0))
        and convolution.dilation == (1, 1)
    )


def product_of_patches(convolution: nn.Conv2d, images: Tensor) -> Tensor:
    """The convolution as a matrix product.

    Convolutions of three channels do not use the GPU's matrix units well: of a step of ViT-S/16 on
    an H200 they took 5 %.
    """
    height, width = convolution.kernel_size
    n, channels, rows, columns = images.shape
    patches = (
        images[:, :, : rows // height * height, : columns // width * width]
        .reshape(n, channels, rows // height, height, columns // width, width)
        .permute(0, 2, 4, 1, 3, 5)
        .flatten(3)
    )
    weight = convolution.weight.flatten(1)
    return functional.linear(patches, weight, convolution.bias).permute(0, 3, 1, 2)
