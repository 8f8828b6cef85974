"""Weights of a file: what a model takes from it, and what is refused."""

import errno
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from weight_files import RESNET, VIT, differing, saved

from adaloss.errors import WeightsError
from adaloss.records.places import Places
from adaloss.tasks.images.models.weights import fetch_weights


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


NO_MEMORY = "unable to mmap 8 bytes from file: Cannot allocate memory (12)"


@pytest.mark.parametrize(
    ("suffix", "function", "error"),
    [
        (".pth", "torch.load", RuntimeError(NO_MEMORY)),
        (".pth", "torch.load", OSError(errno.ENOMEM, "Cannot allocate memory")),
        (".safetensors", "safetensors.torch.load_file", OSError(errno.ENOMEM, "no memory")),
        (".pth", "timm.models._builder.load_pretrained", MemoryError()),
    ],
)
def test_a_lack_of_memory_is_no_fault_of_the_file(
    build, tmp_path, monkeypatch, suffix, function, error
):
    def lack(*_, **__):
        raise error

    path = saved(build(model=VIT).module.state_dict(), tmp_path / f"weights{suffix}")
    monkeypatch.setattr(function, lack)
    with pytest.raises(type(error)) as raised:
        build(model=VIT, pretrained=str(path))
    assert raised.value is error


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


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_the_papers_transformer_starts_from_a_file(build, tmp_path, suffix):
    model = "vit_small_patch16_224.augreg_in21k_ft_in1k"
    state = build(model=model, seed=1, classes=1000).module.state_dict()
    path = saved(state, tmp_path / f"weights{suffix}")
    module = build(model=model, pretrained=str(path), classes=100).module
    own = module.state_dict()
    assert {n for n in own if not torch.equal(own[n], state[n])} == {"head.weight", "head.bias"}
