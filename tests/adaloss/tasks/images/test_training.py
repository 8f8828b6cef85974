"""One trial in training: reproducible, resumable, honest about divergence."""

import copy
from functools import partial

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from adaloss.errors import DataError
from adaloss.optimizer_names import LOSS_OPTIMIZERS
from adaloss.tasks.divergence import DivergedError
from adaloss.tasks.images import evaluate as evaluation
from adaloss.tasks.images.data.recipe import draw
from adaloss.tasks.images.training import Training
from adaloss.tasks.metrics import numbers


def training_of(trial, splits):
    """A training that starts from no weights on disk."""
    return Training(trial, splits)


@pytest.mark.parametrize("optimizer", LOSS_OPTIMIZERS)
def test_the_same_trial_twice_gives_the_same_bits(digits, make_trial, optimizer):
    first, again = (training_of(make_trial(optimizer=optimizer), digits) for _ in range(2))
    torch.randn(7)  # the caller's draws must not matter
    assert numbers(first.run_epoch()) == numbers(again.run_epoch())
    for ours, theirs in zip(first.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


class Direct:
    """Stands for a replay: calls the function with copies, at addresses that stay."""

    def __init__(self):
        self.room = {}

    def call(self, name, function, *arguments):
        room = self.room.setdefault(name, [argument.clone() for argument in arguments])
        for own, argument in zip(room, arguments, strict=True):
            own.copy_(argument)
        return function(*room).clone()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"padding": 1},
        {"flip": True},
        {"resize": 12, "image_size": 9, "flip": True},
        {"resize": 12, "interpolation": "bicubic", "batch_size": 100},
        {"model": "small_cnn", "padding": 2, "momentum": 0.9, "optimizer": "adagrad_norm"},
    ],
    ids=str,
)
def test_images_that_a_replayed_step_crops_are_the_same(digits, make_trial, fields):
    expected, replayed = (training_of(make_trial(**fields), digits) for _ in range(2))
    replayed.replay = Direct()
    for _ in range(2):
        assert numbers(replayed.run_epoch()) == numbers(expected.run_epoch())
    assert "a training step" in replayed.replay.room


def test_a_trial_leaves_the_callers_generator_alone(digits, make_trial):
    before = torch.get_rng_state()
    training_of(make_trial(), digits).run_epoch()
    assert torch.equal(torch.get_rng_state(), before)


