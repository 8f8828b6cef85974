"""Steps replayed as CUDA graphs: the numbers of steps that are not, bit for bit."""

import random
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from torch import nn

from adaloss.optimizer_names import LOSS_OPTIMIZERS
from adaloss.records.places import NOWHERE
from adaloss.tasks import replay as replay_module
from adaloss.tasks.divergence import DivergedError
from adaloss.tasks.images import evaluate as evaluation
from adaloss.tasks.images.data.splits import load_splits, spec_of
from adaloss.tasks.images.training import Training
from adaloss.tasks.metrics import numbers
from adaloss.tasks.replay import CALLS_BEFORE_CAPTURE, Replay, host_random_state, tensors_of_its_own

on_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
GPU = torch.device("cuda")
STEP, EVALUATION = "a training step", "an evaluation"
MOMENTUM = {"momentum": 0.9, "weight_decay": 1e-4}
BY_ROWS = {"optimizer": "adagrad_norm_rowwise", "momentum": 0.9, "weight_decay": 1e-4}
CROPPED = {"padding": 1, "flip": True}
RESIZED = {"resize": 10, "image_size": 8, "flip": True}
VIT = {"model": "vit_tiny_patch16_224", "image_size": 32, "train_examples": 400}


@pytest.fixture(scope="module")
def on_the_gpu(make_trial):
    return load_splits(spec_of(make_trial()), Path("unused"), "cuda")


@pytest.fixture
def user_models(tmp_path, monkeypatch):
    """A module of the user's own with models that cannot be replayed, and one that can."""
    (tmp_path / "own_models.py").write_text(MODELS)
    monkeypatch.chdir(tmp_path)


MODELS = """\
import random

import torch
from torch import nn


class Flat(nn.Sequential):
    def __init__(self, channels, image_size, classes):
        super().__init__(
            nn.Flatten(), nn.Dropout(0.2), nn.Linear(channels * image_size**2, classes)
        )


class Waiting(Flat):
    def forward(self, images):
        return super().forward(images) * (1 if images.sum().item() > -1e9 else 2)


class Drawing(Flat):
    def forward(self, images):
        return super().forward(images) * (1 + 0.1 * random.random())


class Hoarding(Flat):
    def forward(self, images):
        self.kept = [images.mean()]
        return super().forward(images)


class Refusing(Flat):
    def forward(self, images):
        if torch.cuda.is_current_stream_capturing():
            images.sum().item()
        return super().forward(images)


class Growing(Flat):
    def forward(self, images):
        if torch.cuda.is_current_stream_capturing():
            total = torch.cuda.get_device_properties(0).total_memory
            torch.empty(2 * total, dtype=torch.uint8, device="cuda")
        return super().forward(images)
"""


def training_of(trial, splits, capture="auto"):
    return Training(trial, splits, NOWHERE, str(splits.train.labels.device), capture=capture)


def numbers_of(training, epochs):
    return [numbers(training.run_epoch()) for _ in range(epochs)]


def weights_of(training):
    return [tensor.clone() for tensor in training.model.state_dict().values()]


def is_replayed(training):
    return training.replay is not None and STEP in training.replay.captured


@on_a_gpu
@pytest.mark.parametrize(
    "fields",
    [
        *({"optimizer": name} for name in LOSS_OPTIMIZERS),
        *({"optimizer": name, **MOMENTUM} for name in LOSS_OPTIMIZERS),
        {"optimizer": "adamw", "lr": 0.01, "hyperparameters": {"capturable": True}},
        {"model": "small_cnn"},
        {"model": "small_cnn", "precision": "bf16"},
        {"model": "small_cnn", "average": "polynomial"},
        {"model": "small_cnn", **CROPPED},
        {"model": "small_cnn", **RESIZED},
        {"model": "small_cnn", "channels_last": True, "precision": "tf32"},
        {"model": "cifar_resnet20"},
        {"model": "resnet18", "image_size": 32, "batch_size": 64},
        VIT,
        VIT | {"precision": "bf16"} | BY_ROWS,
    ],
    ids=str,
)
def test_a_replayed_trial_has_the_numbers_of_one_that_is_not(make_trial, fields):
    trial = make_trial(deterministic=True, c=0.1, **fields)
    splits = load_splits(spec_of(trial), Path("unused"), "cuda")
    plain, replayed = (training_of(trial, splits, capture) for capture in (False, True))
    assert numbers_of(replayed, 3) == numbers_of(plain, 3)
    assert is_replayed(replayed)
    assert not is_replayed(plain)
    for ours, theirs in zip(weights_of(replayed), weights_of(plain), strict=True):
        assert torch.equal(ours, theirs)


