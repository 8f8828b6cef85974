"""One trial on a GPU: the numbers of a processor, no waiting step by step, memory given back."""

import warnings
from pathlib import Path

import pytest
import torch

from adaloss.optim import build_optimizer
from adaloss.optimizer_names import LOSS_OPTIMIZERS
from adaloss.records.places import NOWHERE
from adaloss.records.result import FailureKind, TrialState
from adaloss.tasks.images import evaluate as evaluation
from adaloss.tasks.images import training as loop
from adaloss.tasks.images.data.splits import load_splits, spec_of
from adaloss.tasks.images.training import Training
from adaloss.tasks.metrics import numbers
from adaloss.tasks.numerics import precision_on

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")

GPU = torch.device("cuda")
MOMENTUM = {"momentum": 0.9, "weight_decay": 1e-4}


@pytest.fixture(scope="module")
def on_the_gpu(make_trial):
    return load_splits(spec_of(make_trial()), Path("unused"), "cuda")


def training_of(trial, splits, device="cuda", capture="auto"):
    return Training(trial, splits, NOWHERE, device, capture=capture)


def numbers_of(training, epochs=2):
    return [numbers(training.run_epoch()) for _ in range(epochs)]


@pytest.mark.parametrize("fields", [{}, MOMENTUM, {"model": "small_cnn"}], ids=str)
@pytest.mark.parametrize("optimizer", LOSS_OPTIMIZERS)
def test_a_gpu_gives_about_the_numbers_of_a_processor(
    digits, on_the_gpu, make_trial, optimizer, fields
):
    trial = make_trial(optimizer=optimizer, lr=0.05, precision="fp32", **fields)
    ours = training_of(trial, on_the_gpu).run_epoch()
    theirs = training_of(trial, digits, device="cpu").run_epoch()
    assert ours["train/loss"] == pytest.approx(theirs["train/loss"], rel=1e-3)
    assert ours["test/loss"] == pytest.approx(theirs["test/loss"], rel=1e-3)
    assert ours["test/top1"] == pytest.approx(theirs["test/top1"], abs=1)
    assert ours["b"] == (theirs["b"] and pytest.approx(theirs["b"], rel=1e-3))


@pytest.mark.parametrize(
    "fields",
    [{}, MOMENTUM, {"model": "small_cnn"}, {"optimizer": "adagrad_norm"}, {"precision": "fp32"}],
    ids=str,
)
def test_a_deterministic_trial_gives_the_same_bits_twice(on_the_gpu, make_trial, fields):
    trial = make_trial(deterministic=True, **fields)
    first = numbers_of(training_of(trial, on_the_gpu))
    # What a worker did before must not matter.
    numbers_of(training_of(make_trial(model="small_cnn", seed=5), on_the_gpu))
    assert numbers_of(training_of(trial, on_the_gpu)) == first


@pytest.mark.parametrize("fields", [{}, MOMENTUM, {"model": "small_cnn"}], ids=str)
def test_a_resumed_deterministic_trial_equals_an_uninterrupted_one(
    on_the_gpu, make_trial, tmp_path, fields
):
    trial = make_trial(epochs=4, deterministic=True, **fields)

    def with_dropout():
        training = training_of(trial, on_the_gpu)
        training.model.insert(1, torch.nn.Dropout(0.5))
        return training

    whole, interrupted, resumed = with_dropout(), with_dropout(), with_dropout()
    expected = numbers_of(whole, 4)
    numbers_of(interrupted)
    torch.save(interrupted.state_dict(), tmp_path / "state.pt")
    torch.randn(9, device=GPU)  # the worker's draws must not matter
    state = torch.load(tmp_path / "state.pt", map_location="cpu", weights_only=True)
    resumed.load_state_dict(state)
    assert numbers_of(resumed) == expected[2:]


def test_a_trial_leaves_the_callers_generators_alone(on_the_gpu, make_trial):
    before = torch.cuda.get_rng_state(GPU)
    training = training_of(make_trial(), on_the_gpu)
    training.model.insert(1, torch.nn.Dropout(0.5))
    training.run_epoch()
    assert torch.equal(torch.cuda.get_rng_state(GPU), before)


