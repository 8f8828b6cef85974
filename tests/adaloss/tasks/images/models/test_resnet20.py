"""The residual network for CIFAR."""

import os
from pathlib import Path

import pytest
import torch
from torch import nn

from adaloss.records.places import Places
from adaloss.tasks.images.models.weights import fetch_weights

CHECKPOINT = Path(os.environ.get("ADALOSS_DATA", ""), "weights", "resnet20-12fca82f.th")


def published_names():
    """The parameters of the published ResNet-20, as its checkpoint names them."""

    def norm(name):
        return [f"{name}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]

    names = ["conv1.weight", *norm("bn1"), "linear.weight", "linear.bias"]
    for layer in (1, 2, 3):
        for block in (0, 1, 2):
            for half in (1, 2):
                place = f"layer{layer}.{block}"
                names += [f"{place}.conv{half}.weight", *norm(f"{place}.bn{half}")]
    return set(names)


def test_resnet20_has_the_published_names_and_size(build):
    module = build(model="cifar_resnet20").module
    state = module.state_dict()
    named = {name for name in state if not name.endswith("num_batches_tracked")}
    assert named == published_names()
    assert sum(parameter.numel() for parameter in module.parameters()) == 269_722
    assert state["layer3.0.conv1.weight"].shape == (64, 32, 3, 3)
    assert state["linear.weight"].shape == (10, 64)


def test_a_shortcut_takes_every_second_pixel_and_pads_zero_channels(build):
    block = build(model="cifar_resnet20").module.layer2[0].eval()
    nn.init.zeros_(block.bn2.weight)
    images = torch.rand(2, 16, 8, 8)
    features = block(images)
    assert features.shape == (2, 32, 4, 4)
    assert torch.equal(features[:, 8:24], images[:, :, ::2, ::2])
    assert not features[:, :8].any()
    assert not features[:, 24:].any()


@pytest.mark.skipif(not CHECKPOINT.is_file(), reason="ADALOSS_DATA has no weights of ResNet-20")
def test_the_published_checkpoint_loads(build, make_trial):
    folder = CHECKPOINT.parent
    trial = make_trial(model="cifar_resnet20", pretrained=True)
    fetch_weights([trial], Places(data_root=folder.parent))
    module = build(model="cifar_resnet20", pretrained=True, weights_folder=folder).module
    given = torch.load(CHECKPOINT, map_location="cpu", weights_only=True)["state_dict"]
    state = module.state_dict()
    for name, tensor in given.items():
        assert torch.equal(state[name.removeprefix("module.")], tensor)
    wide = build(model="cifar_resnet20", pretrained=True, weights_folder=folder, classes=100)
    assert wide.module.linear.weight.shape == (100, 64)
    assert torch.equal(wide.module.conv1.weight, module.conv1.weight)