@on_a_gpu
@pytest.mark.parametrize(
    "fields", [{}, {"model": "small_cnn", "average": "polynomial"}, {"precision": "bf16"}], ids=str
)
def test_a_replayed_evaluation_has_the_numbers_of_one_that_is_not(
    on_the_gpu, make_trial, monkeypatch, fields
):
    # Otherwise all digits of a part are one batch, which is not a whole one.
    monkeypatch.setattr(evaluation, "LARGEST_BATCH", 64)
    trial = make_trial(deterministic=True, **fields)
    plain, replayed = (training_of(trial, on_the_gpu, capture) for capture in (False, True))
    assert numbers_of(replayed, 3) == numbers_of(plain, 3)
    assert EVALUATION in replayed.replay.captured


@on_a_gpu
@pytest.mark.parametrize("fields", [{}, BY_ROWS, {"optimizer": "sgd_decay_sqrt"}], ids=str)
def test_dropout_is_drawn_anew_in_every_replay_and_goes_on_after_a_resume(
    on_the_gpu, make_trial, tmp_path, fields
):
    trial = make_trial(epochs=4, deterministic=True, **fields)

    def with_dropout(capture):
        training = training_of(trial, on_the_gpu, capture)
        training.model.insert(1, nn.Dropout(0.5))
        return training

    expected = numbers_of(with_dropout(False), 4)
    interrupted, resumed = with_dropout(True), with_dropout(True)
    assert numbers_of(interrupted, 2) == expected[:2]
    torch.save(interrupted.state_dict(), tmp_path / "state.pt")
    numbers_of(resumed, 1)  # what it had captured by then must not matter
    torch.randn(9, device=GPU)
    state = torch.load(tmp_path / "state.pt", map_location="cpu", weights_only=True)
    resumed.load_state_dict(state)
    assert numbers_of(resumed, 2) == expected[2:]
    assert is_replayed(resumed)


@on_a_gpu
def test_a_divergence_is_noticed_at_the_step_where_it_came(on_the_gpu, make_trial):
    trial = make_trial(optimizer="sgd_constant", b0=0.001, lr=10.0, deterministic=True)
    errors = []
    for capture in (False, True):
        with pytest.raises(DivergedError) as raised:
            numbers_of(training_of(trial, on_the_gpu, capture), 3)
        errors.append(str(raised.value))
    assert errors[0] == errors[1]


@on_a_gpu
@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("Waiting", "waits for the GPU"),
        ("Drawing", "draws random numbers on the processor"),
        ("Refusing", "during capture"),
        ("Growing", "out of memory"),
        ("Hoarding", "keeps kept outside its parameters and buffers"),
    ],
)
def test_what_cannot_be_replayed_is_stepped_as_it_is(
    user_models, on_the_gpu, make_trial, capsys, model, reason
):
    trial = make_trial(model=f"own_models:{model}", deterministic=True, seed=3)
    random.seed(0)
    expected = numbers_of(training_of(trial, on_the_gpu, False), 2)
    random.seed(0)
    training = training_of(trial, on_the_gpu, True)
    assert numbers_of(training, 2) == expected
    assert not is_replayed(training)
    output = capsys.readouterr().out
    assert output.startswith("a training step is not replayed as a CUDA graph: ")
    assert reason in output
    assert output.count("\n") == 1
    # The worker's next trial is not disturbed by a capture that broke off.
    another = make_trial(model="own_models:Flat", deterministic=True, seed=4)
    with_and_without = [training_of(another, on_the_gpu, capture) for capture in (True, False)]
    assert numbers_of(with_and_without[0], 2) == numbers_of(with_and_without[1], 2)
    assert is_replayed(with_and_without[0])


