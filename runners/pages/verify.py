"""The outcome of ``verify``: lines for people, and an object for programs."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from adaloss.records.printable import printable_line
from adaloss.tasks.table import task_of
from runners.verify.compare import TOLERANCE, Difference
from runners.verify.verify import Verification


@dataclass(frozen=True, kw_only=True)
class Audit:
    """The verified trials of a sample, and the counts of finished and failed trials."""

    sweep: str
    seed: int
    finished: int
    failed: int
    verifications: tuple[Verification, ...]

    @property
    def differing(self) -> int:
        """How many trials differ from their records."""
        return sum(found.difference is not None for found in self.verifications)


def verification_lines(found: Verification) -> Iterator[str]:
    """Whether a trial agrees with its record, and possible reasons if it does not."""
    name = f"{found.trial.readable_name} ({found.trial.trial_id})"
    if found.difference is None:
        how = "bit for bit" if found.bits else "within the tolerance"
        epochs = f"{found.epochs} epoch{'' if found.epochs == 1 else 's'}"
        yield f"same     {name}: {how}, {epochs}, {found.state}"
    else:
        yield f"differs  {name}: {difference_text(found.difference)}"
        yield from consequence(found)
    if found.changes:
        changed = (f"{one.what} {one.recorded}, now {one.now}" for one in found.changes)
        yield f"         not as recorded: {printable_line('; '.join(changed))}"


def difference_text(difference: Difference) -> str:
    """The place of the first difference, with both values."""
    where = "at the end" if difference.epoch is None else f"epoch {difference.epoch}"
    values = f"recorded {difference.recorded}, now {difference.now}"
    return f"{where}, {difference.field}: {printable_line(values)}"


def consequence(found: Verification) -> Iterator[str]:
    """The effect of the difference on the result, and where to look for its cause."""
    recorded, now = found.reported
    metric = task_of(found.trial).reported
    yield f"         {metric} after the last epoch: recorded {recorded}, now {now}"
    if found.dirty:
        yield "         the recorded code had uncommitted changes, so this code may differ"
    if not found.changes:
        yield (
            "         code version, Python, packages, machine and threads are as recorded: check "
            "the records, the data set and the weights, or the code"
        )


def summary(audit: Audit) -> str:
    """The audit in one line."""
    verified, differing = len(audit.verifications), audit.differing
    text = (
        f"{audit.sweep}: verified {verified} of {audit.finished} finished trials "
        f"(seed {audit.seed}): {verified - differing} the same, "
        f"{differing} differ{'s' if differing == 1 else ''}"
    )
    if audit.failed:
        text += f"; {audit.failed} failed, which were not verified"
    return text


def tolerance_lines(verifications: Sequence[Verification]) -> Iterator[str]:
    """The tolerance, if some trials were not compared bit for bit."""
    if not all(found.bits for found in verifications):
        yield TOLERANCE


def audit_record(audit: Audit) -> dict[str, Any]:
    """The object for ``--json``."""
    return {
        "sweep": audit.sweep,
        "seed": audit.seed,
        "finished": audit.finished,
        "failed": audit.failed,
        "verified": len(audit.verifications),
        "differ": audit.differing,
        "tolerance": TOLERANCE,
        "trials": [verification_record(found) for found in audit.verifications],
    }


def verification_record(found: Verification) -> dict[str, Any]:
    """One trial of the audit."""
    difference = found.difference and asdict(found.difference)
    return {
        "trial_id": found.trial.trial_id,
        "name": found.trial.readable_name,
        "state": found.state,
        "same": found.difference is None,
        "compared": "bit for bit" if found.bits else "within the tolerance",
        "difference": difference and {name: plain(value) for name, value in difference.items()},
        task_of(found.trial).reported: {"recorded": found.reported[0], "now": found.reported[1]},
        "changes": [asdict(change) for change in found.changes],
    }


def plain(value: Any) -> Any:
    """The value for JSON: NaN and inf become text."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
