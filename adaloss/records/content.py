"""What stands in a record's file: parsed, checked, and refused where no trial can have written it.

Nothing in a record is ever executed or unpickled: it is JSON, and checked against its schema.
"""

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from adaloss.records.file import CorruptRecordError
from adaloss.records.printable import shortened
from adaloss.records.result import EpochMetrics, TrialResult
from adaloss.tasks.metric import SECONDS
from adaloss.tasks.table import task_of, trial_from
from adaloss.tasks.task import Task
from adaloss.trial import Trial

LONGEST_COUNT = 2**63
LONGEST_NAME = 60
EPOCHS_BEFORE = "the epochs before it count"


@dataclass(frozen=True, kw_only=True)
class History:
    """The recorded epochs in order, up to what cannot be read, and what that is."""

    epochs: tuple[EpochMetrics, ...]
    problem: CorruptRecordError | None = None


def parsed_result(content: bytes, path: Path, trial: Trial) -> TrialResult:
    """The trial's result.

    Raises:
        CorruptRecordError: it is not one, or another trial's.
    """
    try:
        result = TrialResult.model_validate_json(content)
    except ValidationError as error:
        raise CorruptRecordError(path, f"not a trial's result: {first_error(error)}") from error
    if result.trial_id != trial.trial_id:
        owner = shortened(result.trial_id, LONGEST_NAME)
        raise CorruptRecordError(path, f"the result of trial {owner}, not {trial.trial_id}")
    for what in impossible(result, task_of(trial)):
        raise CorruptRecordError(path, f"not a trial's result: impossible {what}")
    return result


def parsed_history(content: bytes, path: Path, trial: Trial) -> History:
    """The epochs of a ``metrics.jsonl``; a last line cut short by a crash is not one."""
    task = task_of(trial)
    history: list[EpochMetrics] = []
    for number, line in enumerate(io.BytesIO(content), start=1):
        if not line.endswith(b"\n"):
            break
        try:
            history.append(parsed_epoch(line, task))
        except ValueError as error:
            why = first_error(error) if isinstance(error, ValidationError) else str(error)
            problem = CorruptRecordError(path, f"line {number}: {why}", EPOCHS_BEFORE)
            return History(epochs=tuple(history), problem=problem)
    return History(epochs=tuple(history))


def parsed_epoch(line: bytes, task: Task) -> EpochMetrics:
    """One epoch's metrics.

    Raises:
        ValueError: the line is not a record of an epoch.
    """
    metrics = EpochMetrics.model_validate_json(line)
    for what in impossible_epoch(metrics, task):
        raise ValueError(f"impossible {what}")
    return metrics


def parsed_trial(content: bytes, path: Path) -> Trial:
    """The trial that a ``trial.json`` describes.

    Raises:
        CorruptRecordError: it describes none, or not the one that it names.
    """
    try:
        fields = from_json(content)
        if not isinstance(fields, dict):
            raise TypeError("not a mapping")
        named = fields.pop("trial_id", None)
        trial = trial_from(fields)
    except (ValueError, TypeError) as error:
        why = first_error(error) if isinstance(error, ValidationError) else str(error)
        raise CorruptRecordError(path, f"not a trial: {why}") from error
    if named not in (None, trial.trial_id):
        raise CorruptRecordError(path, f"describes trial {trial.trial_id} under another's id")
    return trial


def impossible(result: TrialResult, task: Task) -> Iterator[str]:
    """The measurements that no trial can have made."""
    if not is_duration(result.seconds):
        yield "seconds"
    if not is_count(result.epochs):
        yield "epochs"
    if result.memory and not (is_count(result.memory.peak) and is_count(result.memory.total)):
        yield "memory"
    if result.examples and not all(is_count(size) for _, size in result.examples):
        yield "examples"
    for metrics in (result.last, result.best_val):
        if metrics is not None:
            yield from impossible_epoch(metrics, task)


def impossible_epoch(metrics: EpochMetrics, task: Task) -> Iterator[str]:
    """The same of one epoch."""
    if not is_count(metrics.epoch) or not is_count(metrics.step):
        yield "epoch or step"
    if not is_duration(metrics.seconds):
        yield "seconds"
    expected = {metric.name: metric for metric in task.metrics if metric is not SECONDS}
    for name in dict.fromkeys((*expected, *metrics.values)):
        if name not in metrics.values:
            yield f"epoch without {name}"
        elif name not in expected:
            yield f"metric {shortened(name, LONGEST_NAME)}"
        elif metrics.values[name] is None and not expected[name].optional:
            yield f"{name}: no number"


def is_count(value: int) -> bool:
    """Whether so many can have been counted."""
    return 0 <= value < LONGEST_COUNT


def is_duration(seconds: float) -> bool:
    """Whether something can have taken so long."""
    return seconds >= 0 and math.isfinite(seconds)


def first_error(error: ValidationError) -> str:
    """The first of pydantic's complaints on one line."""
    details: Any = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(shortened(str(part), LONGEST_NAME) for part in details["loc"])
    return f"{where}: {details['msg']}" if where else details["msg"]
