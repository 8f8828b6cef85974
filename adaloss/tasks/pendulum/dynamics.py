"""Inverted pendulums, many at once: the dynamics of Gymnasium's Pendulum-v1, in float64."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Marks = NDArray[np.bool_]

GRAVITY = 10.0
MASS = 1.0
LENGTH = 1.0
TIME_STEP = 0.05
MOST_TORQUE = 2.0
MOST_SPEED = 8.0
EPISODE_STEPS = 200
"""An episode has no end but this limit, at which the pendulum could go on."""


@dataclass(frozen=True, eq=False)
class Pendulums:
    """``angle`` (0 is upright, not limited to a turn) and ``speed`` of each pendulum."""

    angle: Floats
    speed: Floats

    @classmethod
    def started(cls, count: int, generator: torch.Generator) -> Self:
        """Pendulums with an angle from [-π, π] and a speed from [-1, 1], both uniform."""
        draws = torch.rand(2, count, generator=generator, dtype=torch.float64).numpy()
        angle, speed = 2 * draws - 1
        return cls(np.pi * angle, speed)

    def observed(self) -> Floats:
        """What the networks see: cosine and sine of the angle, and the speed; count × 3."""
        return np.stack((np.cos(self.angle), np.sin(self.angle), self.speed), axis=1)

    def pushed(self, torque: Floats) -> tuple[Self, Floats]:
        """The pendulums a time step later, and the rewards of that step."""
        torque = np.clip(torque, -MOST_TORQUE, MOST_TORQUE)
        from_upright = (self.angle + np.pi) % (2 * np.pi) - np.pi
        rewards = -(from_upright**2 + 0.1 * self.speed**2 + 0.001 * torque**2)
        weight = 3 * GRAVITY / (2 * LENGTH) * np.sin(self.angle)
        push = 3 / (MASS * LENGTH**2) * torque
        speed = self.speed + (weight + push) * TIME_STEP
        speed = np.clip(speed, -MOST_SPEED, MOST_SPEED)
        return type(self)(self.angle + speed * TIME_STEP, speed), rewards
