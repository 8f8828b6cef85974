"""Models by name: how they are built."""

import pytest
import torch
from weight_files import RESNET, VIT, differing

from adaloss.records.places import Places
from adaloss.tasks.images.model_names import BUILT_IN_MODELS
from adaloss.tasks.images.models.build import MODELS, build_model
from adaloss.tasks.images.models.licences import licence


def test_every_model_of_our_own_can_be_built():
    assert set(MODELS) == set(BUILT_IN_MODELS)


@pytest.mark.parametrize("model", BUILT_IN_MODELS)
@pytest.mark.parametrize("channels", [1, 3])
def test_our_models_give_logits(build, model, channels):
    built = build(model=model, channels=channels, image_size=8, classes=5)
    assert built.image_size == 8
    assert built.module(torch.rand(2, channels, 8, 8)).shape == (2, 5)


@pytest.mark.parametrize("model", ["mlp", "small_cnn"])
def test_what_has_no_published_weights_has_no_constants(build, model):
    built = build(model=model)
    assert (built.mean, built.std) == (None, None)


def test_models_of_published_weights_have_their_constants(build):
    resnet = build(model="cifar_resnet20")
    assert (resnet.mean, resnet.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    vit = build(model=VIT)
    assert (vit.mean, vit.std) == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def test_the_seed_alone_decides_on_fresh_weights(build):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    state = build(model="mlp", seed=4).module.state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert not differing(build(model="mlp", seed=4).module, state)
    assert differing(build(model="mlp", seed=5).module, state) == set(state)


def test_fresh_weights_of_the_small_models_stay_what_they_were(build):
    # Numbers of finished trials hang on them.
    digits = {"channels": 1, "image_size": 8}
    mlp = build(model="mlp", **digits).module
    cnn = build(model="small_cnn", **digits).module
    assert [float(weight.detach().abs().sum()) for weight in (mlp[1].weight, cnn[5].weight)] == [
        pytest.approx(517.71863, rel=1e-6),
        pytest.approx(58.106468, rel=1e-6),
    ]


def test_the_image_size_is_the_trials_then_timms_then_the_data_sets(build):
    assert build(model="mlp", image_size=8).image_size == 8
    assert build(model="mlp", image_size=8).module[1].in_features == 3 * 64
    assert build(model=VIT, image_size=8).image_size == 160
    assert MODELS["mlp"](3, 12, 10)[1].in_features == 3 * 144


@pytest.mark.parametrize(("model", "size"), [("mlp", 12), (VIT, 64), (RESNET, 64)])
def test_a_trials_image_size_counts_first(make_trial, tmp_path, model, size):
    built = build_model(
        make_trial(model=model, image_size=size),
        channels=1,
        image_size=8,
        classes=5,
        places=Places(data_root=tmp_path),
    )
    assert built.image_size == size
    assert built.module(torch.rand(2, 1, size, size)).shape == (2, 5)


def test_an_alias_is_its_model(make_trial):
    assert make_trial(model="swsl_resnet50").model == "resnet50.fb_swsl_ig1b_ft_in1k"
    assert (
        licence(*make_trial(model="swsl_resnet50", pretrained=True).starts_from) == "cc-by-nc-4.0"
    )
