"""Published weights come from the hub's cache, or are fetched once before a sweep."""

import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from weight_files import VIT, differing, saved

from adaloss.errors import WeightsError
from adaloss.records.places import Places
from adaloss.tasks.images.models import published, weights
from adaloss.tasks.images.models.weights import fetch_weights


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
