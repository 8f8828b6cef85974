"""What of the user's own a result was computed with: recorded, and held against a checkpoint."""

import numpy as np
import pytest
from PIL import Image

from adaloss.own_code.fingerprints import changed, difference
from adaloss.own_code.modules import forget_own_modules
from adaloss.records.places import Places
from adaloss.records.result import TrialState
from adaloss.tasks.fingerprints import digest_now, fingerprint_of, own_of
from adaloss.tasks.images.data.splits import load_splits, resident, spec_of
from adaloss.tasks.images.training import Training

MODEL = """
from torch import nn
def net(channels, image_size, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * image_size**2, classes))
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def places(tmp_path):
    return Places(data_root=tmp_path / "data", own=(tmp_path,))


@pytest.fixture
def images(tmp_path):
    for name, level in (("a", 60), ("b", 180)):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(10):
            pixels = np.full((4, 4), level + number, dtype="uint8")
            Image.fromarray(pixels).save(tmp_path / "pets" / name / f"{number}.png")
    return "imagefolder:pets"


def finished(execution):
    while execution.advance() is not None:
        pass
    return execution.result


def test_a_result_of_nothing_of_the_users_own_has_no_fingerprint(start, make_trial):
    assert finished(start(make_trial(epochs=1))).fingerprint is None


def test_a_result_records_code_and_images(start, make_trial, tmp_path, places, images):
    (tmp_path / "model_of_fingerprints.py").write_text(MODEL)
    trial = make_trial(
        model="model_of_fingerprints:net", dataset=images, image_size=4, epochs=1, lr=0.01
    )
    result = finished(start(trial, places=places))
    assert result.state is TrialState.COMPLETE, result.failure
    assert result.fingerprint == fingerprint_of(own_of(trial), places)
    assert list(result.fingerprint.model) == ["model_of_fingerprints.py"]
    assert result.fingerprint.pretrained is None
    # It has no part in what the trial is.
    assert trial.trial_id == make_trial(**trial.values).trial_id


def test_weights_of_ones_own_are_recorded(start, make_trial, tmp_path, places, digits):
    from safetensors.torch import save_file

    state = Training(make_trial(seed=5), digits).model.state_dict()
    save_file(state, tmp_path / "own.safetensors")
    trial = make_trial(pretrained="own.safetensors", epochs=1)
    result = finished(start(trial, places=places))
    assert result.fingerprint.pretrained == digest_now("pretrained", "own.safetensors", places)
    save_file({name: tensor + 1 for name, tensor in state.items()}, tmp_path / "own.safetensors")
    assert result.fingerprint.pretrained != digest_now("pretrained", "own.safetensors", places)


def test_what_is_not_here_has_no_digest(places):
    assert digest_now("model", "nothing_of_the_kind:net", places) is None
    assert digest_now("dataset", "imagefolder:gone", places) is None
    assert digest_now("pretrained", "gone.pth", places) is None


def test_a_trial_does_not_go_on_with_other_code_than_it_began_with(
    start, store, make_trial, tmp_path, places
):
    path = tmp_path / "model_that_changes.py"
    path.write_text(MODEL)
    trial = make_trial(model="model_that_changes:net", epochs=3)
    interrupted = start(trial, places=places, checkpoint_interval=0.0)
    interrupted.advance()
    interrupted.advance()

    same = start(trial, places=places)
    same.advance()
    assert [metrics.epoch for metrics in same.history] == [1, 2, 3]

    path.write_text(MODEL.replace("nn.Flatten()", "nn.Flatten(start_dim=1)"))
    # The next worker.
    forget_own_modules([tmp_path])
    anew = start(trial, places=places)
    anew.advance()
    assert [metrics.epoch for metrics in anew.history] == [1]
    assert "the user's own code or data changed" in store.log_path(trial).read_text()


def test_code_that_is_imported_by_a_name_that_is_computed_is_recorded(
    start, make_trial, tmp_path, places
):
    imports = "import importlib\nimportlib.import_module('layers_that_are_' + 'computed')\n"
    (tmp_path / "model_that_computes.py").write_text(imports + MODEL)
    (tmp_path / "layers_that_are_computed.py").write_text("width = 1")
    trial = make_trial(model="model_that_computes:net", epochs=1)
    recorded = finished(start(trial, places=places)).fingerprint
    assert set(recorded.model) == {"layers_that_are_computed.py", "model_that_computes.py"}
    now = fingerprint_of(own_of(trial), places)
    assert not changed(recorded, now, places)
    (tmp_path / "layers_that_are_computed.py").write_text("width = 2")
    assert changed(recorded, fingerprint_of(own_of(trial), places), places)


def test_an_optimizer_does_not_get_what_other_trials_have_imported(
    start, make_trial, tmp_path, places
):
    (tmp_path / "network_of_another.py").write_text(MODEL)
    (tmp_path / "optimizer_alone.py").write_text(
        "from torch.optim import SGD\nclass Own(SGD):\n    pass\n"
    )
    finished(start(make_trial(model="network_of_another:net", epochs=1), places=places))
    trial = make_trial(optimizer="optimizer_alone:Own", lr=0.01, epochs=1)
    result = finished(start(trial, places=places))
    assert result.state is TrialState.COMPLETE, result.failure
    assert set(result.fingerprint.optimizer) == {"optimizer_alone.py"}


def test_code_that_is_edited_while_a_trial_trains_is_not_on_its_record(
    start, make_trial, tmp_path, places
):
    path = tmp_path / "model_edited_meanwhile.py"
    path.write_text(MODEL)
    trial = make_trial(model="model_edited_meanwhile:net", epochs=2)
    before = fingerprint_of(own_of(trial), places)
    execution = start(trial, places=places)
    execution.advance()
    path.write_text(MODEL.replace("nn.Flatten()", "nn.Flatten(), nn.Identity()"))
    recorded = finished(execution).fingerprint
    assert recorded == before
    assert changed(recorded, fingerprint_of(own_of(trial), places), places)


def test_a_result_records_the_images_that_were_loaded(start, make_trial, tmp_path, places, images):
    trial = make_trial(dataset=images, image_size=4, epochs=1, lr=0.01)
    spec = spec_of(trial, places)
    resident.cache_clear()
    before = load_splits(spec, places.data_root, "cpu")
    Image.fromarray(np.full((4, 4), 250, dtype="uint8")).save(tmp_path / "pets" / "a" / "0.png")

    # A process that has the images in its memory goes on with those.
    assert load_splits(spec, places.data_root, "cpu").digest == before.digest
    assert finished(start(trial, places=places)).fingerprint.dataset == before.digest

    resident.cache_clear()
    after = load_splits(spec, places.data_root, "cpu")
    assert after.digest != before.digest
    assert int((after.train.images != before.train.images).sum()) > 0


def test_the_difference_names_files():
    now = {"a.py": "1", "b.py": "3", "d.py": "4"}
    assert difference({"a.py": "1", "b.py": "2", "c.py": "2"}, now) == ("b.py", "c.py")
    assert difference({"a.py": "1"}, now) == (), "what else there is was not part of it"
    assert difference("1", "2") == ("its files",)
    assert difference("1", "1") == ()
