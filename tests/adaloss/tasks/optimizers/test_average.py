"""The average of the weights: equal to that of DoG's authors, and invisible to training."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from adaloss import AdaLoss
from adaloss.tasks.images.evaluate import evaluate
from adaloss.tasks.images.training import Training
from adaloss.tasks.metrics import numbers
from adaloss.tasks.optimizers.average import PolynomialAverage, tensors_of
from adaloss.tasks.optimizers.constructors import OptimizerError

# Of the source of dog-optimizer.
pytestmark = pytest.mark.filterwarnings("ignore:.*invalid escape sequence")

AVERAGED = {
    "adaloss": {"lr": 1.0},
    "dog:DoG": {"lr": 1.0, "hyperparameters": {"reps_rel": 0.01}},
    "lbfgs": {"lr": 0.1, "hyperparameters": {"max_iter": 3}},
}


def bits(tensors):
    return {name: value.clone() for name, value in tensors.items()}


def assert_same(ones, others):
    assert ones.keys() == others.keys()
    assert [name for name in ones if not torch.equal(ones[name], others[name])] == []


@pytest.mark.parametrize("optimizer", ["adaloss", "dog"])
def test_it_is_the_average_of_dogs_package(optimizer):
    from dog import DoG, PolynomialDecayAverager

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    build = {"adaloss": lambda p: AdaLoss(p, lr=0.5), "dog": lambda p: DoG(p, reps_rel=0.1)}
    optimizer = build[optimizer](model.parameters())
    ours, theirs = PolynomialAverage(model), PolynomialDecayAverager(model)
    for _ in range(20):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(torch.randn(16, 4)), torch.randint(3, (16,)))
        loss.backward()
        optimizer.step(**({"loss": loss} if isinstance(optimizer, AdaLoss) else {}))
        ours.update()
        theirs.step()
    trained = bits(model.state_dict())
    with ours.evaluating():
        assert_same(model.state_dict(), theirs.averaged_model.state_dict())
    assert_same(model.state_dict(), trained)
    assert model[1].num_batches_tracked == 20
    assert not torch.equal(ours.average["1.running_mean"], trained["1.running_mean"])


@pytest.mark.parametrize("optimizer", ["adaloss", "dog:DoG"])
def test_a_trial_evaluates_what_dogs_package_would(digits, make_trial, optimizer):
    from dog import PolynomialDecayAverager

    fields = {"model": "small_cnn", "optimizer": optimizer, **AVERAGED[optimizer], "epochs": 2}
    plain = Training(make_trial(**fields), digits)
    averaged = Training(make_trial(**fields, average="polynomial"), digits)
    theirs = PolynomialDecayAverager(plain.model)
    learn = plain.learn

    def followed(*batch):
        loss = learn(*batch)
        theirs.step()
        return loss

    plain.learn = followed
    for _ in range(2):
        without, with_average = plain.run_epoch(), averaged.run_epoch()
        assert with_average["train/loss"] == without["train/loss"]
        assert_same(averaged.model.state_dict(), plain.model.state_dict())
        expected = evaluate(theirs.averaged_model, plain.test, plain.precision)
        assert with_average["test/loss"] == expected.loss != without["test/loss"]


@pytest.mark.parametrize("optimizer", AVERAGED)
def test_it_resumes_to_the_bit(digits, make_trial, tmp_path, optimizer):
    fields = {"optimizer": optimizer, **AVERAGED[optimizer], "average": "polynomial", "epochs": 3}
    whole, resumed = (Training(make_trial(**fields), digits) for _ in range(2))
    whole.run_epoch()
    torch.save(whole.state_dict(), tmp_path / "state.pt")
    resumed.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    for _ in range(2):
        assert numbers(resumed.run_epoch()) == numbers(whole.run_epoch())


def test_tied_weights_are_averaged_once():
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    model[1].weight = model[0].weight
    assert list(tensors_of(model)) == ["0.weight"]


def test_a_buffer_that_a_module_replaces_is_still_averaged():
    model = nn.BatchNorm1d(2)
    average = PolynomialAverage(model)
    model.running_mean = torch.full((2,), 3.0)
    average.update()
    assert average.average["running_mean"].tolist() == [3.0, 3.0]


def test_an_infinite_buffer_stays_infinite():
    model = nn.Linear(2, 2)
    model.register_buffer("mask", torch.tensor([0.0, -math.inf]))
    average = PolynomialAverage(model)
    for _ in range(3):
        average.update()
    assert average.average["mask"].tolist() == [0.0, -math.inf]


def test_what_schedule_free_evaluates_is_not_averaged_again(digits, make_trial):
    trial = make_trial(optimizer="schedulefree:SGDScheduleFree", average="polynomial")
    with pytest.raises(OptimizerError, match="has weights of its own for evaluation"):
        Training(trial, digits)


def test_a_trial_without_it_keeps_its_identity(make_trial):
    assert make_trial(average="none").trial_id == make_trial().trial_id
    assert make_trial(average="polynomial").trial_id != make_trial().trial_id
