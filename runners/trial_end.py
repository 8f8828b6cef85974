"""How a trial ended, as its worker reports it and the driver understands it."""

from typing import Any

from adaloss.result import FailureKind, TrialResult, TrialState
from runners.trial_queue import End


def brief(result: TrialResult) -> TrialResult:
    """The result without what is long: Tune keeps reports in memory."""
    failure = result.failure and result.failure.model_copy(update={"traceback": ""})
    return result.model_copy(update={"failure": failure, "provenance": None})


def reason(result: TrialResult) -> str:
    """Why a trial is not complete, in one line."""
    if result.divergence is not None:
        return result.divergence.reason
    if result.failure is not None:
        return f"{result.failure.kind}: {result.failure.message}"
    return ""


def end_of(report: dict[str, Any]) -> End:
    """What a worker's last report says of how the trial ended; nothing is a dead worker's."""
    if "end" not in report:
        return End(state=TrialState.FAILED, failure=FailureKind.WORKER_LOST)
    result = TrialResult.model_validate_json(report["end"])
    failure = result.failure.kind if result.failure else None
    return End(state=result.state, failure=failure, memory=result.memory)
