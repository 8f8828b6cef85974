"""How a trial that swings a pendulum up starts: it reads no data."""

from adaloss.records.places import Places
from adaloss.tasks.drawn import DrawnCode
from adaloss.tasks.pendulum.fields import PendulumTrial
from adaloss.tasks.pendulum.training import SwingUp


def no_problem(trial: PendulumTrial, device: str) -> None:
    """What a trial starts from is drawn as it goes."""


def swing_up(trial: PendulumTrial, problem: None, places: Places, device: str) -> SwingUp:
    """The trial at its beginning."""
    return SwingUp(trial, places, device)


CODE = DrawnCode(no_problem, swing_up)
