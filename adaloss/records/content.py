"""Parse the content of records, and reject values that no trial can have written.

Records are JSON, checked against a schema. Nothing in them is executed or unpickled.
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

MOST_COUNTED = 2**63
LONGEST_NAME = 60
EARLIER_EPOCHS_KEPT = "the epochs before this line are used"


@dataclass(frozen=True, kw_only=True)
class History:
    """The recorded epochs in order up to the first unreadable line, and the problem there."""

    epochs: tuple[EpochMetrics, ...]
    problem: CorruptRecordError | None = None


def parsed_result(content: bytes, path: Path, trial: Trial) -> TrialResult:
    """The trial's result.

    Raises:
        CorruptRecordError: the content is not a result, or is the result of another trial.
    """
    try:
        result = TrialResult.model_validate_json(content)
    except ValidationError as error:
        raise CorruptRecordError(path, f"not a trial's result: {first_error(error)}") from error
    if result.trial_id != trial.trial_id:
        owner = shortened(result.trial_id, LONGEST_NAME)
        raise CorruptRecordError(path, f"the result of trial {owner}, not {trial.trial_id}")
    for mistake in mistakes_in_result(result, task_of(trial)):
        raise CorruptRecordError(path, f"not a trial's result: {mistake}")
    return result


def parsed_history(content: bytes, path: Path, trial: Trial) -> History:
    """The epochs of a ``metrics.jsonl``. A last line cut short by a crash is skipped."""
    task = task_of(trial)
    history: list[EpochMetrics] = []
    for number, line in enumerate(io.BytesIO(content), start=1):
        if not line.endswith(b"\n"):
            break
        try:
            history.append(parsed_epoch(line, task))
        except ValueError as error:
            why = first_error(error) if isinstance(error, ValidationError) else str(error)
            problem = CorruptRecordError(path, f"line {number}: {why}", EARLIER_EPOCHS_KEPT)
            return History(epochs=tuple(history), problem=problem)
    return History(epochs=tuple(history))


def parsed_epoch(line: bytes, task: Task) -> EpochMetrics:
    """One epoch's metrics.

    Raises:
        ValueError: the line is not a record of an epoch.
    """
    metrics = EpochMetrics.model_validate_json(line)
    for mistake in mistakes_in_epoch(metrics, task):
        raise ValueError(mistake)
    return metrics


def parsed_trial(content: bytes, path: Path) -> Trial:
    """The trial that a ``trial.json`` describes.

    Raises:
        CorruptRecordError: the content is not a trial, or its ``trial_id`` is of another trial.
    """
    try:
        fields = from_json(content)
        if not isinstance(fields, dict):
            raise TypeError("not a mapping")
        recorded_id = fields.pop("trial_id", None)
        trial = trial_from(fields)
    except (ValueError, TypeError) as error:
        why = first_error(error) if isinstance(error, ValidationError) else str(error)
        raise CorruptRecordError(path, f"not a trial: {why}") from error
    if recorded_id not in (None, trial.trial_id):
        raise CorruptRecordError(
            path, f"describes trial {trial.trial_id} with the id of another trial"
        )
    return trial


def mistakes_in_result(result: TrialResult, task: Task) -> Iterator[str]:
    """What no trial of this task can have recorded."""
    if not is_duration(result.seconds):
        yield "impossible seconds"
    if not is_count(result.epochs):
        yield "impossible epochs"
    if result.memory and not (is_count(result.memory.peak) and is_count(result.memory.total)):
        yield "impossible memory"
    if result.examples and not all(is_count(size) for _, size in result.examples):
        yield "impossible examples"
    for metrics in (result.last, result.best_val):
        if metrics is not None:
            yield from mistakes_in_epoch(metrics, task)


def mistakes_in_epoch(metrics: EpochMetrics, task: Task) -> Iterator[str]:
    """What no epoch of this task can have recorded. A program's may have any metrics."""
    if not is_count(metrics.epoch) or not is_count(metrics.step):
        yield "impossible epoch or step"
    if not is_duration(metrics.seconds):
        yield "impossible seconds"
    if task.is_program:
        return
    expected = {metric.name: metric for metric in task.metrics if metric is not SECONDS}
    for name in dict.fromkeys((*expected, *metrics.values)):
        if name not in metrics.values:
            yield f"the metric {name} is missing"
        elif name not in expected:
            yield f"unknown metric {shortened(name, LONGEST_NAME)}"
        elif metrics.values[name] is None and not expected[name].optional:
            yield f"the metric {name} is not a number"


def is_count(value: int) -> bool:
    """Whether the value is possible as a count."""
    return 0 <= value < MOST_COUNTED


def is_duration(seconds: float) -> bool:
    """Whether the value is possible as a duration."""
    return seconds >= 0 and math.isfinite(seconds)


def first_error(error: ValidationError) -> str:
    """The first of pydantic's errors, on one line."""
    details: Any = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(shortened(str(part), LONGEST_NAME) for part in details["loc"])
    return f"{where}: {details['msg']}" if where else details["msg"]
