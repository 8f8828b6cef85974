"""Linear regression: the paper's theorems hold, and trials are exact and resumable."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from adaloss.records.places import NOWHERE
from adaloss.tasks.divergence import DivergedError
from adaloss.tasks.regression.code import CODE, drawn, training_of
from adaloss.tasks.regression.fields import RegressionTrial
from adaloss.tasks.table import TASKS, task_of, trial_from

ROWS, DIMENSIONS = 30, 4


def trial_of(**fields):
    small = {
        "task": "linear_regression",
        "optimizer": "adaloss",
        "seed": 0,
        "lr": 1.0,
        "epochs": 4,
        "batch_size": ROWS,
        "rows": ROWS,
        "dimensions": DIMENSIONS,
        "steps_per_epoch": 25,
        "max_loss": 1e30,
    }
    return RegressionTrial(**(small | fields))


def run_of(trial):
    return training_of(trial, CODE.read(trial, NOWHERE, "cpu").data, NOWHERE, "cpu")


def course(trial):
    """The epochs of a trial, up to its divergence."""
    run, epochs = run_of(trial), []
    for _ in range(trial.epochs):
        try:
            epochs.append(run.run_epoch())
        except DivergedError:
            break
    return epochs


@pytest.mark.parametrize("optimizer", ["adaloss", "adagrad_norm", "sgd_constant", "sgd_decay_sqrt"])
def test_a_trial_equals_the_papers_equations(optimizer):
    trial = trial_of(optimizer=optimizer, b0=40.0, alpha=2.0, epochs=1)
    problem = drawn(trial, "cpu")
    x, y, solution = (part.numpy() for part in (problem.x, problem.y, problem.solution))
    w, b_squared = np.zeros(DIMENSIONS), trial.b0**2
    for step in range(1, trial.steps_per_epoch + 1):
        residual = x @ w - y
        gradient = x.T @ residual
        b_squared = {
            "adaloss": b_squared + trial.alpha * np.sum(residual**2) / 2,
            "adagrad_norm": b_squared + np.sum(gradient**2),
            "sgd_constant": b_squared,
            "sgd_decay_sqrt": trial.b0**2 + trial.alpha * step,
        }[optimizer]
        w = w - trial.lr / math.sqrt(b_squared) * gradient
    (found,) = course(trial)
    assert found["distance"] == pytest.approx(np.sum((w - solution) ** 2), rel=1e-9)
    assert found["b"] == pytest.approx(math.sqrt(b_squared), rel=1e-12)
    assert found["objective"] == pytest.approx(np.sum((x @ w - y) ** 2) / 2, rel=1e-9)
    assert found["relative_b"] == pytest.approx(found["b"] / (problem.largest / 2))


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adaloss", "adagrad_norm"])
@settings(max_examples=8)
@given(exponent=st.floats(-4, 3), seed=st.integers(0, 20))
def test_it_converges_from_every_b0(optimizer, exponent, seed):
    trial = trial_of(optimizer=optimizer, b0=10.0**exponent, seed=seed, epochs=120)
    *_, last = course(trial)
    first = float(drawn(trial, "cpu").solution.square().sum())
    assert last["distance"] < 1e-3 * first


@pytest.mark.slow
@settings(max_examples=20)
@given(exponent=st.floats(-4, 0), seed=st.integers(0, 20))
def test_from_a_small_b0_the_last_b_is_near_its_critical_value(exponent, seed):
    trial = trial_of(b0=10.0**exponent, alpha=2.0, seed=seed, epochs=20)
    *_, last = course(trial)
    assert 0.5 < last["relative_b"] < 3


def test_a_constant_step_diverges_below_half_the_largest_eigenvalue_and_converges_above():
    critical = drawn(trial_of(), "cpu").largest / 2
    below, above = (
        course(trial_of(optimizer="sgd_constant", b0=factor * critical, epochs=40))
        for factor in (0.9, 1.2)
    )
    distances = [epoch["distance"] for epoch in below]
    assert distances == sorted(distances)
    assert above[-1]["distance"] < 1e-9


def test_b_squared_grows_by_alpha_times_the_losses_and_never_shrinks():
    trial = trial_of(b0=2.0, alpha=0.5, batch_size=3)
    run = run_of(trial)
    losses = []
    take = run.steps.take

    def watched(loss_of):
        take(loss_of)
        losses.append(float(run.steps.unread[-1]))

    run.steps.take = watched
    bs = [run.run_epoch()["b"] for _ in range(trial.epochs)]
    assert bs == sorted(bs)
    assert bs[-1] ** 2 == pytest.approx(trial.b0**2 + trial.alpha * math.fsum(losses))


@pytest.mark.slow
def test_b_stays_bounded_with_single_rows_as_there_is_no_noise():
    epochs = course(trial_of(batch_size=1, b0=0.01, epochs=200))
    assert epochs[-1]["distance"] < 1e-20
    assert epochs[-1]["b"] == pytest.approx(epochs[len(epochs) // 2]["b"])


@pytest.mark.parametrize("fields", [{}, {"batch_size": 2}, {"optimizer": "adamw", "lr": 0.1}])
def test_a_resumed_trial_equals_an_uninterrupted_one(fields):
    trial = trial_of(**fields)
    whole = run_of(trial)
    expected = [whole.run_epoch() for _ in range(trial.epochs)]
    first, second = run_of(trial), run_of(trial)
    found = [first.run_epoch(), first.run_epoch()]
    second.load_state_dict(first.state_dict())
    found += [second.run_epoch(), second.run_epoch()]
    assert found == expected
    assert (second.epoch, second.step) == (4, 100)


def test_the_problem_is_that_of_the_seed_whatever_the_optimizer():
    one, same, other = (
        drawn(trial_of(**fields), "cpu")
        for fields in ({}, {"optimizer": "adam", "b0": 7.0, "batch_size": 1}, {"seed": 1})
    )
    assert torch.equal(one.x, same.x)
    assert torch.equal(one.solution, same.solution)
    assert not torch.equal(one.x, other.x)


def test_a_batch_of_all_rows_or_more_is_the_full_gradient():
    assert course(trial_of()) == course(trial_of(batch_size=ROWS + 5))


def test_a_trial_is_read_back_as_one_of_its_task_with_the_same_id():
    trial = trial_of()
    again = trial_from(trial.model_dump(mode="json"))
    assert again == trial
    assert again.trial_id == trial.trial_id
    assert task_of(again) is TASKS["linear_regression"]
    assert trial.readable_name == "linear_regression-adaloss-b0=1-seed0"


def test_divergence_names_the_step():
    trial = trial_of(optimizer="sgd_constant", b0=0.01, max_loss=1e4)
    with pytest.raises(DivergedError) as caught:
        run_of(trial).run_epoch()
    assert caught.value.divergence.step == 2
    assert "before any update" not in caught.value.divergence.reason


def test_a_first_loss_beyond_the_bound_says_that_the_bound_is_too_low():
    with pytest.raises(DivergedError) as caught:
        run_of(trial_of(max_loss=1.0)).run_epoch()
    assert caught.value.divergence.step == 1
    said = "is beyond max_loss 1 at step 1 (epoch 1), before any update: raise divergence.max_loss"
    assert caught.value.divergence.reason.endswith(said)


@pytest.mark.parametrize("b0", [0.01, 1000.0])
def test_an_epoch_is_timed_whether_or_not_it_diverges(b0):
    run = run_of(trial_of(optimizer="sgd_constant", b0=b0, max_loss=1e4))
    timing = CODE.calibrate(run)
    assert timing.seconds_per_epoch == pytest.approx(25 * timing.seconds_per_step)
    assert timing.checkpoint_bytes > 0
