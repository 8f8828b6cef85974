"""Models by name: two small ones of our own and every model of timm."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from adaloss.data import Splits
from adaloss.seeding import derived_seed
from adaloss.trial import Trial

HIDDEN_UNITS = 128


@dataclass(frozen=True, kw_only=True)
class BuiltModel:
    """A module from images (batch, channels, image_size, image_size) to logits (batch, classes)."""

    module: nn.Module
    image_size: int


def build_mlp(channels: int, image_size: int, classes: int) -> nn.Module:
    """A perceptron with two hidden layers of 128 ReLU units."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(channels * image_size**2, HIDDEN_UNITS),
        nn.ReLU(),
        nn.Linear(HIDDEN_UNITS, HIDDEN_UNITS),
        nn.ReLU(),
        nn.Linear(HIDDEN_UNITS, classes),
    )


def build_small_cnn(channels: int, image_size: int, classes: int) -> nn.Module:
    """Two 3×3 convolutions of stride 2 (16 and 32 channels, ReLU) and a linear head."""
    features = 32 * ((image_size + 3) // 4) ** 2
    return nn.Sequential(
        nn.Conv2d(channels, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(features, classes),
    )


MODELS: Mapping[str, Callable[[int, int, int], nn.Module]] = {
    "mlp": build_mlp,
    "small_cnn": build_small_cnn,
}


def build_model(trial: Trial, splits: Splits) -> BuiltModel:
    """Build the trial's model, its fresh weights drawn from the trial's seed.

    A model of timm takes images of ``trial.image_size``, by default those of its own
    configuration; ours take the data set's. The caller's random state is left as it was.

    Raises:
        RuntimeError: timm does not know the model, or has no weights for it.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(trial.seed, "init"))
        build = MODELS.get(trial.model)
        if build is None:
            return build_timm_model(trial, splits)
        image_size = trial.image_size or splits.image_size
        return BuiltModel(
            module=build(splits.channels, image_size, splits.classes), image_size=image_size
        )


def build_timm_model(trial: Trial, splits: Splits) -> BuiltModel:
    """Build a model of timm with a head for the data set's classes and its channels."""
    import timm
    from timm.models import get_pretrained_cfg

    configuration = get_pretrained_cfg(trial.model)
    native_size = configuration.input_size[-1] if configuration else splits.image_size
    image_size = trial.image_size or native_size
    # Only models with position embeddings of a fixed length are built for an image size.
    sized = configuration is not None and configuration.fixed_input_size
    arguments: dict[str, Any] = {"num_classes": splits.classes, "in_chans": splits.channels}
    if sized:
        arguments["img_size"] = image_size
    module = timm.create_model(trial.model, pretrained=trial.pretrained, **arguments)
    return BuiltModel(module=module, image_size=image_size)
