"""Select trials of a sweep from the command line."""

import re
from collections.abc import Sequence
from typing import Any

from adaloss.errors import UserError
from adaloss.grid.mistakes.problems import suggestion
from adaloss.grid.points.filter import field_value
from adaloss.grid.sweep import only
from adaloss.tasks.program.fields import ProgramTrial
from adaloss.tasks.table import common_task
from adaloss.tasks.task import Task
from adaloss.trial import Trial

# A comma before field=, because a program's value may have commas.
BETWEEN_FIELDS = re.compile(r",(?=[^,=]*=|\s*$|\s*,)")


class SelectionError(UserError):
    """The command line names trials that do not exist; the message says which do."""


def select(trials: tuple[Trial, ...], items: Sequence[str]) -> tuple[Trial, ...]:
    """The trials that ``--only`` items such as ``b0=1,optimizer=adaloss`` select.

    A repeated field allows several values.

    Raises:
        SelectionError: an item has another form, or names no field or value of these trials.
    """
    return matching(trials, items, "--only")


def leave_out(trials: tuple[Trial, ...], items: Sequence[str]) -> tuple[Trial, ...]:
    """The trials without those that have all the values of an ``--exclude`` item.

    Raises:
        SelectionError: as :func:`select`, or nothing is left.
    """
    excluded = {
        id(trial) for item in items for trial in matching(trials, [item], "--exclude") if item
    }
    kept = tuple(trial for trial in trials if id(trial) not in excluded)
    if not kept:
        raise SelectionError("--exclude excludes every trial")
    return kept


def in_words(only: Sequence[str], exclude: Sequence[str]) -> str:
    """The selected part of a sweep, for titles; empty for all of it."""
    parts = [f"only {', '.join(only)}"] if only else []
    return "; ".join((*parts, *(f"without {item}" for item in exclude)))


def matching(trials: tuple[Trial, ...], items: Sequence[str], option: str) -> tuple[Trial, ...]:
    """The trials that have the values in the option's items."""
    filters: dict[str, str] = {}
    for item in BETWEEN_FIELDS.split(",".join(items)):
        if not item.strip():
            continue
        field, equals, value = item.partition("=")
        if not equals:
            raise SelectionError(f"{option} {item}: write field=value, such as b0=1")
        name = field.strip()
        filters[name] = f"{filters[name]}|{value}" if name in filters else value
    if not filters:
        return trials
    try:
        return only(trials, filters)
    except ValueError as error:
        raise SelectionError(f"{option}: {error}") from error


def find_trial(trials: Sequence[Trial], name: str) -> Trial:
    """The trial whose id or readable name is ``name``, or is the only one that starts with it.

    Raises:
        SelectionError: there is no such trial, or more than one.
    """
    found = {
        trial.trial_id: trial
        for trial in trials
        if trial.trial_id.startswith(name) or trial.readable_name.startswith(name)
    }
    exact = {key: trial for key, trial in found.items() if name in (key, trial.readable_name)}
    found = exact or found
    if len(found) == 1:
        (trial,) = found.values()
        return trial
    if not found:
        raise SelectionError(
            f"no trial's id or name starts with {name!r}; `status --json` lists the ids, and a "
            f"name looks like {trials[0].readable_name}"
        )
    examples = ", ".join(f"{trial.readable_name} ({key})" for key, trial in list(found.items())[:3])
    raise SelectionError(
        f"{len(found)} trials start with {name!r}: {examples}, …; write a longer part"
    )


def smoke_trials(trials: Sequence[Trial], settings: Sequence[str]) -> tuple[Trial, ...]:
    """One seed of every cell, for one epoch of two batches, with changed values.

    ``settings`` are items such as ``pretrained=false``.

    Raises:
        SelectionError: a setting names no field of a trial, or an invalid value.
    """
    seed = trials[0].seed
    task = common_task(trials)
    values = dict(setting(item, task) for item in settings)
    return tuple(in_small(trial, values) for trial in trials if trial.seed == seed)


def in_small(trial: Trial, values: dict[str, Any]) -> Trial:
    """The trial with these values, for one short epoch."""
    if isinstance(trial, ProgramTrial):
        # How a program is made short, its author knows: --set epochs=1.
        return trial.with_values(values)
    return trial.model_copy(update={"epochs": 1} | values).made_small()


def setting(item: str, task: Task) -> tuple[str, Any]:
    """The field and the value of ``field=value``, in the notation of a grid."""
    name, equals, text = (part.strip() for part in item.partition("="))
    if not equals:
        raise SelectionError(f"--set {item}: write field=value, such as pretrained=false")
    if name not in task.field_names:
        raise SelectionError(f"--set {item}: unknown field{suggestion(name, task.field_names)}")
    try:
        return name, field_value(name, text, task)
    except ValueError as error:
        raise SelectionError(f"--set {item}: {error}") from error
