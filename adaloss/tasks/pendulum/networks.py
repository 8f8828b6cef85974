"""The networks of actor and critic, and the density of the actor's Gaussian policy."""

import math

import torch
from torch import Tensor, nn

OBSERVED = 3
HALF_LOG_2PI = math.log(2 * math.pi) / 2


class ActorCritic(nn.Module):
    """Two networks of their own: the actor's mean torque, and the critic's value.

    The policy is Gaussian, and its standard deviation is one parameter, whatever is observed.
    """

    def __init__(self, hidden: int, initial_log_std: float, generator: torch.Generator) -> None:
        super().__init__()
        # A small last layer of the actor: at first the policy hardly depends on what is observed.
        self.actor = layers(hidden, 0.01, generator)
        self.critic = layers(hidden, 1.0, generator)
        self.log_std = nn.Parameter(torch.tensor(initial_log_std))

    def mean(self, observations: Tensor) -> Tensor:
        """The mean torque for each observation."""
        mean: Tensor = self.actor(observations).squeeze(-1)
        return mean

    def value(self, observations: Tensor) -> Tensor:
        """The critic's estimate of the discounted rewards after each observation."""
        value: Tensor = self.critic(observations).squeeze(-1)
        return value

    def log_density(self, observations: Tensor, torques: Tensor) -> Tensor:
        """The logarithm of the policy's density at the torques."""
        distance = (torques - self.mean(observations)) * (-self.log_std).exp()
        return -distance.square() / 2 - self.log_std - HALF_LOG_2PI

    def entropy(self) -> Tensor:
        """The entropy of the policy, which is the same for every observation."""
        return self.log_std + HALF_LOG_2PI + 0.5


def layers(hidden: int, last: float, generator: torch.Generator) -> nn.Sequential:
    """Two hidden layers with tanh; orthogonal weights, those of the last layer scaled."""
    sizes = ((OBSERVED, hidden, math.sqrt(2)), (hidden, hidden, math.sqrt(2)), (hidden, 1, last))
    first, second, third = (linear(*size, generator) for size in sizes)
    return nn.Sequential(first, nn.Tanh(), second, nn.Tanh(), third)


def linear(inputs: int, outputs: int, gain: float, generator: torch.Generator) -> nn.Linear:
    """A layer with orthogonal weights of this gain and no bias at first."""
    # The constructor alone would draw from the global generator.
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, inputs, outputs)
    nn.init.orthogonal_(layer.weight, gain, generator)
    nn.init.zeros_(layer.bias)
    return layer
