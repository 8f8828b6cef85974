"""What proximal policy optimization minimises: advantages, and the losses of actor and critic."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from adaloss.tasks.pendulum.dynamics import Floats, Marks


def advantages(
    rewards: Floats,
    values: Floats,
    next_values: Floats,
    ends: Marks,
    *,
    gamma: float,
    gae_lambda: float,
) -> Floats:
    """Generalized advantage estimation (Schulman et al., 2016); all arrays are steps × copies.

    ``next_values`` are those of what was observed after each step, before a new episode begins:
    the limit of an episode is not its end, so the value stands for the rewards after it. ``ends``
    says after which steps the sums stop.
    """
    errors = rewards + gamma * next_values - values
    factors = gamma * gae_lambda * ~ends
    sums = np.empty_like(errors)
    following = np.zeros_like(errors[0])
    for step in reversed(range(len(errors))):
        following = sums[step] = errors[step] + factors[step] * following
    return sums


@dataclass(frozen=True, eq=False)
class Losses:
    """The losses of a minibatch, without their graphs."""

    actor: Tensor
    critic: Tensor


def clipped_loss(
    log_densities: Tensor, before: Tensor, advantages: Tensor, clip_range: float
) -> Tensor:
    """The clipped loss of the actor (Schulman et al., 2017, equation 7, with its sign).

    ``before`` are the logarithms of the densities when the torques were drawn.
    """
    ratio = (log_densities - before).exp()
    clipped = ratio.clamp(1 - clip_range, 1 + clip_range)
    return -(ratio * advantages).minimum(clipped * advantages).mean()
