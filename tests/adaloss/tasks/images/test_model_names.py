"""The names of timm's models, read from its source, against timm itself."""

import subprocess
import sys

import pytest

from adaloss.grid.points.filter import only
from adaloss.tasks.images import model_names
from adaloss.tasks.images.model_names import (
    ALIASES,
    BUILT_IN_MODELS,
    is_model,
    is_user_model,
    names_in,
    timm_names,
)
from adaloss.tasks.images.models.build import MODELS


@pytest.fixture(scope="module")
def timm():
    return pytest.importorskip("timm")


@pytest.mark.slow
def test_models_are_those_that_timm_lists(timm):
    assert {name for name in timm_names() if "." not in name} == set(timm.list_models())


@pytest.mark.slow
def test_every_tag_that_timm_has_is_known(timm):
    assert set(timm.list_models(pretrained=True)) <= timm_names()


@pytest.mark.slow
def test_a_tag_that_timm_declares_for_other_models_is_not_a_models_own(timm):
    declared = {name for name in timm.list_models(pretrained=True) if name.startswith("resnet50.")}
    assert {name for name in timm_names() if name.startswith("resnet50.")} == declared


@pytest.mark.parametrize("name", ["resnet50.nope", "resnet5O", "Resnet50", "resnet50.", "", "MLP"])
def test_an_unknown_name_is_no_model(name):
    assert not is_model(name)


@pytest.mark.parametrize(
    "name", ["mlp", "resnet50", "vit_small_patch16_224.augreg_in21k_ft_in1k", "small_cnn"]
)
def test_a_known_name_is_a_model(name):
    assert is_model(name)


def test_built_in_models_are_those_that_can_be_built():
    assert set(BUILT_IN_MODELS) == set(MODELS)


def test_without_timm_there_are_only_our_own(monkeypatch):
    monkeypatch.setattr(model_names, "find_spec", lambda name: None)
    timm_names.cache_clear()
    try:
        assert timm_names() == frozenset()
        assert is_model("mlp")
        assert not is_model("resnet50")
    finally:
        timm_names.cache_clear()


def test_a_tag_may_be_marked_as_default_and_a_configuration_may_have_none():
    source = (
        "default_cfgs = generate_default_cfgs({\n"
        "    'small.best_in1k*': _cfg(),\n"
        '    "small.good_in1k": _cfg(),\n'
        "    'plain': _cfg(),\n"
        "    # 'small.withdrawn_in1k': _cfg(),\n"
        "    'mean': (0.5, 0.5, 0.5),\n"
        "})\n"
        "@register_model\ndef small(pretrained=False): ...\n"
        "@register_model\ndef plain(pretrained=False): ...\n"
        "# @register_model\n# def withdrawn(): ...\n"
        "def helper(): ...\n"
    )
    assert names_in(source) == {"small", "plain", "small.best_in1k", "small.good_in1k"}


def test_a_model_whose_configuration_is_computed_may_have_any_tag_of_its_file():
    source = (
        "cfgs = {\n    'base.in1k': _cfg(),\n}\n"
        "cfgs |= {name.replace('base', 'computed'): cfg for name, cfg in cfgs.items()}\n"
        "@register_model\ndef base(): ...\n"
        "@register_model\ndef computed(): ...\n"
    )
    assert names_in(source) == {"base", "base.in1k", "computed", "computed.in1k"}


def test_reading_the_names_does_not_import_timm():
    code = (
        "import sys; from adaloss.tasks.images.model_names import is_model;"
        "assert is_model('resnet50.a1_in1k');"
        "assert not {'timm', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("alias", sorted(ALIASES))
def test_an_alias_and_its_model_are_one_trial(make_trial, alias):
    assert make_trial(model=alias).trial_id == make_trial(model=ALIASES[alias]).trial_id
    assert ALIASES[alias] in timm_names()
    assert is_model(ALIASES[alias])


def test_trials_are_selected_by_alias_too(make_trial):
    trials = tuple(make_trial(model=model) for model in ("swsl_resnet50", "mlp"))
    assert only(trials, {"model": "swsl_resnet50"}) == trials[:1]


@pytest.mark.parametrize(
    ("name", "users"),
    [
        ("nets:build", True),
        ("my.package.nets:build_it", True),
        ("resnet50", False),
        ("nets:", False),
        (":build", False),
        ("my nets:build", False),
    ],
)
def test_a_users_model_is_a_module_and_a_function(name, users):
    assert is_user_model(name) is users
