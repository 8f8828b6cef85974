"""Models by name: how they are built, and the weights that they start from."""

import os
import pickle
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from adaloss.errors import WeightsError
from adaloss.records.places import Places
from adaloss.tasks.images.model_names import BUILT_IN_MODELS
from adaloss.tasks.images.models import published, user_model, weights
from adaloss.tasks.images.models.build import MODELS, build_model
from adaloss.tasks.images.models.licences import licence, licence_in_source
from adaloss.tasks.images.models.timm_source import COMPUTED, licences_in
from adaloss.tasks.images.models.user_model import UserModelError
from adaloss.tasks.images.models.weights import fetch_weights

CHECKPOINT = Path(os.environ.get("ADALOSS_DATA", ""), "weights", "resnet20-12fca82f.th")
VIT = "test_vit"
RESNET = "test_resnet"
# The user's functions of these tests.
USER_SOURCE = """
from torch import nn


def wide(channels, image_size, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * image_size**2, 7), nn.ReLU(),
                         nn.Linear(7, classes))


def two_arguments(channels, classes):
    return nn.Linear(1, 1)


def no_module(channels, image_size, classes):
    return [channels, image_size, classes]


def stumbles(channels, image_size, classes):
    return len(3)


constant = 3
"""


@pytest.fixture
def build(make_trial, tmp_path):
    def build(
        *,
        channels=3,
        image_size=16,
        classes=10,
        weights_folder=tmp_path / "weights",
        own=(),
        **fields,
    ):
        return build_model(
            make_trial(**fields),
            channels=channels,
            image_size=image_size,
            classes=classes,
            places=Places(data_root=weights_folder.parent, own=own),
        )

    return build


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The current directory, with a module of the user's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "my_models.py").write_text(USER_SOURCE)
    yield tmp_path
    sys.modules.pop("my_models", None)


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    """Empty caches, and an error as from a machine without a network."""
    from huggingface_hub import constants

    tries = []

    def unreachable(*args, **kwargs):
        tries.append(args)
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "torch"))
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", unreachable)
    monkeypatch.setattr("torch.hub.urlopen", unreachable)
    monkeypatch.setattr(socket, "create_connection", unreachable)
    return tries


def saved(state, path):
    """Save the state in the format of the path's suffix."""
    if path.suffix == ".safetensors":
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
    else:
        torch.save(state, path)
    return path


def differing(module, state):
    """The names of the module's tensors that are not the state's."""
    own = module.state_dict()
    assert own.keys() == state.keys()
    return {name for name in own if not torch.equal(own[name], state[name])}


# Models.


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


# The residual network for CIFAR.


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


# Weights of a file.


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".th", ".safetensors"])
@pytest.mark.parametrize(
    ("model", "head"),
    [
        ("mlp", "5"),
        ("small_cnn", "5"),
        ("cifar_resnet20", "linear"),
        ("my_models:wide", "3"),
        (VIT, "head"),
        (RESNET, "fc"),
    ],
)
def test_a_file_gives_all_but_a_head_for_other_classes(build, here, model, head, suffix):
    state = build(model=model, seed=1).module.state_dict()
    path = saved(state, here / f"weights{suffix}")
    same = build(model=model, pretrained=path.name)
    assert not differing(same.module, state)
    heads = [
        build(model=model, seed=seed, pretrained=str(path), classes=4).module for seed in (0, 0, 2)
    ]
    names = {f"{head}.weight", f"{head}.bias"}
    for module in heads:
        own = module.state_dict()
        assert all(torch.equal(own[name], state[name]) for name in state.keys() - names)
        assert own[f"{head}.weight"].shape[0] == 4
    first, again, other = (module.state_dict()[f"{head}.weight"] for module in heads)
    assert torch.equal(first, again)
    # timm's residual networks and transformers draw theirs from the seed as ours do.
    assert not torch.equal(first, other)


@pytest.mark.parametrize("model", ["mlp", VIT])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": state, "best": 0.9},
        lambda state: {"state_dict": {f"module.{name}": t for name, t in state.items()}},
        lambda state: {f"_orig_mod.{name}": t for name, t in state.items()},
    ],
)
def test_wrapper_and_prefix_are_taken_off(build, tmp_path, model, wrap):
    state = build(model=model, seed=1).module.state_dict()
    torch.save(wrap(state), tmp_path / "weights.pth")
    built = build(model=model, pretrained=str(tmp_path / "weights.pth"))
    assert not differing(built.module, state)


