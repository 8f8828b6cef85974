"""Data and weights are found where they are, or told to come, or refused."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from findings_of_checks import FINE, REFUSED, WARNING

from adaloss.records.places import Places
from adaloss.tasks.images.data.published import VISION_DATASETS
from adaloss.tasks.images.data_sets import IMAGE_SETS
from runners.api.selection import smoke_trials
from runners.preflight.checks import doctors_findings
from runners.preflight.inputs import data_sets, hub_cache, models

pytestmark = pytest.mark.usefixtures("a_machine_of_its_own")


def test_the_servers_of_images_are_those_of_torchvision():
    from torchvision import datasets

    assert {name: about.server for name, about in VISION_DATASETS.items()} == {
        "mnist": next(url for url in datasets.MNIST.mirrors if "ossci" in url),
        "fashion_mnist": datasets.FashionMNIST.mirrors[0],
        "cifar10": datasets.CIFAR10.url,
        "cifar100": datasets.CIFAR100.url,
    }


def found_of(name, root):
    return data_sets.data_set(name, IMAGE_SETS, Places(data_root=root))


def test_a_data_set_is_told_where_it_is_or_that_it_comes(tmp_path):
    assert "is downloaded" in found_of("cifar100", tmp_path).found
    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    for name in ("train", "test"):
        (folder / name).touch()
    assert "is downloaded" in found_of("cifar100", tmp_path).found
    (folder / "meta").touch()
    assert found_of("cifar100", tmp_path).found == f"cifar100 is in {tmp_path}"


def test_an_image_folder_needs_classes(tmp_path):
    assert found_of("imagefolder:pets", tmp_path).level is REFUSED
    for part in ("train", "test"):
        (tmp_path / "pets" / part / "cat").mkdir(parents=True)
    only_one = found_of("imagefolder:pets", tmp_path)
    assert (only_one.level, "has 1 class folders" in only_one.found) == (REFUSED, True)
    for part in ("train", "test"):
        (tmp_path / "pets" / part / "dog").mkdir()
    assert found_of("imagefolder:pets", tmp_path).level is FINE


def test_more_training_examples_than_there_are_are_a_warning(planned):
    plan = planned(("dataset: digits", "dataset: digits\n  train_examples: 2000"))
    (finding,) = [each for each in data_sets.data_sets(plan) if each.level is WARNING]
    assert finding.found == "train_examples is 2000, and digits has only 1169 to train on"


def test_the_few_batches_of_a_smoke_run_are_no_wish_for_more_than_there_are(planned):
    of_sweep = planned(("batch_size: 128", "batch_size: 1024"))
    smoke = replace(of_sweep, trials=smoke_trials(of_sweep.sweep.trials, ()))
    assert {each.level for each in data_sets.data_sets(smoke)} == {FINE}


def test_as_many_training_examples_as_there_are_are_fine(planned):
    plan = planned(("dataset: digits", "dataset: digits\n  train_examples: 1169"))
    assert {each.level for each in data_sets.data_sets(plan)} == {FINE}


TIMM_MODEL = "vit_small_patch16_224.augreg_in21k_ft_in1k"


def put_in_cache(model):
    snapshot = hub_cache.hub_cache() / f"models--timm--{model}" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").write_bytes(bytes(5))
    return snapshot / "model.safetensors"


@pytest.mark.parametrize("variable", ["HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"])
def test_the_hubs_cache_is_where_its_library_says(variable, tmp_path):
    # The library reads the environment when it is imported.
    code = (
        "from huggingface_hub.constants import HF_HUB_CACHE\n"
        "from runners.preflight.inputs.hub_cache import hub_cache\n"
        "print(HF_HUB_CACHE, hub_cache())"
    )
    environment = os.environ | {variable: str(tmp_path / "there")}
    message = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    theirs, ours = message.stdout.split()
    assert ours == theirs
    assert "there" in ours


def test_published_weights_are_found_where_timm_would_look(tmp_path, monkeypatch):
    (finding,) = models.model_findings(TIMM_MODEL, True, Places(data_root=tmp_path))
    assert "are downloaded before the first trial" in finding.found
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (finding,) = models.model_findings(TIMM_MODEL, True, Places(data_root=tmp_path))
    assert finding.level is WARNING
    file = put_in_cache(TIMM_MODEL)
    (finding,) = models.model_findings(TIMM_MODEL, True, Places(data_root=tmp_path))
    assert (finding.level, finding.found) == (FINE, f"the weights of {TIMM_MODEL} are {file}")


def test_another_models_weights_are_not_taken_for_these():
    put_in_cache("vit_small_patch16_224_extra.some_tag")
    assert hub_cache.cached_weights("vit_small_patch16_224") is None
    file = put_in_cache("vit_small_patch16_224.some_tag")
    assert hub_cache.cached_weights("vit_small_patch16_224") == file


@pytest.mark.parametrize(
    ("model", "pretrained", "message"),
    [
        ("mlp", True, "no weights are published for mlp"),
        ("mlp", "gone.pth", "is missing"),
        ("mlp", "weights.npz", ".npz files are for models of timm"),
        ("nothing_of_mine:build", False, "there is no module nothing_of_mine"),
    ],
)
def test_what_cannot_be_started_from_is_refused(model, pretrained, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("weights.npz").touch()
    (finding,) = models.model_findings(model, pretrained, Places(data_root=tmp_path))
    assert finding.level is REFUSED
    assert message in finding.found


def test_the_users_model_is_found_and_not_imported(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine_of_the_test.py").write_text("raise SystemExit")
    (finding,) = models.model_findings("mine_of_the_test:build", False, Places(data_root=tmp_path))
    assert finding.level is FINE
    (finding,) = models.model_findings("json:loads", False, Places(data_root=tmp_path))
    assert finding.level is FINE


def test_damaged_weights_are_refused(tmp_path):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "resnet20-12fca82f.th").write_bytes(b"not the weights")
    (finding,) = models.model_findings("cifar_resnet20", True, Places(data_root=tmp_path))
    assert finding.level is REFUSED
    assert "is corrupt" in finding.found


def test_the_doctor_asks_for_what_is_missing_alone(planned, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr("runners.preflight.checks.reachable", lambda them: asked.extend(them) or [])
    wanted = planned(
        ("model: mlp", f"model: [mlp, {TIMM_MODEL}]\n  image_size: 32"),
        ("dataset: digits", "dataset: [digits, cifar100]"),
        extra=f"overrides: [{{match: {{model: {TIMM_MODEL}}}, set: {{pretrained: true}}}}]\n"
        f"data: {{root: {tmp_path}}}\n",
    )
    list(doctors_findings(wanted))
    assert [question.what for question in asked] == ["cifar100", f"weights of {TIMM_MODEL}"]
    put_in_cache(TIMM_MODEL)
    (tmp_path / "cifar-100-python.tar.gz").touch()
    asked.clear()
    list(doctors_findings(wanted))
    assert asked == []