def waits(training):
    """How often the processor waits for the GPU in an epoch of training."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            torch.cuda.set_sync_debug_mode("warn")
            training.train_one_epoch()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return sum("called a synchronizing" in str(warning.message) for warning in caught)


@pytest.mark.parametrize(
    "fields", [{}, MOMENTUM, {"model": "small_cnn", "average": "polynomial"}], ids=str
)
@pytest.mark.parametrize("optimizer", LOSS_OPTIMIZERS)
def test_no_step_waits_for_the_gpu(on_the_gpu, make_trial, monkeypatch, optimizer, fields):
    monkeypatch.setattr(loop, "STEPS_PER_READBACK", 10_000)
    few, many = (
        training_of(make_trial(optimizer=optimizer, batch_size=size, lr=0.01, **fields), on_the_gpu)
        for size in (128, 16)
    )
    for training in (few, many):
        training.run_epoch()
    assert waits(few) > 0, "an epoch's end is waited for"
    assert waits(many) == waits(few)


def test_auto_computes_with_bf16_where_the_gpu_can(on_the_gpu, make_trial):
    can = torch.cuda.is_bf16_supported(including_emulation=False)
    assert precision_on("auto", GPU) == ("bf16" if can else "tf32")
    training = training_of(make_trial(epochs=3, lr=0.5), on_the_gpu)
    metrics = numbers_of(training, 3)[-1]
    assert metrics["test/top1"] > 50
    assert all(parameter.dtype is torch.float32 for parameter in training.steps.parameters)


# The compiler has advice and remarks of its own.
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("crops", [{}, {"padding": 1, "flip": True}], ids=str)
@pytest.mark.parametrize("capture", [True, False])
def test_a_compiled_trial_learns_the_same(on_the_gpu, make_trial, monkeypatch, capture, crops):
    # So that whole batches are evaluated, with the compiled network.
    monkeypatch.setattr(evaluation, "LARGEST_BATCH", 64)
    for seed in (0, 1):  # one after the other, as in a worker
        fields = {"model": "small_cnn", "seed": seed, "lr": 0.1, "precision": "fp32", **crops}
        plain = training_of(make_trial(**fields), on_the_gpu)
        compiled = training_of(make_trial(compile=True, **fields), on_the_gpu, capture=capture)
        for _ in range(3):
            expected, got = plain.run_epoch(), compiled.run_epoch()
        assert got["train/loss"] == pytest.approx(expected["train/loss"], rel=0.02)
        assert got["test/loss"] == pytest.approx(expected["test/loss"], rel=0.02)
        assert got["b"] == pytest.approx(expected["b"], rel=0.02)


@pytest.mark.parametrize("optimizer", ["adaloss", "adagrad_norm"])
def test_b_stays_a_number_of_double_precision_on_the_gpu(optimizer):
    weights = [torch.zeros(3, device=GPU, requires_grad=True)]
    made = build_optimizer(optimizer, weights, lr=0.1, b0=1e4, alpha=1.0, c=0.0)
    for _ in range(100):
        weights[0].grad = torch.full((3,), 1e-2, device=GPU)
        made.step(loss=torch.tensor(3e-4, device=GPU))
    # The loss and the squared norm of the gradient are 3e-4 both: float32 would lose them.
    assert made.b()[0] ** 2 - 1e8 == pytest.approx(0.03, rel=1e-4)


def test_memory_that_runs_out_is_said_and_given_back(start, make_trial, store):
    room = torch.cuda.get_device_properties(0).total_memory
    greedy = make_trial(seed=1)
    execution = start(greedy, device="cuda")
    execution.run = execution.prepare()
    execution.run.model.forward = lambda images: torch.empty(2 * room, device=GPU)
    assert execution.advance() is None
    assert execution.result.failure.kind is FailureKind.OUT_OF_MEMORY
    assert store.read_result(greedy).memory.total == room

    hungry = start(make_trial(seed=2), device="cuda")
    hungry.run = hungry.prepare()
    hungry.run.kept = torch.empty(room // 4, dtype=torch.uint8, device=GPU)
    while hungry.advance() is not None:
        pass
    assert hungry.result.memory.peak > room // 4
    del execution, hungry
    modest = start(make_trial(seed=3), device="cuda")
    while modest.advance() is not None:
        pass
    assert modest.result.state is TrialState.COMPLETE
    assert modest.result.memory.peak < room // 4
