"""Build the model of a trial by name, with random, published or local weights."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from adaloss.records.places import Places
from adaloss.tasks.images.fields import ImageTrial
from adaloss.tasks.images.model_names import is_user_model
from adaloss.tasks.images.models.cifar_resnet import TRAINED_MEAN, TRAINED_STD, build_cifar_resnet20
from adaloss.tasks.images.models.own_weights import load_own_weights
from adaloss.tasks.images.models.published import found_weights
from adaloss.tasks.images.models.small import build_mlp, build_small_cnn
from adaloss.tasks.images.models.user_model import build_user_model
from adaloss.tasks.seeding import seeded


@dataclass(frozen=True, kw_only=True)
class BuiltModel:
    """A module from images (batch, channels, image_size, image_size) to logits (batch, classes).

    ``mean`` and ``std`` are the constants per channel, for pixels scaled to [0, 1], that the
    model's published weights were trained with; None where no weights are published.
    """

    module: nn.Module
    image_size: int
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None


MODELS: Mapping[str, Callable[[int, int, int], nn.Module]] = {
    "mlp": build_mlp,
    "small_cnn": build_small_cnn,
    "cifar_resnet20": build_cifar_resnet20,
}
TRAINED_WITH = {"cifar_resnet20": (TRAINED_MEAN, TRAINED_STD)}


def build_model(
    trial: ImageTrial, *, channels: int, image_size: int, classes: int, places: Places
) -> BuiltModel:
    """Build the trial's model for a data set of these images and classes.

    Random weights are drawn from the trial's seed; the caller's random state is unchanged. The
    image size is the trial's, else the one of timm's model, else ``image_size``, the data set's.
    Weights are read from disk, never from the network.

    Raises:
        WeightsError: the weights are missing, unreadable or belong to another model.
        UserModelError: the user's own function does not build a model.
        RuntimeError: timm does not know the model.
    """
    # On the processor, also for a trial on a GPU.
    with seeded(trial.seed, "init", torch.device("cpu")):
        if trial.model not in MODELS and not is_user_model(trial.model):
            return build_from_timm(trial, channels, image_size, classes, places)
        size = trial.image_size or image_size
        if build := MODELS.get(trial.model):
            module = build(channels, size, classes)
        else:
            module = build_user_model(
                trial.model, places, channels=channels, image_size=size, classes=classes
            )
    if path := found_weights(trial, places):
        load_own_weights(trial.model, module, path, classes)
    mean, std = TRAINED_WITH.get(trial.model, (None, None))
    return BuiltModel(module=module, image_size=size, mean=mean, std=std)


def build_from_timm(
    trial: ImageTrial, channels: int, image_size: int, classes: int, places: Places
) -> BuiltModel:
    """Build a model of timm with a head for the classes and an input for the channels."""
    # Importing timm takes seconds, which trials of other models save.
    from timm.models import get_pretrained_cfg

    from adaloss.tasks.images.models.timm_model import build_timm_model

    configuration = get_pretrained_cfg(trial.model)
    size = trial.image_size or (configuration.input_size[-1] if configuration else image_size)
    module = build_timm_model(
        trial.model,
        channels=channels,
        image_size=size,
        classes=classes,
        weights=found_weights(trial, places),
    )
    return BuiltModel(
        module=module,
        image_size=size,
        mean=tuple(configuration.mean) if configuration else None,
        std=tuple(configuration.std) if configuration else None,
    )
