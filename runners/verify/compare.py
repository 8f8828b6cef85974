"""Compare a repeated trial with its records: the first difference, and possible reasons.

Two runs on a processor must agree bit for bit, and so must two runs on a GPU with
``deterministic: true``. Other runs on a GPU add in a different order each time, so their numbers
agree if they are within a tolerance.
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

# The tolerance between two runs on a GPU: relative for losses and rates, in nats for losses near 0,
# in percentage points for accuracies.
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
    """The records of a finished trial: its epochs and its result."""

    history: tuple[EpochMetrics, ...]
    result: TrialResult


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A recorded value and the repeated one; ``epoch`` is None for the trial's end."""

    epoch: int | None
    field: str
    recorded: Any
    now: Any


@dataclass(frozen=True, kw_only=True)
class Change:
    """A difference in code, packages or machine since the record was made."""

    what: str
    recorded: str
    now: str


def identical(field: str, recorded: Any, now: Any) -> bool:
    """Whether two values are the same to the last bit; NaN is NaN."""
    # repr of a float is exact, and distinguishes -0.0 from 0.0.
    return repr(recorded) == repr(now)


def about_equal(field: str, recorded: Any, now: Any) -> bool:
    """Whether two values are within the tolerance for two runs on a GPU."""
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
    """The first difference, epoch by epoch and then at the end; None without one.

    With ``bits`` False numbers may differ by the tolerance for a GPU.
    """
    agree = identical if bits else about_equal
    found = (
        *(
            difference
            # A different number of epochs is reported as a difference in the end.
            for before, after in zip(recorded.history, now.history, strict=False)
            for difference in differing_numbers(
                after.epoch, "", numbers(before), numbers(after), agree
            )
        ),
        *differing_ends(recorded.result, now.result, bits=bits),
        *(differing_last(recorded.result, now.result, agree) if task.is_program else ()),
        *inconsistencies(recorded, task),
    )
    return found[0] if found else None


def inconsistencies(recorded: Records, task: Task) -> Iterator[Difference]:
    """Differences between ``result.json`` and ``metrics.jsonl``, which must agree exactly."""
    history, result = recorded.history, recorded.result
    if len(history) != result.epochs:
        counted = "epochs in metrics.jsonl"
        yield Difference(epoch=None, field=counted, recorded=len(history), now=result.epochs)
    for name, stated, meant in (
        ("last", result.last, task.last_epoch(history)),
        ("best_val", result.best_val, task.best_epoch(history)),
    ):
        before, after = (numbers(metrics) if metrics else {} for metrics in (stated, meant))
        if task.is_program:
            # A program's summary is in no line.
            before = {field: value for field, value in before.items() if field in after}
        yield from differing_numbers(None, f"{name} ", before, after, identical)


def differing_last(recorded: TrialResult, now: TrialResult, agree: Agree) -> Iterator[Difference]:
    """Differences in what a program says of the whole trial."""
    before, after = (numbers(each.last) if each.last else {} for each in (recorded, now))
    yield from differing_numbers(None, "last ", before, after, agree)


def differing_ends(recorded: TrialResult, now: TrialResult, *, bits: bool) -> Iterator[Difference]:
    """Differences in the trial's end: state, epochs and divergence."""
    before, after = (end_of(result, bits=bits) for result in (recorded, now))
    yield from differing_numbers(None, "", before, after, identical)


def end_of(result: TrialResult, *, bits: bool) -> dict[str, Any]:
    """The part of the end to compare; step and loss of a divergence only with ``bits``."""
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
    """The fields that differ, in order."""
    for field in dict.fromkeys((*recorded, *now)):
        before, after = recorded.get(field), now.get(field)
        if not agree(field, before, after):
            yield Difference(epoch=epoch, field=f"{prefix}{field}", recorded=before, now=after)


def changes(recorded: Provenance | None, now: Provenance) -> tuple[Change, ...]:
    """The differences in code, Python, packages and machine since the record was made."""
    if recorded is None:
        return (Change(what="provenance", recorded="not recorded", now=now.code_version),)
    before, after = (described(provenance) for provenance in (recorded, now))
    return tuple(
        Change(what=what, recorded=before.get(what, "none"), now=after.get(what, "none"))
        for what in dict.fromkeys((*before, *after))
        if before.get(what) != after.get(what)
    )


def own_code_changes(recorded: Fingerprint | None, now: Fingerprint | None) -> tuple[Change, ...]:
    """The changes of the user's own code and data since the record was made."""
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


def optimizer_changes(recorded: str | None, now: str | None) -> tuple[Change, ...]:
    """The change of the optimizer's arguments; none where the record is older than they are."""
    if recorded is None or now is None or recorded == now:
        return ()
    return (Change(what="the optimizer's arguments", recorded=recorded, now=now),)


def described(provenance: Provenance) -> dict[str, str]:
    """A result's provenance, with names for people."""
    return {
        "code version": provenance.code_version,
        "Python": provenance.python,
        **provenance.packages,
        "platform": provenance.platform,
        "device": provenance.device,
        "threads": str(provenance.threads),
    }
