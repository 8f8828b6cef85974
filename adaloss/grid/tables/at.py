"""The epoch of a number: the last, the best on validation, the N-th, or the first at a target."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from adaloss.tasks.metrics import LOGGED, METRICS

LAST, BEST_VAL = "last", "best_val"
EPOCH = re.compile(r"epoch ([1-9][0-9]{0,8})")
REACH = re.compile(r"reach (\S+) (\S+)")
AT_PATTERN = rf"^({LAST}|{BEST_VAL}|{EPOCH.pattern}|{REACH.pattern})$"
NEEDS_TARGET = "is counted until a target is reached: write at: {reach: {METRIC: NUMBER}}"
FORMS = "last, best_val, epoch N or {reach: {METRIC: NUMBER}}"


@dataclass(frozen=True)
class Reach:
    """The first epoch at which a metric is at least the target, or at most where less is better."""

    metric: str
    target: float

    @property
    def at(self) -> str:
        """``reach val/top1 95``."""
        target = self.target
        return f"reach {self.metric} {int(target) if target.is_integer() else target!r}"

    @property
    def words(self) -> str:
        """``validation top-1 accuracy ≥ 95 %``."""
        metric = METRICS[self.metric]
        sign = "≤" if metric.goal == "minimize" else "≥"
        return " ".join(filter(None, (metric.words, sign, f"{self.target:g}", metric.unit)))


def valid_at(value: Any, metrics: Sequence[str] = tuple(LOGGED)) -> Any:
    """The epoch as text: ``last``, ``best_val``, ``epoch N`` or ``reach METRIC NUMBER``.

    ``metrics`` are those that may be reached.
    """
    if isinstance(value, Mapping) and set(value) == {"reach"}:
        inner = value["reach"]
        if isinstance(inner, Mapping) and len(inner) == 1:
            ((metric, target),) = inner.items()
            return reach(metric, target, metrics).at
    elif isinstance(value, str) and (match := REACH.fullmatch(value)):
        return reach(match[1], match[2], metrics).at
    elif value in (LAST, BEST_VAL) or (isinstance(value, str) and EPOCH.fullmatch(value)):
        return value
    raise PydanticCustomError("expected", "{expected}", {"expected": FORMS})


def reach(metric: Any, target: Any, metrics: Sequence[str] = tuple(LOGGED)) -> Reach:
    """The target as given in a grid or on a command line."""
    known = [name for name in metrics if LOGGED[name].goal and not LOGGED[name].timed]
    if metric not in known:
        raise refused(f"has no metric {metric!r} to reach; there are {', '.join(known)}")
    try:
        number = math.nan if isinstance(target, bool) else float(target)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise refused(f"needs a number that {metric} reaches, not {target!r}")
    if LOGGED[metric].is_percentage and not 0 <= number <= 100:
        raise refused(f"has a target of {number:g} % for {metric}")
    return Reach(metric, number)


def refused(reason: str) -> PydanticCustomError:
    """A mistake with its own sentence."""
    return PydanticCustomError("rejected", "{reason}", {"reason": reason})


def epoch_of(at: str) -> int | None:
    """The N of ``epoch N``, or None."""
    match = EPOCH.fullmatch(at)
    return int(match[1]) if match else None


def reach_of(at: str) -> Reach | None:
    """The target of ``reach METRIC NUMBER``, or None."""
    match = REACH.fullmatch(at)
    return Reach(match[1], float(match[2])) if match else None


def at_words(at: str) -> str:
    """When this is, as the end of a sentence."""
    if target := reach_of(at):
        return f"at the first epoch with {target.words}"
    words = {
        LAST: "after the last epoch",
        BEST_VAL: "at the epoch with the best validation accuracy",
    }
    return words.get(at, f"after {at}")


At = Annotated[str, BeforeValidator(lambda value: valid_at(value))]
"""The epoch of a number, as text."""
