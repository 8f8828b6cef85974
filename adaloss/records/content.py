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
from adaloss.trial import Trial

MOST_COUNTED = 2**63
LONGEST_NAME = 60
EARLIER_EPOCHS_KEPT = "the epochs before this line are used"


@dataclass(frozen=True, kw_only=True)
class History:
    """The recorded epochs in order up to the first unreadable line, and the problem there."""

    epochs: tuple[EpochMetrics, ...]
    problem: CorruptRecordError | None = None


def parsed_result(content: bytes, path: Path, trial_id: str) -> TrialResult:
    """The trial's result.

    Raises:
        CorruptRecordError: the content is not a result, or is the result of another trial.
    """
    try:
        result = TrialResult.model_validate_json(content)
    except ValidationError as error:
        raise CorruptRecordError(path, f"not a trial's result: {first_error(error)}") from error
    if result.trial_id != trial_id:
        owner = shortened(result.trial_id, LONGEST_NAME)
        raise CorruptRecordError(path, f"the result of trial {owner}, not {trial_id}")
    for field in impossible_fields(result):
        raise CorruptRecordError(path, f"not a trial's result: impossible {field}")
    return result


def parsed_history(content: bytes, path: Path) -> History:
    """The epochs of a ``metrics.jsonl``. A last line cut short by a crash is skipped."""
    history: list[EpochMetrics] = []
    for number, line in enumerate(io.BytesIO(content), start=1):
        if not line.endswith(b"\n"):
            break
        try:
            history.append(parsed_epoch(line))
        except ValueError as error:
            why = first_error(error) if isinstance(error, ValidationError) else str(error)
            problem = CorruptRecordError(path, f"line {number}: {why}", EARLIER_EPOCHS_KEPT)
            return History(epochs=tuple(history), problem=problem)
    return History(epochs=tuple(history))


def parsed_epoch(line: bytes) -> EpochMetrics:
    """One epoch's metrics.

    Raises:
        ValueError: the line is not a record of an epoch.
    """
    metrics = EpochMetrics.model_validate_json(line)
    for field in impossible_epoch_fields(metrics):
        raise ValueError(f"impossible {field}")
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
        trial = Trial.model_validate(fields)
    except (ValueError, TypeError) as error:
        why = first_error(error) if isinstance(error, ValidationError) else str(error)
        raise CorruptRecordError(path, f"not a trial: {why}") from error
    if recorded_id not in (None, trial.trial_id):
        raise CorruptRecordError(
            path, f"describes trial {trial.trial_id} with the id of another trial"
        )
    return trial


def impossible_fields(result: TrialResult) -> Iterator[str]:
    """The fields with a value that no trial can have measured."""
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
            yield from impossible_epoch_fields(metrics)


def impossible_epoch_fields(metrics: EpochMetrics) -> Iterator[str]:
    """The fields of an epoch with a value that no trial can have measured."""
    if not is_count(metrics.epoch) or not is_count(metrics.step):
        yield "epoch or step"
    if not is_duration(metrics.seconds):
        yield "seconds"


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