def test_timm_adapts_channels_and_position_embeddings(build, tmp_path):
    state = build(model=VIT, seed=1).module.state_dict()
    path = saved(state, tmp_path / "weights.safetensors")
    grey = build(model=VIT, pretrained=str(path), channels=1).module.state_dict()
    expected = state["patch_embed.proj.weight"].sum(dim=1, keepdim=True)
    assert torch.allclose(grey["patch_embed.proj.weight"], expected, atol=1e-6)
    small = build_model_of_size(path, 64).state_dict()
    assert small["pos_embed"].shape[1] < state["pos_embed"].shape[1]
    assert torch.equal(small["blocks.0.attn.qkv.weight"], state["blocks.0.attn.qkv.weight"])


def build_model_of_size(path, size):
    from adaloss.tasks.images.models.timm_model import build_timm_model

    return build_timm_model(VIT, channels=3, image_size=size, classes=10, weights=path)


def test_a_file_of_as_many_classes_as_the_data_keeps_its_head(build, tmp_path):
    # timm alone would look at the 1,000 classes of its configuration and drop it.
    state = build(model=RESNET, seed=1, classes=6).module.state_dict()
    path = saved(state, tmp_path / "weights.pth")
    assert not differing(build(model=RESNET, pretrained=str(path), classes=6).module, state)


def test_a_home_folder_is_expanded(build, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    state = build(model="mlp", seed=1).module.state_dict()
    saved(state, tmp_path / "weights.pt")
    assert not differing(build(model="mlp", pretrained="~/weights.pt").module, state)


def test_counters_that_old_checkpoints_lack_stay_zero(build, tmp_path):
    state = build(model="cifar_resnet20", seed=1).module.state_dict()
    old = {name: tensor for name, tensor in state.items() if "num_batches" not in name}
    path = saved(old, tmp_path / "weights.th")
    assert not differing(build(model="cifar_resnet20", pretrained=str(path)).module, state)


@pytest.mark.parametrize("model", ["mlp", "cifar_resnet20", VIT, RESNET])
@pytest.mark.parametrize("classes", [10, 1000])
def test_a_file_of_another_model_is_refused(build, tmp_path, model, classes):
    path = saved(build(model="small_cnn").module.state_dict(), tmp_path / "weights.pth")
    with pytest.raises(
        WeightsError, match=rf"weights\.pth (does not match|is .*not of) model {model}"
    ):
        build(model=model, pretrained=str(path), classes=classes)


def test_tensors_that_do_not_fit_are_named(build, tmp_path):
    state = build(model="mlp").module.state_dict()
    state["extra"] = state.pop("3.bias")
    state["1.weight"] = torch.zeros(128, 5)
    state["3.weight"] = torch.zeros(64, 128)
    path = saved(state, tmp_path / "weights.pth")
    with pytest.raises(WeightsError) as refused:
        build(model="mlp", pretrained=str(path))
    message = str(refused.value)
    assert "missing: 3.bias; unexpected: extra; of another shape: 1.weight (128, 5)" in message
    assert "3.weight (64, 128) for (128, 128)" in message
    assert "pretrained: false" in message


@pytest.mark.parametrize("model", ["mlp", VIT])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".npz"])
def test_a_missing_file_is_named(build, make_trial, tmp_path, model, suffix):
    path = tmp_path / f"weights{suffix}"
    expected = rf"weights\{suffix} is missing: there is no file .*weights\{suffix}"
    with pytest.raises(WeightsError, match=expected):
        build(model=model, pretrained=str(path))
    with pytest.raises(WeightsError, match=expected):
        fetch_weights([make_trial(model=model, pretrained=str(path))], Places(data_root=tmp_path))


@pytest.mark.parametrize("model", ["mlp", VIT])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("kept", [0, 1, 1000, -100])
def test_a_truncated_file_is_corrupt(build, tmp_path, model, suffix, kept):
    path = saved(build(model=model).module.state_dict(), tmp_path / f"weights{suffix}")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(WeightsError, match=rf"weights\{suffix} is corrupt.*delete it"):
        build(model=model, pretrained=str(path))


