"""The user's own program as a task."""

from collections.abc import Iterable
from dataclasses import replace

from adaloss.tasks.metric import OF_REPORTS, SECONDS, Goal, any_metric
from adaloss.tasks.program.fields import PROGRAM_TASK, ProgramTrial, columns
from adaloss.tasks.task import Task, TaskCode


def load_code() -> TaskCode[ProgramTrial]:
    """Import what starts programs."""
    from adaloss.tasks.program.code import CODE

    return CODE


PROGRAM: Task = Task(
    name=PROGRAM_TASK,
    fields=ProgramTrial,
    metrics=(SECONDS,),
    objective="",
    reported="",
    chosen_by=None,
    curves=(),
    load=load_code,
    parameters=(),
)


def program_task(parameters: Iterable[str], metric: str, diverges_by: str | None = None) -> Task:
    """The task of a program with these parameters, whose tables show this metric."""
    return replace(
        PROGRAM,
        parameters=columns(parameters),
        reported=metric,
        objective=diverges_by or metric,
        curves=tuple(dict.fromkeys(filter(None, (metric, diverges_by)))),
    )


def aimed(task: Task, metric: str, goal: Goal | None) -> Task:
    """The task of a program with what a grid says about its metric; another task as it is.

    The other tasks know their metrics themselves.
    """
    if not task.is_program or not metric or metric in (about.name for about in OF_REPORTS):
        return task
    diverges_by = task.objective if task.objective != task.reported else metric
    return replace(
        task,
        metrics=(any_metric(metric, goal), *PROGRAM.metrics),
        reported=metric,
        objective=diverges_by or metric,
        curves=tuple(dict.fromkeys((metric, *filter(None, (diverges_by,))))),
    )
