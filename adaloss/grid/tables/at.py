"""The epoch of a number: the last, the best on validation, the N-th, or the first at a target."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from adaloss.tasks.metric import Metric
from adaloss.tasks.metrics import LOGGED, METRICS
from adaloss.tasks.task import Task

TASK = "task"
"""The key of the task in the context of a validation; without it, a metric may be of any task."""

LAST, BEST_VAL = "last", "best_val"
EPOCH = re.compile(r"epoch ([1-9][0-9]{0,8})")
REACH = re.compile(r"reach (\S+) (\S+)")
ANY_REACH = re.compile(r"reach (\S|\S.*\S) (\S+)")
"""Also of a metric whose name has blanks, which a program may have."""
AT_PATTERN = rf"^({LAST}|{BEST_VAL}|{EPOCH.pattern}|{REACH.pattern})$"
NEEDS_TARGET = "is counted until a target is reached: write at: {reach: {METRIC: NUMBER}}"
FORMS = "last, best_val, epoch N or {reach: {METRIC: NUMBER}}"


@dataclass(frozen=True)
class Reach:
    """The first epoch at which a metric is at least the target, or at most where less is better.

    ``task`` says what the metric is; None for one of the tables of all tasks.
    """

    metric: str
    target: float
    task: Task | None = field(default=None, repr=False, compare=False)

    @property
    def about(self) -> Metric:
        """What the task says about the metric."""
        return about_metric(self.metric, self.task)

    @property
    def at(self) -> str:
        """``reach val/top1 95``."""
        target = self.target
        return f"reach {self.metric} {int(target) if target.is_integer() else target!r}"

    @property
    def words(self) -> str:
        """``validation top-1 accuracy ≥ 95 %``."""
        about = self.about
        sign = "≤" if about.goal == "minimize" else "≥"
        return " ".join(filter(None, (about.words, sign, f"{self.target:g}", about.unit)))


def about_metric(name: str, task: Task | None = None) -> Metric:
    """What the task says about a metric; without a task, what the tables of all tasks say.

    A name that is in none of them is that of a metric of which nothing is known.
    """
    if task is not None and task.is_program:
        return task.metric(name)
    return METRICS[name] if name in METRICS else Metric(name=name, words=name)


def valid_at(value: Any, task: Task | None = None) -> Any:
    """The epoch as text: ``last``, ``best_val``, ``epoch N`` or ``reach METRIC NUMBER``.

    The metrics of ``task`` may be reached, without it those of every task.
    """
    form = ANY_REACH if task is not None and task.is_program else REACH
    if isinstance(value, Mapping) and set(value) == {"reach"}:
        inner = value["reach"]
        if isinstance(inner, Mapping) and len(inner) == 1:
            ((metric, target),) = inner.items()
            return reach(metric, target, task).at
    elif isinstance(value, str) and (match := form.fullmatch(value)):
        return reach(match[1], match[2], task).at
    elif value in (LAST, BEST_VAL) or (isinstance(value, str) and EPOCH.fullmatch(value)):
        return value
    raise PydanticCustomError("expected", "{expected}", {"expected": FORMS})


def reach(metric: Any, target: Any, task: Task | None = None) -> Reach:
    """The target as given in a grid or on a command line."""
    names = LOGGED if task is None else task.metric_names
    metrics = (about_metric(name, task) for name in names)
    known = [about.name for about in metrics if about.goal and not about.timed]
    if metric not in known:
        there_are = f"; there are {', '.join(known)}" if known else ""
        raise refused(f"has no metric {metric!r} to reach{there_are}")
    try:
        number = math.nan if isinstance(target, bool) else float(target)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise refused(f"needs a number that {metric} reaches, not {target!r}")
    if about_metric(metric, task).is_percentage and not 0 <= number <= 100:
        raise refused(f"has a target of {number:g} % for {metric}")
    return Reach(metric, number, task)


def refused(reason: str) -> PydanticCustomError:
    """A mistake with its own sentence."""
    return PydanticCustomError("rejected", "{reason}", {"reason": reason})


def epoch_of(at: str) -> int | None:
    """The N of ``epoch N``, or None."""
    match = EPOCH.fullmatch(at)
    return int(match[1]) if match else None


def reach_of(at: str, task: Task | None = None) -> Reach | None:
    """The target of ``reach METRIC NUMBER``, or None."""
    match = ANY_REACH.fullmatch(at)
    return Reach(match[1], float(match[2]), task) if match else None


def at_words(at: str, task: Task | None = None) -> str:
    """When this is, as the end of a sentence."""
    epoch = "epoch" if task is None else task.epoch_word
    if target := reach_of(at, task):
        return f"at the first {epoch} with {target.words}"
    number = epoch_of(at)
    words = {
        LAST: f"after the last {epoch}",
        BEST_VAL: "at the epoch with the best validation accuracy",
    }
    return words.get(at, f"after {at if number is None else f'{epoch} {number}'}")


def at_in(value: Any, info: ValidationInfo) -> Any:
    """The epoch of a table of the task in the context."""
    task = (info.context or {}).get(TASK)
    return valid_at(value, task if isinstance(task, Task) else None)


At = Annotated[str, BeforeValidator(at_in)]
"""The epoch of a number, as text."""