class Mischief:
    """Would create a file where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("model", ["mlp", VIT])
@pytest.mark.parametrize("save", ["torch", "pickle"])
def test_code_in_a_file_is_not_run(build, tmp_path, model, save):
    path = tmp_path / "weights.pth"
    content = {"state_dict": Mischief(tmp_path / "mischief")}
    if save == "torch":
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(WeightsError, match=r"weights\.pth (cannot be read without|is corrupt)"):
        build(model=model, pretrained=str(path))
    assert not (tmp_path / "mischief").exists()


def test_a_file_that_needs_code_says_so(build, tmp_path):
    torch.save({"state_dict": Mischief(tmp_path / "mischief")}, tmp_path / "weights.pth")
    with pytest.raises(WeightsError, match="running code that it contains, which is refused"):
        build(model="mlp", pretrained=str(tmp_path / "weights.pth"))


@pytest.mark.parametrize("content", [{}, [1], {"a": 1}, {"state_dict": {"a": "b"}}])
def test_a_file_without_tensors_is_refused(build, tmp_path, content):
    torch.save(content, tmp_path / "weights.pth")
    with pytest.raises(WeightsError, match="holds no tensors by name"):
        build(model="mlp", pretrained=str(tmp_path / "weights.pth"))


@pytest.mark.parametrize("name", ["weights.zip", "weights", "weights.npy", ""])
def test_a_file_of_another_kind_is_refused_by_its_name(make_trial, name):
    with pytest.raises(ValueError, match=r"true, false or the path of a file \(\.pth, "):
        make_trial(pretrained=name)


@pytest.mark.parametrize("model", ["mlp", "cifar_resnet20", RESNET, "my_models:wide"])
def test_npz_is_refused_where_it_cannot_be_read(build, here, make_trial, model):
    np.savez(here / "weights.npz", weight=np.zeros(3))
    with pytest.raises(WeightsError, match=rf"model {model} cannot .*weights\.npz"):
        build(model=model, pretrained="weights.npz")
    if model != RESNET:
        with pytest.raises(WeightsError, match="cannot start from"):
            fetch_weights(
                [make_trial(model=model, pretrained="weights.npz")], Places(data_root=here)
            )


def test_an_npz_of_another_layout_is_refused(build, tmp_path):
    np.savez(tmp_path / "weights.npz", weight=np.zeros(3))
    with pytest.raises(WeightsError, match=rf"weights\.npz is corrupt or not of model {VIT}"):
        build(model=VIT, pretrained=str(tmp_path / "weights.npz"))


# Published weights.


def put_into_hub_cache(folder, repository, path):
    """Lay a file out as the Hub's cache has it."""
    cached = folder / f"models--{repository.replace('/', '--')}"
    snapshot = cached / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("abc")
    path.rename(snapshot / path.name)


@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_weights_in_the_hubs_cache_are_taken_without_a_network(
    build, make_trial, no_network, tmp_path, file
):
    state = build(model=VIT, seed=1, classes=1000).module.state_dict()
    path = saved(state, tmp_path / file)
    put_into_hub_cache(tmp_path / "hub", "timm/test_vit.r160_in1k", path)
    for model in (VIT, f"{VIT}.r160_in1k"):
        fetch_weights([make_trial(model=model, pretrained=True)], Places(data_root=tmp_path))
        assert not differing(build(model=model, pretrained=True, classes=1000).module, state)
    assert no_network == []
    assert not (tmp_path / "weights").exists()


def test_build_never_asks_the_network(build, no_network, tmp_path):
    for model, named in (
        (VIT, "https://huggingface.co/timm/test_vit.r160_in1k in the cache"),
        ("cifar_resnet20", str(tmp_path / "weights" / "resnet20-12fca82f.th")),
        ("legacy_seresnet18.in1k", str(tmp_path / "torch/checkpoints/seresnet18-4bb0ce65.pth")),
    ):
        with pytest.raises(WeightsError) as refused:
            build(model=model, pretrained=True)
        assert named in str(refused.value)
        assert "pretrained: PATH" in str(refused.value)
    assert no_network == []


@pytest.mark.parametrize("model", ["mlp", "small_cnn", "my_models:wide"])
def test_what_has_no_published_weights_says_so(build, here, make_trial, model):
    for refuse in (
        lambda: build(model=model, pretrained=True),
        lambda: fetch_weights([make_trial(model=model, pretrained=True)], Places(data_root=here)),
    ):
        with pytest.raises(WeightsError, match=f"no weights are published for {model}"):
            refuse()


def test_offline_names_all_that_is_missing_after_one_try(make_trial, no_network, tmp_path):
    trials = [
        make_trial(model=model, pretrained=True, seed=seed)
        for model in ("cifar_resnet20", VIT, "legacy_seresnet18.in1k", "mlp")
        for seed in (0, 1)
        if model != "mlp"
    ]
    with pytest.raises(WeightsError) as refused:
        fetch_weights(trials, Places(data_root=tmp_path))
    message = str(refused.value)
    assert "Name or service not known" in message
    assert message.count("resnet20-12fca82f.th as ") == 1
    assert str(tmp_path / "weights" / "resnet20-12fca82f.th") in message
    assert "timm/test_vit.r160_in1k" in message
    assert "seresnet18-4bb0ce65.pth" in message
    assert len(no_network) == 1
    assert [path.name for path in (tmp_path / "weights").iterdir()] in ([], ["fetch.lock"])


