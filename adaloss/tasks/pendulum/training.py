"""Proximal policy optimization of a trial: epochs of roll-outs and of steps on their frames."""

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from adaloss.optimizer_names import unused_fields
from adaloss.records.places import NOWHERE, Places
from adaloss.tasks.divergence import DivergedError
from adaloss.tasks.numerics import full_precision
from adaloss.tasks.pendulum.dynamics import Pendulums
from adaloss.tasks.pendulum.losses import Losses, advantages, clipped_loss
from adaloss.tasks.pendulum.networks import ActorCritic
from adaloss.tasks.pendulum.rollouts import Episodes, Rollout, greedy_returns
from adaloss.tasks.seeding import named_generator
from adaloss.tasks.steps import Steps

if TYPE_CHECKING:
    from adaloss.tasks.pendulum.fields import PendulumTrial

EVALUATED = 64
"""The starts of the evaluation, which are the same for every trial and epoch."""
Frames = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
"""Observations, torques, logarithms of their densities, advantages, targets of the critic."""


class SwingUp:
    """A trial in progress: see :class:`adaloss.tasks.task.Run`.

    An epoch is some roll-outs. Each is followed by ``passes`` over its frames in random order, with
    a step per minibatch; one optimizer has the parameters of actor and critic. Advantages are
    normalised over the roll-out.
    """

    def __init__(
        self, trial: "PendulumTrial", places: Places = NOWHERE, device: str = "cpu"
    ) -> None:
        def generator(purpose: str) -> torch.Generator:
            return named_generator(trial.seed, purpose)

        self.trial = trial
        self.device = torch.device(device)
        model = ActorCritic(trial.hidden, trial.initial_log_std, generator("weights"))
        self.model = model.to(self.device)
        self.episodes = Episodes(trial.copies, generator("starts"), generator("noise"))
        self.order = generator("order")
        self.evaluated = Pendulums.started(EVALUATED, named_generator(0, "evaluated starts"))
        self.latest: list[Losses] = []
        # Other optimizers that take the loss want the loss itself.
        unused = unused_fields(trial.optimizer, trial.rate)
        other = trial.rate_sees != "joint" and "rate_sees" not in unused
        self.steps = Steps(
            trial,
            self.model,
            places,
            device,
            count=trial.epochs * trial.steps_per_epoch,
            sees=self.seen if other else None,
        )
        self.epoch = 0

    @property
    def step(self) -> int:
        """The steps that are done."""
        return self.steps.done

    @property
    def resolved(self) -> str | None:
        """The optimizer's classes with all their arguments."""
        return self.steps.optimizer.resolved()

    def run_epoch(self) -> dict[str, float | None]:
        """Alternate roll-outs and steps on their frames, then evaluate the greedy policy.

        Raises:
            DivergedError: a step's loss is not finite or beyond ``max_loss``, or a torque, a value
                or a return is not finite.
        """
        self.epoch += 1
        trial = self.trial
        returns, means = [], []
        with self.steps.of_epoch(self.epoch), full_precision(self.device):
            for _ in range(trial.rollouts_per_epoch):
                rollout = self.episodes.rollout(self.model, trial.rollout_steps, self.device)
                returns.append(rollout.returns)
                means.append(self.learn(rollout))
        joint, actor, critic = np.mean(means, axis=0).tolist()
        with self.steps.evaluating(), full_precision(self.device):
            greedy = greedy_returns(self.model, self.evaluated, self.device)
            b, effective_lr = self.steps.rate_in_use()
        self.check_finite("return", float(greedy.mean()))
        ended = np.concatenate(returns)
        return {
            "return": float(greedy.mean()),
            "worst_return": float(greedy.min()),
            "train_return": float(ended.mean()) if len(ended) else None,
            "joint_loss": joint,
            "actor_loss": actor,
            "critic_loss": critic,
            "b": b,
            "effective_lr": effective_lr,
            "frames": float(self.epoch * trial.rollouts_per_epoch * trial.frames_per_rollout),
        }

    def learn(self, rollout: Rollout) -> tuple[float, float, float]:
        """Take the steps on the frames of a roll-out; the joint, actor's and critic's loss.

        They are means over steps, so that the frames of a smaller last minibatch count more.
        """
        frames = self.frames(rollout)
        parts = []
        for _ in range(self.trial.passes):
            order = torch.randperm(len(frames[0]), generator=self.order).to(self.device)
            shuffled = (column[order].split(self.trial.batch_size) for column in frames)
            for batch in zip(*shuffled, strict=True):
                self.latest.clear()
                self.steps.take(partial(self.loss, batch))
                parts.append(torch.stack((self.latest[0].actor, self.latest[0].critic)))
        read = self.steps.read_back(self.epoch)
        actor, critic = torch.stack(parts).double().mean(dim=0).tolist()
        return math.fsum(read) / len(read), actor, critic

    @torch.no_grad()
    def frames(self, rollout: Rollout) -> Frames:
        """The frames of a roll-out with what the losses need of them, one a row."""
        values = self.model.value(rollout.observed)
        following = self.model.value(rollout.then_observed)
        self.check_finite("sum of torques", float(rollout.torques.sum()))
        self.check_finite("sum of values", float((values + following).sum()))
        estimated = advantages(
            rollout.rewards,
            values.double().cpu().numpy(),
            following.double().cpu().numpy(),
            rollout.ends,
            gamma=self.trial.gamma,
            gae_lambda=self.trial.gae_lambda,
        )
        advantage = torch.from_numpy(estimated).to(values)
        normal = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        densities = self.model.log_density(rollout.observed, rollout.torques)
        columns = (rollout.torques, densities, normal, values + advantage)
        observed = rollout.observed.flatten(0, 1)
        torques, before, normal, targets = (column.flatten() for column in columns)
        return observed, torques, before, normal, targets

    def loss(self, batch: Frames) -> Tensor:
        """The joint loss of a minibatch; its parts are kept."""
        trial, model = self.trial, self.model
        observed, torques, before, advantage, targets = batch
        densities = model.log_density(observed, torques)
        actor = clipped_loss(densities, before, advantage, trial.clip_range)
        critic = mse_loss(model.value(observed), targets)
        joint = actor + trial.value_weight * critic
        if trial.entropy_weight:
            joint = joint - trial.entropy_weight * model.entropy()
        self.latest.append(Losses(actor.detach(), critic.detach()))
        return joint

    def seen(self, joint: Tensor) -> Tensor:
        """The loss that adaloss's rate sees instead of the joint one."""
        losses = self.latest[0]
        return losses.actor if self.trial.rate_sees == "actor" else losses.critic

    def check_finite(self, what: str, value: float) -> None:
        """Check a number that is no loss.

        Raises:
            DivergedError: it is not finite.
        """
        if not math.isfinite(value):
            reason = f"the {what} is {value}"
            raise DivergedError(epoch=self.epoch, step=self.step, loss=value, reason=reason)

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of everything that the rest of the trial depends on."""
        return self.steps.state_dict() | {
            "epoch": self.epoch,
            "order": self.order.get_state(),
            "episodes": self.episodes.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a snapshot; on a CPU the rest equals the original bit for bit."""
        self.steps.load_state_dict(state)
        self.episodes.load_state_dict(state["episodes"])
        self.order.set_state(state["order"])
        self.epoch = state["epoch"]