@on_a_gpu
def test_models_of_the_users_own_are_replayed_if_that_is_asked_for(
    user_models, on_the_gpu, make_trial
):
    trial = make_trial(model="own_models:Flat")
    for capture, replays in (("auto", False), (True, True), (False, False)):
        training = training_of(trial, on_the_gpu, capture)
        training.run_epoch()
        assert is_replayed(training) == replays


@on_a_gpu
def test_memory_of_trials_that_are_over_is_given_back(start, make_trial):
    peaks = []
    for seed in range(6):
        execution = start(make_trial(model="small_cnn", seed=seed), device="cuda")
        while execution.advance() is not None:
            pass
        assert is_replayed(execution.run)
        peaks.append(execution.result.memory.peak)
        del execution
    assert max(peaks[1:]) <= peaks[0]


@on_a_gpu
def test_a_call_is_replayed_with_the_arguments_of_each_time():
    replay, total = Replay(nn.Identity()), torch.zeros((), device=GPU)

    def add(left, right):
        total.add_(1)
        return left * 2 + right

    for number in range(CALLS_BEFORE_CAPTURE + 4):
        left = torch.full((3, 2), float(number), device=GPU)
        kept = replay.call("sums", add, left, left + 1)
        following = replay.call("sums", add, left + 1, left)
        assert torch.equal(kept, left * 3 + 1)
        assert torch.equal(following, left * 3 + 2)
    assert list(replay.captured) == ["sums"]
    assert total.item() == 2 * (CALLS_BEFORE_CAPTURE + 4), "captured is not yet called"


def test_a_processor_replays_nothing(digits, make_trial):
    training = training_of(make_trial(), digits, capture=True)
    assert training.replay is None


@pytest.mark.parametrize(
    "draw",
    [random.random, np.random.random, lambda: torch.rand(1)],
    ids=["Python", "NumPy", "torch"],
)
def test_a_draw_on_the_processor_is_seen(draw):
    before = host_random_state()
    assert host_random_state() == before
    draw()
    assert host_random_state() != before


def test_tensors_that_a_module_may_drop_are_seen():
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout())
    assert not list(tensors_of_its_own(model))
    model[0].plain, model[1].by_size = torch.zeros(1), {8: torch.zeros(1)}
    model.listed, model.size = [torch.zeros(1)], (8, 8)
    assert set(tensors_of_its_own(model)) == {"0.plain", "1.by_size", "listed"}


def test_the_attention_biases_that_timm_keeps_between_batches_of_an_evaluation_are_seen():
    model = timm.create_model("levit_128s", num_classes=3)
    images = torch.zeros(2, 3, 224, 224)
    model.train()(images)
    assert not list(tensors_of_its_own(model))
    with torch.inference_mode():
        model.eval()(images)
    assert all("attention_bias_cache" in name for name in tensors_of_its_own(model))
    assert list(tensors_of_its_own(model))


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    """Captures on a processor: of functions that do nothing but compute, a replay is a call."""
    monkeypatch.setattr(torch.cuda, "get_sync_debug_mode", lambda: 0)
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", lambda mode: None)

    class Called:
        def __init__(self, function, arguments):
            if function.__name__ == "refused":
                raise RuntimeError("no\nroom")
            self.replay = lambda arguments: function(*arguments)

    monkeypatch.setattr(replay_module, "Captured", Called)


def test_a_capture_that_fails_has_the_others_made_anew(as_on_a_gpu, capsys):
    def doubled(tensor):
        return tensor * 2

    def refused(tensor):
        return tensor * 3

    replay, one = Replay(nn.Identity()), torch.ones(())
    for _ in range(CALLS_BEFORE_CAPTURE):
        replay.call("doubling", doubled, one)
    before = replay.captured["doubling"]
    for _ in range(CALLS_BEFORE_CAPTURE + 1):
        assert replay.call("tripling", refused, one) == 3
    assert not replay.captured
    for _ in range(CALLS_BEFORE_CAPTURE + 1):
        assert replay.call("doubling", doubled, one) == 2
        assert replay.call("tripling", refused, one) == 3
    assert replay.captured["doubling"] is not before
    assert "tripling" not in replay.captured
    assert capsys.readouterr().out == "tripling is not replayed as a CUDA graph: no room\n"