def test_the_hub_is_asked_once_and_briefly(make_trial, no_network, tmp_path):
    with pytest.raises(WeightsError, match="missing and cannot be fetched"):
        fetch_weights([make_trial(model=VIT, pretrained=True)], Places(data_root=tmp_path))
    assert len(no_network) == 1


def test_offline_mode_of_the_hub_is_an_answer_too(make_trial, monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match=r"missing and cannot be fetched .*[Oo]ffline"):
        fetch_weights([make_trial(model=VIT, pretrained=True)], Places(data_root=tmp_path))


def test_fresh_weights_and_files_need_no_fetching(make_trial, no_network, tmp_path):
    (tmp_path / "weights.pth").touch()
    trials = [make_trial(), make_trial(model=VIT, pretrained=str(tmp_path / "weights.pth"))]
    fetch_weights(trials, Places(data_root=tmp_path))
    assert no_network == []


def test_sweeps_that_start_together_fetch_once(make_trial, monkeypatch, tmp_path):
    content = b"weights"
    digest = "9b2a5b9fc1a3bf8c6d1b7d2b"
    started = threading.Barrier(2)
    fetched = []

    def download(url, target, hash_prefix, progress):
        fetched.append(url)
        Path(target).write_bytes(content)

    monkeypatch.setattr("torch.hub.download_url_to_file", download)
    monkeypatch.setattr(
        weights.hashlib,
        "sha256",
        lambda data: SimpleNamespace(hexdigest=lambda: "12fca82f" + digest),
    )

    def sweep():
        started.wait()
        fetch_weights(
            [make_trial(model="cifar_resnet20", pretrained=True)], Places(data_root=tmp_path)
        )

    threads = [threading.Thread(target=sweep) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fetched == [published.RESNET20_URL]


def test_a_download_that_breaks_leaves_no_file(make_trial, monkeypatch, tmp_path):
    class Answer:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

        def info(self):
            return SimpleNamespace(get_all=lambda name: ["8"])

        def read(self, size):
            if self.left:
                return self.left.pop()
            return b""

        left = [b"half"]  # noqa: RUF012

    monkeypatch.setattr("torch.hub.urlopen", lambda request: Answer())
    with pytest.raises(WeightsError, match=r"differs from the published file: invalid hash value"):
        fetch_weights(
            [make_trial(model="cifar_resnet20", pretrained=True)], Places(data_root=tmp_path)
        )
    assert {path.name for path in (tmp_path / "weights").iterdir()} <= {"fetch.lock"}


def test_a_published_file_that_is_corrupt_is_named(make_trial, build, no_network, tmp_path):
    path = tmp_path / "weights" / "resnet20-12fca82f.th"
    path.parent.mkdir()
    path.write_bytes(b"half of it")
    with pytest.raises(WeightsError, match=r"12fca82f\.th is corrupt: .*delete it"):
        fetch_weights(
            [make_trial(model="cifar_resnet20", pretrained=True)], Places(data_root=tmp_path)
        )
    with pytest.raises(WeightsError, match=r"12fca82f\.th is corrupt.*delete it"):
        build(model="cifar_resnet20", pretrained=True)
    assert no_network == []


# Models of the user's own.


def test_a_function_of_the_users_own_builds_a_model(build, here):
    built = build(model="my_models:wide", channels=2, image_size=4, classes=3)
    assert built.module(torch.rand(5, 2, 4, 4)).shape == (5, 3)
    assert (built.image_size, built.mean, built.std) == (4, None, None)
    again = build(model="my_models:wide", channels=2, image_size=4, classes=3)
    assert not differing(again.module, built.module.state_dict())


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("my_modles:wide", "there is no module my_modles in"),
        ("nowhere.models:wide", "there is no module nowhere.models in"),
        ("my_models:deep", r"deep is not defined in .*my_models\.py"),
        ("my_models:constant", r"constant is no function in .*my_models\.py"),
        ("my_models:two_arguments", "cannot be called: got an unexpected keyword argument"),
        ("my_models:no_module", "returned an object of type list"),
    ],
)
def test_what_is_no_model_of_the_users_is_refused(build, here, model, message):
    with pytest.raises(UserModelError, match=f"model {model}.*{message}.*channels=…") as refused:
        build(model=model)
    assert "returns a torch.nn.Module" in str(refused.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import nothing_like_it", "ModuleNotFoundError: No module named 'nothing_like_it'"),
        ("def f(:", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_module_that_cannot_be_imported_says_why(build, here, source, message):
    (here / "broken_models.py").write_text(source)
    with pytest.raises(UserModelError, match=f"importing broken_models raises {message}"):
        build(model="broken_models:f")


def test_what_the_users_function_raises_passes_through(build, here):
    with pytest.raises(TypeError, match=r"has no len\(\)"):
        build(model="my_models:stumbles")


def test_a_function_without_a_signature_is_called():
    assert user_model.arguments_refused(print, {"channels": 1}) is not None
    assert user_model.arguments_refused(type, {"channels": 1}) is None


# Licences.


def test_fresh_weights_have_no_licence():
    assert licence("cifar_resnet20", False) is None
    assert licence("resnet50", False) is None


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("cifar_resnet20", "BSD-2-Clause"),
        ("vit_small_patch16_224.augreg_in21k_ft_in1k", "apache-2.0"),
        ("resnet50.fb_swsl_ig1b_ft_in1k", "cc-by-nc-4.0"),
        ("cpubone_nano.r224_in1k", "not stated by timm"),
    ],
)
def test_published_weights_have_their_licence(model, expected):
    assert licence(model, True) == expected
    assert licence(model, "a.pth") == "your own file"


