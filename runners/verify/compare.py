"""Hold what a trial gives now against what is on record: the first difference, and why it may be.

Between runs on a processor everything must agree bit for bit, and so it must between runs on a GPU
with ``deterministic: true``. Otherwise a GPU adds in another order each time, and the numbers agree
when they are about the same.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from adaloss.own_code.fingerprints import difference
from adaloss.records.result import (
    EpochMetrics,
    Fingerprint,
    Provenance,
    TrialResult,
    TrialState,
)
from adaloss.tasks.metrics import METRICS, numbers
from adaloss.tasks.task import Task

# How far numbers of two runs on a GPU may be apart. Losses and rates in parts of the larger one;
# of losses that are next to nothing, parts say little: nats. Accuracies in percentage points.
RELATIVE_TOLERANCE = 0.05
LOSS_TOLERANCE = 0.01
ACCURACY_TOLERANCE = 2.0
TOLERANCE = (
    f"on a GPU without deterministic: true, the same is: losses within {RELATIVE_TOLERANCE:.0%} or "
    f"{LOSS_TOLERANCE:g} nats, b and effective_lr within {RELATIVE_TOLERANCE:.0%}, accuracies "
    f"within {ACCURACY_TOLERANCE:g} percentage points, and the same end in the same epoch"
)

Agree = Callable[[str, Any, Any], bool]


@dataclass(frozen=True, kw_only=True)
class Records:
    """What a finished trial has left: its epochs and its end."""

    history: tuple[EpochMetrics, ...]
    result: TrialResult


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A value on record and the one that came out now; ``epoch`` None is the trial's end."""

    epoch: int | None
    field: str
    recorded: Any
    now: Any


@dataclass(frozen=True, kw_only=True)
class Change:
    """Something that is not as it was when the record was made."""

    what: str
    recorded: str
    now: str


def identical(field: str, recorded: Any, now: Any) -> bool:
    """Whether two values are the same to the last bit; NaN is NaN."""
    # Of floats, repr is exact, and tells -0.0 from 0.0.
    return repr(recorded) == repr(now)


def about_equal(field: str, recorded: Any, now: Any) -> bool:
    """Whether two values are as near as those of two runs on a GPU are to be."""
    if identical(field, recorded, now):
        return True
    if not (isinstance(recorded, float) and isinstance(now, float)):
        return False
    metric = METRICS.get(field)
    if metric is not None and metric.is_percentage:
        return abs(recorded - now) <= ACCURACY_TOLERANCE
    least = LOSS_TOLERANCE if metric is not None and metric.goal == "minimize" else 0.0
    return math.isclose(recorded, now, rel_tol=RELATIVE_TOLERANCE, abs_tol=least)


def first_difference(
    recorded: Records, now: Records, task: Task, *, bits: bool
) -> Difference | None:
    """Where the two first disagree, epoch by epoch and then at the end; None where nowhere.

    ``bits`` False lets numbers differ by what is usual on a GPU.
    """
    agree = identical if bits else about_equal
    found = (
        *differing_epochs(recorded.history, now.history, agree),
        *differing_ends(recorded.result, now.result, bits=bits),
        *inconsistencies(recorded, task),
    )
    return found[0] if found else None


def differing_epochs(
    recorded: tuple[EpochMetrics, ...], now: tuple[EpochMetrics, ...], agree: Agree
) -> Iterator[Difference]:
    """The numbers that disagree in the epochs that both have."""
    # How many there are is a matter of how the trial ended.
    for before, after in zip(recorded, now, strict=False):
        yield from differing_numbers(after.epoch, "", numbers(before), numbers(after), agree)


def inconsistencies(recorded: Records, task: Task) -> Iterator[Difference]:
    """Where ``result.json`` does not repeat what ``metrics.jsonl`` says, which it must exactly."""
    history, result = recorded.history, recorded.result
    if len(history) != result.epochs:
        counted = "epochs in metrics.jsonl"
        yield Difference(epoch=None, field=counted, recorded=len(history), now=result.epochs)
    last = history[-1] if history else None
    for name, stated, meant in (
        ("last", result.last, last),
        ("best_val", result.best_val, task.best_epoch(history)),
    ):
        before, after = (numbers(metrics) if metrics else {} for metrics in (stated, meant))
        yield from differing_numbers(None, f"{name} ", before, after, identical)


def differing_ends(recorded: TrialResult, now: TrialResult, *, bits: bool) -> Iterator[Difference]:
    """How the trial ended: state, epochs and where the loss left its range."""
    before, after = (end_of(result, bits=bits) for result in (recorded, now))
    yield from differing_numbers(None, "", before, after, identical)


def end_of(result: TrialResult, *, bits: bool) -> dict[str, Any]:
    """What of the end must be the same; the step and loss of a divergence only to the bit."""
    end: dict[str, Any] = {"state": result.state.value, "epochs": result.epochs}
    if result.state is TrialState.FAILED and result.failure is not None:
        end["state"] = f"failed ({result.failure.kind}: {result.failure.message})"
    if result.divergence is not None:
        end["divergence epoch"] = result.divergence.epoch
        if bits:
            end["divergence step"] = result.divergence.step
            end["divergence loss"] = result.divergence.loss
    return end


def differing_numbers(
    epoch: int | None, prefix: str, recorded: dict[str, Any], now: dict[str, Any], agree: Agree
) -> Iterator[Difference]:
    """The fields in which the two disagree, in their order."""
    for field in dict.fromkeys((*recorded, *now)):
        before, after = recorded.get(field), now.get(field)
        if not agree(field, before, after):
            yield Difference(epoch=epoch, field=f"{prefix}{field}", recorded=before, now=after)


def changes(recorded: Provenance | None, now: Provenance) -> tuple[Change, ...]:
    """What was another code, Python, package or machine when the record was made."""
    if recorded is None:
        return (Change(what="provenance", recorded="not recorded", now=now.code_version),)
    before, after = (described(provenance) for provenance in (recorded, now))
    return tuple(
        Change(what=what, recorded=before.get(what, "none"), now=after.get(what, "none"))
        for what in dict.fromkeys((*before, *after))
        if before.get(what) != after.get(what)
    )


def own_code_changes(recorded: Fingerprint | None, now: Fingerprint | None) -> tuple[Change, ...]:
    """What of the user's own was another when the record was made."""
    if now is None:
        return ()
    found = []
    for field in Fingerprint.model_fields:
        before, after = recorded.of(field) if recorded else None, now.of(field)
        if after is None:
            continue
        what = "not recorded" if before is None else ", ".join(difference(before, after))
        if what:
            found.append(Change(what=f"your own {field}", recorded=what, now="as it is here"))
    return tuple(found)


def described(provenance: Provenance) -> dict[str, str]:
    """What made a result, by the name that a person gives it."""
    return {
        "code version": provenance.code_version,
        "Python": provenance.python,
        **provenance.packages,
        "platform": provenance.platform,
        "device": provenance.device,
        "threads": str(provenance.threads),
    }
