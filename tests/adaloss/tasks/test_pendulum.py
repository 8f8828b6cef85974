"""The pendulum: its dynamics, what proximal policy optimization minimises, and trials on it."""

import math

import gymnasium
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from adaloss.optimizer_names import PAPER_ADAMS
from adaloss.records.places import NOWHERE
from adaloss.tasks.divergence import DivergedError
from adaloss.tasks.optimizers.constructors import OptimizerError
from adaloss.tasks.pendulum.code import CODE
from adaloss.tasks.pendulum.dynamics import EPISODE_STEPS, MOST_SPEED, MOST_TORQUE, Pendulums
from adaloss.tasks.pendulum.fields import PendulumTrial
from adaloss.tasks.pendulum.losses import advantages, clipped_loss
from adaloss.tasks.pendulum.networks import ActorCritic
from adaloss.tasks.pendulum.training import SwingUp

STEPS, COPIES = 7, 3


LEAST_REWARD = -(math.pi**2 + 0.1 * MOST_SPEED**2 + 0.001 * MOST_TORQUE**2)


def trial_of(**fields):
    small = {
        "task": "pendulum",
        "optimizer": "adamloss",
        "seed": 0,
        "lr": 1.0,
        "b0": 200.0,
        "epochs": 4,
        "batch_size": 32,
        "copies": 4,
        "rollout_steps": 30,
        "rollouts_per_epoch": 3,
        "passes": 2,
        "hidden": 8,
        "max_loss": 1e30,
    }
    return PendulumTrial(**(small | fields))


def course(trial):
    run = SwingUp(trial)
    return [run.run_epoch() for _ in range(trial.epochs)]


# The dynamics


@pytest.mark.parametrize("seed", range(5))
def test_the_dynamics_are_gymnasiums_over_a_whole_episode(seed):
    env = gymnasium.make("Pendulum-v1")
    observed, _ = env.reset(seed=seed)
    angle, speed = env.unwrapped.state
    ours = Pendulums(np.array([angle]), np.array([speed]))
    # Beyond the most torque, too.
    torques = np.random.default_rng(seed).uniform(-3, 3, EPISODE_STEPS)
    for step, torque in enumerate(torques, start=1):
        # gymnasium rounds what is observed to float32.
        assert ours.observed()[0] == pytest.approx(observed, abs=5e-7)
        ours, rewards = ours.pushed(np.array([torque]))
        observed, reward, terminated, truncated, _ = env.step(np.array([torque]))
        assert rewards[0] == pytest.approx(reward, abs=1e-12)
        assert (ours.angle[0], ours.speed[0]) == pytest.approx(
            tuple(env.unwrapped.state), abs=1e-12
        )
        assert not terminated
        assert truncated == (step == EPISODE_STEPS)


def test_each_pendulum_moves_as_if_it_were_alone():
    together = Pendulums.started(5, torch.Generator().manual_seed(0))
    alone = [Pendulums(together.angle[[i]], together.speed[[i]]) for i in range(5)]
    torques = np.linspace(-2, 2, 5)
    together, rewards = together.pushed(torques)
    moved = [one.pushed(torques[[i]]) for i, one in enumerate(alone)]
    assert rewards.tolist() == [reward[0] for _, reward in moved]
    assert together.angle.tolist() == [one.angle[0] for one, _ in moved]


@given(angle=st.floats(-100, 100), speed=st.floats(-8, 8), torque=st.floats(-1e30, 1e30))
def test_a_reward_is_at_most_0_and_at_least_what_the_worst_state_gives(angle, speed, torque):
    _, (reward,) = Pendulums(np.array([angle]), np.array([speed])).pushed(np.array([torque]))
    assert LEAST_REWARD <= reward <= 0


def test_a_pendulum_that_hangs_has_the_least_reward_and_an_upright_one_rests():
    hanging, upright = (Pendulums(np.array([angle]), np.zeros(1)) for angle in (math.pi, 0.0))
    assert hanging.pushed(np.zeros(1))[1][0] == pytest.approx(-(math.pi**2))
    moved, rewards = upright.pushed(np.zeros(1))
    assert (moved.angle[0], moved.speed[0], rewards[0]) == (0, 0, 0)


# Advantages and losses

numbers = arrays(float, (STEPS, COPIES), elements=st.floats(-100, 100, width=32))
marks = arrays(bool, (STEPS, COPIES))
shares = st.floats(0, 1)


@pytest.mark.slow
@given(
    rewards=numbers, values=numbers, following=numbers, ends=marks, gamma=shares, gae_lambda=shares
)
def test_an_advantage_is_the_sum_of_discounted_errors_up_to_the_end(
    rewards, values, following, ends, gamma, gae_lambda
):
    found = advantages(rewards, values, following, ends, gamma=gamma, gae_lambda=gae_lambda)
    for copy in range(COPIES):
        for step in range(STEPS):
            expected = 0.0
            for later in range(step, STEPS):
                error = rewards[later, copy] + gamma * following[later, copy] - values[later, copy]
                expected += (gamma * gae_lambda) ** (later - step) * error
                if ends[later, copy]:
                    break
            assert found[step, copy] == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(rewards=numbers, values=numbers, last=st.floats(-100, 100), gamma=shares)