def test_all_optimizers_of_a_seed_see_the_same_weights_and_batches(digits, make_trial):
    trainings = [training_of(make_trial(optimizer=name), digits) for name in LOSS_OPTIMIZERS]
    first, *others = trainings
    for other in others:
        assert torch.equal(first.order.get_state(), other.order.get_state())
        pairs = zip(first.model.parameters(), other.model.parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize(
    "fields", [{}, {"momentum": 0.9}, {"optimizer": "adagrad_norm"}, {"model": "small_cnn"}]
)
def test_a_resumed_trial_equals_an_uninterrupted_one(digits, make_trial, tmp_path, fields):
    trial = make_trial(epochs=4, **fields)
    whole, interrupted, resumed = (training_of(trial, digits) for _ in range(3))
    for _ in range(2):
        interrupted.run_epoch()
    torch.save(interrupted.state_dict(), tmp_path / "state.pt")
    resumed.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    expected = [numbers(whole.run_epoch()) for _ in range(4)]
    assert [numbers(resumed.run_epoch()) for _ in range(2)] == expected[2:]


def test_dropout_goes_on_where_it_was(digits, make_trial):
    def with_dropout():
        training = training_of(make_trial(), digits)
        training.model.insert(1, torch.nn.Dropout(0.5))
        return training

    whole, interrupted, resumed = with_dropout(), with_dropout(), with_dropout()
    interrupted.run_epoch()
    resumed.load_state_dict(interrupted.state_dict())
    whole.run_epoch()
    assert numbers(resumed.run_epoch()) == numbers(whole.run_epoch())


def test_a_snapshot_does_not_change_as_training_goes_on(digits, make_trial):
    training = training_of(make_trial(), digits)
    training.run_epoch()
    snapshot = training.state_dict()
    kept = copy.deepcopy(snapshot["model"])
    training.run_epoch()
    assert all(torch.equal(snapshot["model"][name], kept[name]) for name in kept)


def test_a_snapshot_of_another_trial_is_refused(digits, make_trial):
    state = training_of(make_trial(), digits).state_dict()
    with pytest.raises(ValueError, match="belongs to trial"):
        training_of(make_trial(seed=1), digits).load_state_dict(state)


def test_b_and_the_effective_learning_rate_are_the_last_steps(digits, make_trial):
    trial = make_trial(optimizer="sgd_decay_sqrt", lr=0.5, b0=2.0)
    training = training_of(trial, digits)
    metrics = training.run_epoch()
    assert metrics["b"] == pytest.approx((4 + training.step) ** 0.5)
    assert metrics["effective_lr"] == pytest.approx(0.5 / metrics["b"])


def test_the_training_loss_is_the_mean_over_examples(digits, make_trial):
    # With a learning rate of 0 the model never moves, so that the loss is that of a plain pass.
    training = training_of(make_trial(lr=0.0, batch_size=100), digits)
    with torch.no_grad():
        images = digits.train.images[digits.train.indices].permute(0, 3, 1, 2) / 240
        logits = training.model((images - digits.mean[0]) / digits.std[0])
        expected = torch.nn.functional.cross_entropy(logits, digits.train.labels)
    assert training.run_epoch()["train/loss"] == pytest.approx(expected.item(), rel=1e-5)


def test_a_loss_that_is_not_finite_is_divergence(digits, make_trial):
    training = training_of(make_trial(optimizer="sgd_constant", lr=1e30), digits)
    with pytest.raises(DivergedError) as caught:
        training.run_epoch()
    assert caught.value.divergence.step > 1
    assert "step" in caught.value.divergence.reason


def test_the_first_step_beyond_max_loss_is_named(digits, make_trial):
    training = training_of(make_trial(max_loss=0.001), digits)
    with pytest.raises(DivergedError, match=r"beyond max_loss 0\.001 at step 1"):
        training.run_epoch()


@pytest.mark.slow
@pytest.mark.parametrize(("model", "image_size"), [("test_vit", 32), ("test_resnet", 32)])
def test_models_of_timm_train(digits, make_trial, model, image_size):
    training = training_of(make_trial(model=model, image_size=image_size, lr=0.1), digits)
    assert training.run_epoch()["train/loss"] < 4


AUGMENTED = {"model": "small_cnn", "resize": 10, "image_size": 8, "padding": 1, "flip": True}


def test_a_resumed_trial_goes_on_with_the_draws_of_its_images(digits, make_trial, tmp_path):
    trial = make_trial(epochs=4, **AUGMENTED)
    whole, interrupted, resumed = (training_of(trial, digits) for _ in range(3))
    interrupted.run_epoch()
    torch.save(interrupted.state_dict(), tmp_path / "state.pt")
    resumed.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    whole.run_epoch()
    assert numbers(resumed.run_epoch()) == numbers(whole.run_epoch())


def test_all_optimizers_of_a_seed_see_the_same_crops(digits, make_trial):
    def first_batch(name):
        training = training_of(make_trial(optimizer=name, **AUGMENTED), digits)
        seen = []
        step = training.train_step

        def watched(images, labels):
            seen.append(images.clone())
            return step(images, labels)

        training.train_step = watched
        training.run_epoch()
        return seen

    first, *others = map(first_batch, LOSS_OPTIMIZERS)
    for other in others:
        assert all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize(
    "fields",
    [{"precision": "bf16"}, {"channels_last": True}, {"precision": "tf32"}, {"precision": "auto"}],
    ids=str,
)
def test_how_it_computes_changes_neither_draws_nor_much_else(digits, make_trial, fields):
    plain = training_of(make_trial(epochs=1, lr=0.1, **AUGMENTED), digits)
    other = training_of(make_trial(epochs=1, lr=0.1, **AUGMENTED, **fields), digits)
    expected, got = plain.run_epoch(), other.run_epoch()
    assert got["train/loss"] == pytest.approx(expected["train/loss"], rel=0.02)
    assert torch.equal(plain.order.get_state(), other.order.get_state())
    assert torch.equal(plain.augmentation.get_state(), other.augmentation.get_state())


def test_bf16_keeps_the_weights_and_the_optimizer_in_float32(digits, make_trial):
    training = training_of(make_trial(precision="bf16"), digits)
    training.run_epoch()
    assert {parameter.dtype for parameter in training.model.parameters()} == {torch.float32}
    assert {parameter.grad.dtype for parameter in training.model.parameters()} == {torch.float32}


@pytest.mark.slow
def test_asked_to_be_deterministic_it_is_and_the_next_trial_is_not_bound(digits, make_trial):
    trial = make_trial(deterministic=True, **AUGMENTED)
    first, again = (numbers(training_of(trial, digits).run_epoch()) for _ in range(2))
    assert first == again
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.slow
def test_a_compiled_model_learns_the_same(digits, make_trial, monkeypatch):
    # So that whole batches are evaluated, with the compiled network.
    monkeypatch.setattr(evaluation, "LARGEST_BATCH", 64)
    plain = training_of(make_trial(epochs=1, lr=0.1), digits)
    compiled = training_of(make_trial(epochs=1, lr=0.1, compile=True), digits)
    expected, got = plain.run_epoch(), compiled.run_epoch()
    for name in ("train/loss", "val/loss", "test/loss"):
        assert got[name] == pytest.approx(expected[name], rel=1e-3)
    # The state is that of the model itself: a checkpoint does not depend on the compiler.
    assert compiled.state_dict()["model"].keys() == plain.state_dict()["model"].keys()


@pytest.mark.slow
def test_the_compiler_does_not_tire_of_a_workers_trials(digits, make_trial, monkeypatch):
    from torch._dynamo.utils import counters

    # Graphs are counted and not translated, which takes seconds for each.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))

    def graphs(**fields):
        """How many graphs the first step of a trial compiles."""
        counters.clear()
        training = training_of(make_trial(compile=True, **fields), digits)
        next(training.train_steps())
        return counters["stats"]["unique_graphs"]

    torch.compiler.reset()
    assert [graphs(seed=seed) for seed in range(3)] == [1, 0, 0], "a kind of network, once"
    assert [graphs(batch_size=size) for size in range(30, 38)] == [1] * 8


def test_a_normalisation_that_the_model_does_not_have_is_refused(digits, make_trial):
    with pytest.raises(DataError, match="mlp has no constants of its own"):
        training_of(make_trial(normalize="model"), digits)


def test_constants_must_fit_the_images(digits, make_trial):
    with pytest.raises(DataError, match="mean has 3 values, and the images of digits have 1"):
        training_of(make_trial(mean=(0.5, 0.5, 0.5), std=(0.5,)), digits)


def test_a_step_reads_nothing_back_from_the_device(digits, make_trial):
    class NoReadBack(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, arguments=(), named=None):
            if function is torch.ops.aten._local_scalar_dense.default:
                pytest.fail("a step waits for the device")
            return function(*arguments, **(named or {}))

    training = training_of(make_trial(), digits)
    (images, labels), *_ = training.train.batches(
        128, torch.arange(len(digits.train)), draw(training.train.recipe, 1168, training.order)
    )
    training.train_step(images, labels)
    with NoReadBack():
        training.train_step(images, labels)
