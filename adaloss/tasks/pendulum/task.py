"""Swinging a pendulum up as a task."""

from adaloss.tasks.metric import EFFECTIVE_LR, B
from adaloss.tasks.pendulum.fields import PendulumTrial
from adaloss.tasks.pendulum.metrics import (
    CRITIC_LOSS,
    JOINT_LOSS,
    PENDULUM_METRICS,
    RETURN,
    TRAIN_RETURN,
)
from adaloss.tasks.task import Task, TaskCode


def load_code() -> TaskCode[PendulumTrial]:
    """Import torch and what trains."""
    from adaloss.tasks.pendulum.code import CODE

    return CODE


PENDULUM: Task = Task(
    name="pendulum",
    fields=PendulumTrial,
    metrics=PENDULUM_METRICS,
    objective=JOINT_LOSS.name,
    reported=RETURN.name,
    chosen_by=None,
    curves=(RETURN.name, TRAIN_RETURN.name, CRITIC_LOSS.name, EFFECTIVE_LR.name, B.name),
    load=load_code,
)