def test_with_lambda_1_value_and_advantage_are_the_discounted_rewards(rewards, values, last, gamma):
    following = np.vstack((values[1:], np.full((1, COPIES), last)))
    ends = np.zeros((STEPS, COPIES), dtype=bool)
    found = advantages(rewards, values, following, ends, gamma=gamma, gae_lambda=1.0)
    powers = gamma ** np.arange(STEPS + 1)
    expected = powers[:-1] @ rewards + powers[-1] * last
    assert found[0] + values[0] == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_the_limit_of_an_episode_is_no_end_of_its_rewards():
    # The value of what was observed last stands for the rewards that the limit cut off.
    one = np.ones((1, 1))
    found = advantages(one, 0 * one, 5 * one, one.astype(bool), gamma=0.5, gae_lambda=1.0)
    assert found[0, 0] == 1 + 0.5 * 5


@given(log_ratio=st.floats(-3, 3), advantage=st.floats(-10, 10), clip_range=st.floats(0.01, 0.9))
def test_the_actors_loss_is_the_clipped_one(log_ratio, advantage, clip_range):
    ratio = math.exp(log_ratio)
    clipped = min(max(ratio, 1 - clip_range), 1 + clip_range)
    expected = -min(ratio * advantage, clipped * advantage)
    arguments = (torch.tensor([x], dtype=torch.float64) for x in (log_ratio, 0.0, advantage))
    found = clipped_loss(*arguments, clip_range)
    assert float(found) == pytest.approx(expected)


def test_a_ratio_beyond_the_range_has_no_gradient():
    log_densities = torch.tensor([1.0], requires_grad=True)
    clipped_loss(log_densities, torch.zeros(1), torch.ones(1), 0.2).backward()
    assert log_densities.grad.item() == 0


def test_the_policy_is_gaussian():
    model = ActorCritic(8, -0.7, torch.Generator().manual_seed(0))
    observed, torques = torch.randn(10, 3), torch.randn(10)
    normal = torch.distributions.Normal(model.mean(observed), model.log_std.exp())
    torch.testing.assert_close(model.log_density(observed, torques), normal.log_prob(torques))
    torch.testing.assert_close(model.entropy(), normal.entropy()[0])


# Trials


@pytest.mark.slow
@pytest.mark.parametrize("fields", [{}, {"average": "polynomial", "schedule": "cosine"}])
def test_a_resumed_trial_equals_an_uninterrupted_one(fields):
    # Episodes and passes end at other times than epochs.
    trial = trial_of(**fields)
    expected = course(trial)
    assert expected == course(trial)
    run = SwingUp(trial)
    for done in range(trial.epochs):
        resumed = SwingUp(trial)
        resumed.load_state_dict(run.state_dict())
        rest = [resumed.run_epoch() for _ in range(trial.epochs - done)]
        assert rest == expected[done:]
        run.run_epoch()


def test_optimizers_of_a_seed_start_with_the_same_weights_pendulums_and_torques():
    runs = [SwingUp(trial_of(optimizer=name)) for name in PAPER_ADAMS]
    rollouts = [run.episodes.rollout(run.model, 20, run.device) for run in runs]
    assert all(torch.equal(r.torques, rollouts[0].torques) for r in rollouts)
    other = SwingUp(trial_of(seed=1))
    assert not torch.equal(
        other.episodes.rollout(other.model, 20, other.device).torques, rollouts[0].torques
    )


def test_every_trial_and_epoch_is_evaluated_from_the_same_starts():
    first, second = SwingUp(trial_of()), SwingUp(trial_of(seed=1, b0=1.0))
    first.run_epoch()
    assert first.evaluated.angle.tolist() == second.evaluated.angle.tolist()


def test_episodes_go_on_over_rollouts_and_begin_anew_after_their_limit():
    run = SwingUp(trial_of(rollout_steps=150))
    first, second = (run.episodes.rollout(run.model, 150, run.device) for _ in range(2))
    assert torch.equal(first.then_observed[-1], second.observed[0])
    assert not first.ends.any()
    assert np.flatnonzero(second.ends[:, 0]).tolist() == [49]
    assert not torch.equal(second.then_observed[49], second.observed[50])
    whole = np.concatenate((first.rewards, second.rewards[:50])).sum(axis=0)
    assert second.returns == pytest.approx(whole)


@pytest.mark.parametrize("rate_sees", ["joint", "actor", "critic"])
def test_b_grows_by_the_loss_that_the_rate_sees(rate_sees):
    trial = trial_of(rate_sees=rate_sees, alpha=0.5, b0=2.0, passes=1)
    run = SwingUp(trial)
    losses = []
    loss_of = run.loss

    def watched(batch):
        joint = loss_of(batch)
        own = run.latest[0]
        losses.append(
            {"joint": joint.item(), "actor": own.actor.item(), "critic": own.critic.item()}
        )
        return joint

    run.loss = watched
    epoch = run.run_epoch()
    assert len(losses) == run.step == trial.steps_per_epoch
    grown = math.fsum(abs(of[rate_sees]) for of in losses)
    assert epoch["b"] ** 2 == pytest.approx(trial.b0**2 + trial.alpha * grown, rel=1e-6)
    for of in losses:
        assert of["joint"] == pytest.approx(of["actor"] + trial.value_weight * of["critic"])