def test_a_licence_needs_neither_torch_nor_timm():
    code = (
        "import sys\n"
        "from adaloss.tasks.images.models.weights import fetch_weights\n"
        "from adaloss.tasks.images.models.licences import licence\n"
        "from adaloss.tasks.images.fields import ImageTrial\n"
        "trial = ImageTrial(dataset='digits', model='resnet50.fb_swsl_ig1b_ft_in1k', seed=0, lr=1,"
        " optimizer='adaloss', epochs=1, batch_size=8, pretrained=True)\n"
        "assert licence(*trial.starts_from) == 'cc-by-nc-4.0'\n"
        "fetch_weights([trial.model_copy(update={'pretrained': False})], None)\n"
        "assert not {'torch', 'timm', 'huggingface_hub'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        ("_cfg()", "mit"),
        ("_cfg(license='gemma')", "gemma"),
        ("_cfg('x', **dict(license='gemma'))", "gemma"),
        ("_more(license='gemma')", "gemma"),
        ("_more()", "mit"),
        ("_late(license='gemma')", "apache-2.0"),
        ("{'url': 'x'}", None),
        ("dict(license='gemma')", "gemma"),
        ("_cfg(license=OTHER)", COMPUTED),
        ("made()", COMPUTED),
        ("_cfg(**OTHER)", COMPUTED),
    ],
)
def test_licences_are_read_from_source(configuration, expected):
    source = (
        "def _cfg(url='', **kwargs):\n"
        "    return {'url': url, 'license': 'mit', **kwargs}\n"
        "def _more(url='', **kwargs):\n"
        "    return _cfg(url=url, **dict({'crop': 1}, **kwargs))\n"
        "def _late(**kwargs):\n"
        "    return dict(kwargs, license='apache-2.0')\n"
        f"default_cfgs = generate_default_cfgs({{'net.tag*': {configuration}}})\n"
    )
    assert licences_in(source) == {"net": {"tag": expected}}


@pytest.mark.slow
def test_licences_are_those_that_timm_states():
    import timm
    from timm.models import get_pretrained_cfg, is_model_pretrained

    tagged = timm.list_models(pretrained=True)
    names = [*tagged, *filter(is_model_pretrained, timm.list_models())]
    read = {name: licence_in_source(name) for name in names}
    computed = [name for name in tagged if read[name] == COMPUTED]
    assert {
        name: stated
        for name, stated in read.items()
        if stated != COMPUTED and stated != get_pretrained_cfg(name).license
    } == {}
    assert len(computed) < 0.05 * len(tagged)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_the_papers_transformer_starts_from_a_file(build, tmp_path, suffix):
    model = "vit_small_patch16_224.augreg_in21k_ft_in1k"
    state = build(model=model, seed=1, classes=1000).module.state_dict()
    path = saved(state, tmp_path / f"weights{suffix}")
    module = build(model=model, pretrained=str(path), classes=100).module
    own = module.state_dict()
    assert {n for n in own if not torch.equal(own[n], state[n])} == {"head.weight", "head.bias"}
