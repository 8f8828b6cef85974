"""Roll-outs of a policy: with noise for training, and greedy for evaluation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from adaloss.tasks.pendulum.dynamics import EPISODE_STEPS, Floats, Marks, Pendulums
from adaloss.tasks.pendulum.networks import ActorCritic


@dataclass(frozen=True, kw_only=True, eq=False)
class Rollout:
    """Frames of a policy, as arrays of steps × copies; observations are steps × copies × 3.

    ``observed`` is what the policy saw and ``then_observed`` what its torque led to. ``ends`` says
    after which steps a new episode began. ``returns`` are those of the episodes that ended.
    """

    observed: Tensor
    then_observed: Tensor
    torques: Tensor
    rewards: Floats
    ends: Marks
    returns: Floats


class Episodes:
    """Episodes in progress, one for each copy, which begin and end together.

    They go on from one roll-out to the next. ``steps`` counts those of the episode, ``sums`` has
    the rewards of each copy since its beginning.
    """

    def __init__(self, copies: int, starts: torch.Generator, noise: torch.Generator) -> None:
        self.copies = copies
        self.starts = starts
        self.noise = noise
        self.begin()

    def begin(self) -> None:
        """Begin new episodes."""
        self.pendulums = Pendulums.started(self.copies, self.starts)
        self.steps = 0
        self.sums = np.zeros(self.copies)

    @torch.no_grad()
    def rollout(self, model: ActorCritic, steps: int, device: torch.device) -> Rollout:
        """So many time steps of each copy with torques that are drawn from the policy."""
        draws = torch.randn(steps, self.copies, generator=self.noise).to(device)
        noise = model.log_std.exp() * draws
        observed, then_observed, torques, rewards, ends, returns = [], [], [], [], [], []
        for step in range(steps):
            seen = self.pendulums.observed()
            torque = model.mean(on(device, seen)) + noise[step]
            self.pendulums, reward = self.pendulums.pushed(torque.double().cpu().numpy())
            self.steps += 1
            self.sums = self.sums + reward
            ended = self.steps == EPISODE_STEPS
            observed.append(seen)
            then_observed.append(self.pendulums.observed())
            torques.append(torque)
            rewards.append(reward)
            ends.append(ended)
            if ended:
                returns.append(self.sums)
                self.begin()
        return Rollout(
            observed=on(device, np.stack(observed)),
            then_observed=on(device, np.stack(then_observed)),
            torques=torch.stack(torques),
            rewards=np.stack(rewards),
            ends=np.broadcast_to(np.array(ends)[:, None], (steps, self.copies)),
            returns=np.concatenate(returns) if returns else np.zeros(0),
        )

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next roll-outs depend on besides the policy."""
        return {
            "starts": self.starts.get_state(),
            "noise": self.noise.get_state(),
            # Lists: checkpoints have no arrays of NumPy.
            "angle": self.pendulums.angle.tolist(),
            "speed": self.pendulums.speed.tolist(),
            "sums": self.sums.tolist(),
            "steps": self.steps,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what ``state_dict`` returned."""
        self.starts.set_state(state["starts"])
        self.noise.set_state(state["noise"])
        self.pendulums = Pendulums(np.array(state["angle"]), np.array(state["speed"]))
        self.sums = np.array(state["sums"])
        self.steps = state["steps"]


@torch.no_grad()
def greedy_returns(model: ActorCritic, pendulums: Pendulums, device: torch.device) -> Floats:
    """The return of an episode from each of these starts, with the policy's mean torque."""
    sums = np.zeros(len(pendulums.angle))
    for _ in range(EPISODE_STEPS):
        torque = model.mean(on(device, pendulums.observed()))
        pendulums, reward = pendulums.pushed(torque.double().cpu().numpy())
        sums += reward
    return sums


def on(device: torch.device, observed: Floats) -> Tensor:
    """Observations as the networks take them."""
    return torch.from_numpy(observed.astype(np.float32)).to(device)