def test_the_gradient_is_the_joint_losss_whatever_the_rate_sees():
    def first_step(rate_sees):
        # b0 is so large that the rate hardly grows.
        run = SwingUp(trial_of(optimizer="adaloss", b0=1e6, lr=1e6, rate_sees=rate_sees))
        rollout = run.episodes.rollout(run.model, 30, run.device)
        run.steps.take(lambda: run.loss(run.frames(rollout)))
        return torch.cat([parameter.detach().flatten() for parameter in run.model.parameters()])

    torch.testing.assert_close(first_step("critic"), first_step("joint"))
    torch.testing.assert_close(first_step("actor"), first_step("joint"))


@pytest.mark.parametrize("optimizer", ["paper_adam", "adam_decay_sqrt", "sgd_constant", "sgd"])
def test_what_the_rate_sees_is_no_part_of_a_trial_whose_rate_sees_no_loss(optimizer):
    trials = [trial_of(optimizer=optimizer, rate_sees=sees) for sees in ("joint", "actor")]
    assert trials[0].trial_id == trials[1].trial_id
    small = {"epochs": 1, "rollouts_per_epoch": 1}
    assert course(trials[0].model_copy(update=small)) == course(trials[1].model_copy(update=small))


@pytest.mark.parametrize(
    "fields", [{}, {"optimizer": "adaloss"}, {"optimizer": "adam", "rate": "adaloss"}]
)
def test_what_the_rate_sees_is_part_of_a_trial_of_adaloss(fields):
    assert trial_of(**fields, rate_sees="actor").trial_id != trial_of(**fields).trial_id


@pytest.mark.parametrize(
    "fields",
    [
        {"optimizer": "lbfgs", "b0": 1000.0},
        {"optimizer": "schedulefree:AdamWScheduleFreeClosure", "b0": 1000.0},
        {"optimizer": "schedulefree:AdamWScheduleFree", "b0": 1000.0},
        {"optimizer": "momo:Momo", "b0": 1000.0},
        {"optimizer": "pytorch_optimizer:AdaHessian", "b0": 1000.0},
        {"optimizer": "muon", "b0": 1000.0},
        {"optimizer": "adagrad_norm_rowwise"},
        {"optimizer": "adam", "rate": "adagrad_norm", "clip_grad_norm": 0.5, "warmup": 0.2},
        {"optimizer": "adamloss", "entropy_weight": 0.01, "weight_decay": 0.01},
    ],
    ids=lambda fields: fields["optimizer"],
)
def test_optimizers_of_every_kind_take_the_steps(fields):
    trial = trial_of(epochs=1, rollouts_per_epoch=1, **fields)
    run = SwingUp(trial)
    epoch = run.run_epoch()
    assert run.step == trial.steps_per_epoch == 8
    assert epoch["frames"] == 120
    assert epoch["train_return"] is None
    assert 200 * LEAST_REWARD <= epoch["worst_return"] <= epoch["return"] <= 0


def test_an_optimizer_that_takes_the_loss_itself_cannot_have_a_rate_that_sees_another():
    with pytest.raises(OptimizerError, match="takes the loss itself"):
        SwingUp(trial_of(optimizer="momo:Momo", rate="adaloss", rate_sees="actor"))


@pytest.mark.parametrize("fields", [{"b0": 1e-30}, {"b0": 1e-3, "max_loss": 1e4}])
@pytest.mark.parametrize("optimizer", ["sgd_constant", "paper_adam"])
def test_a_trial_whose_numbers_are_not_finite_or_too_large_has_diverged(optimizer, fields):
    with pytest.raises(DivergedError, match=r"is nan|is -?inf|is beyond max_loss") as caught:
        course(trial_of(optimizer=optimizer, **fields))
    assert caught.value.divergence.step >= 1


def test_torques_that_are_not_finite_are_a_divergence_even_after_the_last_step():
    run = SwingUp(trial_of())
    with torch.no_grad():
        run.model.actor[0].weight.fill_(math.nan)
    with pytest.raises(DivergedError, match="the sum of torques is nan"):
        run.run_epoch()


def test_calibration_times_an_epoch_of_the_trial_made_small():
    trial = trial_of()
    small = trial_of(**trial.in_small())
    inputs = CODE.read(small, NOWHERE, "cpu")
    run = CODE.start(small, inputs, NOWHERE, "cpu", capture=False)
    calibration = CODE.calibrate(run)
    assert calibration.seconds_per_step > 0
    assert run.epoch == 2


@pytest.mark.slow
def test_the_pendulum_is_swung_up():
    sizes = {"batch_size": 256, "copies": 16, "rollout_steps": 128, "passes": 10, "hidden": 64}
    trial = trial_of(optimizer="adam", b0=1000.0, rollouts_per_epoch=5, epochs=9, **sizes)
    epochs = course(trial)
    assert epochs[-1]["return"] > -700 > epochs[0]["return"]
