"""The two-layer network: linear convergence from every b0, and what its rate sees."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from adaloss.records.places import NOWHERE
from adaloss.tasks.divergence import DivergedError
from adaloss.tasks.optimizers.constructors import OptimizerError
from adaloss.tasks.two_layer.code import TwoLayerNet, drawn, h_infinity, training_of
from adaloss.tasks.two_layer.fields import TwoLayerTrial


def trial_of(**fields):
    small = {
        "task": "two_layer_net",
        "optimizer": "adaloss",
        "seed": 0,
        "lr": 1.0,
        "epochs": 10,
        "batch_size": 5,
        "rows": 5,
        "dimensions": 10,
        "width": 1000,
        "steps_per_epoch": 20,
        "max_loss": 1e30,
    }
    return TwoLayerTrial(**(small | fields))


def run_of(trial):
    return training_of(trial, drawn(trial, "cpu"), NOWHERE, "cpu")


def course(trial):
    run, epochs = run_of(trial), []
    for _ in range(trial.epochs):
        try:
            epochs.append(run.run_epoch())
        except DivergedError:
            break
    return epochs


@settings(max_examples=5)
@given(exponent=st.floats(-2, 0.5), seed=st.integers(0, 5))
@pytest.mark.parametrize("accumulates", ["squared", "norm"])
def test_it_converges_linearly_from_every_b0(accumulates, exponent, seed):
    fields = {"b0": 10.0**exponent, "seed": seed, "accumulates": accumulates}
    objectives = [epoch["objective"] for epoch in course(trial_of(**fields))]
    assert objectives[-1] < 1e-4
    # Each epoch divides what is left by about the same factor, down to rounding errors.
    above = [objective for objective in objectives[1:] if objective > 1e-18]
    rates = [math.log(before / after) for before, after in pairwise(above)]
    assert max(rates) < 2 * min(rates)


def test_a_constant_step_does_not_learn_where_b0_is_small():
    small, usual = (course(trial_of(optimizer="sgd_constant", b0=b0)) for b0 in (0.01, 2.0))
    # It blows up, or ends with neurons that are all off.
    assert len(small) < 10 or small[-1]["objective"] > 0.1
    assert usual[-1]["objective"] < 1e-4


@pytest.mark.parametrize(("accumulates", "power"), [("squared", 2), ("norm", 1)])
def test_b_grows_by_the_squared_residual_or_by_its_norm(accumulates, power):
    trial = trial_of(accumulates=accumulates, alpha=0.5, steps_per_epoch=3, epochs=1)
    run = run_of(trial)
    residuals = []
    take = run.steps.take

    def watched(loss_of):
        with torch.no_grad():
            residuals.append(float((run.model(run.x) - run.y).norm()))
        return take(loss_of)

    run.steps.take = watched
    b = run.run_epoch()["b"]
    factor = 0.5 if accumulates == "squared" else 1.0
    grown = math.fsum(factor * residual**power for residual in residuals)
    assert b**2 == pytest.approx(trial.b0**2 + trial.alpha * grown)


def test_h_infinity_is_the_kernel_of_an_infinitely_wide_network():
    problem = drawn(trial_of(), "cpu")
    net = TwoLayerNet(200_000, 10, torch.Generator().manual_seed(0))
    active = (problem.x @ net.w.T >= 0).double()
    estimate = problem.x @ problem.x.T * (active @ active.T / active.shape[1])
    assert torch.allclose(h_infinity(problem.x), estimate, atol=5e-3)
    assert 0 < problem.smallest < problem.largest


def test_neurons_of_a_wider_network_move_less():
    moved = [course(trial_of(width=width))[-1]["moved"] for width in (100, 10_000)]
    assert moved[1] < moved[0] / 3


def test_a_resumed_trial_equals_an_uninterrupted_one():
    trial = trial_of(width=50, batch_size=2, epochs=4)
    whole = run_of(trial)
    expected = [whole.run_epoch() for _ in range(4)]
    first, second = run_of(trial), run_of(trial)
    found = [first.run_epoch(), first.run_epoch()]
    second.load_state_dict(first.state_dict())
    found += [second.run_epoch(), second.run_epoch()]
    assert found == expected


def test_only_the_rate_of_adaloss_sees_the_norm():
    fields = {"optimizer": "pytorch_optimizer:AliG", "epochs": 1, "steps_per_epoch": 3}
    squared, norm = (
        course(trial_of(accumulates=accumulates, **fields)) for accumulates in ("squared", "norm")
    )
    assert norm == squared


def test_an_optimizer_that_takes_the_loss_itself_cannot_have_a_rate_that_sees_the_norm():
    trial = trial_of(optimizer="momo:Momo", rate="adaloss", accumulates="norm")
    with pytest.raises(OptimizerError, match="takes the loss itself"):
        run_of(trial)
