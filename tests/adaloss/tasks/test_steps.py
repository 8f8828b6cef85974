"""The steps of a trial: an error that a divergence causes, random numbers, kinds of devices."""

import random

import numpy as np
import pytest
import torch
from torch import nn

from adaloss.tasks.divergence import DivergedError
from adaloss.tasks.images.training import Training
from adaloss.tasks.metrics import numbers


def fails(*arguments):
    raise AssertionError("the gradient is not finite")


# Of the source of dog-optimizer.
@pytest.mark.filterwarnings("ignore:.*invalid escape sequence")
def test_an_optimizer_that_fails_at_a_loss_that_is_not_finite_has_diverged(digits, make_trial):
    trial = make_trial(optimizer="dog:DoG", lr=1.0, b0=1e-30, max_loss=1e300)
    training = Training(trial, digits)
    with pytest.raises(DivergedError, match=r"the training loss is (nan|inf)") as caught:
        training.run_epoch()
    assert isinstance(caught.value.__context__, AssertionError)


def test_the_step_that_diverged_is_named_though_a_later_one_fails(digits, make_trial):
    training = Training(make_trial(max_loss=0.001), digits)
    loss_of, losses = training.loss, []

    def third_fails(*batch):
        losses.append(loss_of(*batch) if len(losses) < 2 else fails())
        return losses[-1]

    training.loss = third_fails
    with pytest.raises(DivergedError, match="at step 1 "):
        training.run_epoch()
    assert len(losses) == 2


@pytest.mark.parametrize("replaced", ["loss", "learn"])
def test_an_error_without_a_divergence_stays_an_error(digits, make_trial, replaced):
    training = Training(make_trial(), digits)
    setattr(training, replaced, fails)
    with pytest.raises(AssertionError, match="not finite"):
        training.run_epoch()


class Noise(nn.Module):
    """Draws from Python's and NumPy's global generators."""

    def forward(self, inputs):
        return inputs * (1 + 0.1 * random.random() + 0.1 * np.random.random())


def noisy(digits, trial):
    training = Training(trial, digits)
    training.model.insert(1, Noise())
    return training


def test_what_a_model_draws_depends_on_the_trial_alone(digits, make_trial):
    epochs = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)
        expected = random.random(), np.random.random()
        random.seed(seed)
        np.random.seed(seed)
        training = noisy(digits, make_trial())
        epochs.append([numbers(training.run_epoch()) for _ in range(2)])
        assert (random.random(), np.random.random()) == expected
    assert epochs[0] == epochs[1]
    assert numbers(noisy(digits, make_trial(seed=1)).run_epoch()) != epochs[0][0]


def test_what_a_model_draws_goes_on_where_it_was(digits, make_trial, tmp_path):
    whole, interrupted, resumed = (noisy(digits, make_trial()) for _ in range(3))
    interrupted.run_epoch()
    torch.save(interrupted.state_dict(), tmp_path / "state.pt")
    resumed.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    whole.run_epoch()
    assert numbers(resumed.run_epoch()) == numbers(whole.run_epoch())


def test_what_an_optimizer_draws_when_it_is_built_depends_on_the_trial_alone(digits, make_trial):
    trial = make_trial(optimizer="pytorch_optimizer:SPAM", lr=0.01)
    epochs = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        training = Training(trial, digits)
        assert torch.equal(torch.get_rng_state(), before)
        epochs.append(numbers(training.run_epoch()))
    assert epochs[0] == epochs[1]


def older(state, *, gpu=False):
    """The state as it was saved when it had torch's generators alone."""
    own = state["forward_random_state"]["cpu"]
    return state | {"forward_random_state": [own, own] if gpu else [own]}


def test_a_state_with_torchs_generators_alone_is_continued(digits, make_trial):
    def with_dropout():
        training = Training(make_trial(), digits)
        training.model.insert(1, nn.Dropout(0.5))
        return training

    whole, resumed = with_dropout(), with_dropout()
    whole.run_epoch()
    resumed.load_state_dict(older(whole.state_dict()))
    assert numbers(resumed.run_epoch()) == numbers(whole.run_epoch())


def test_a_state_of_another_kind_of_device_is_refused(digits, make_trial):
    training = Training(make_trial(), digits)
    state = training.state_dict()
    drawn = state["forward_random_state"]
    of_a_gpu = state | {"forward_random_state": drawn | {"cuda": drawn["cpu"]}}
    for refused in (of_a_gpu, older(state, gpu=True)):
        with pytest.raises(ValueError, match="computed on a GPU, and the trial is on a CPU"):
            training.load_state_dict(refused)
