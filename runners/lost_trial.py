"""The record of a trial that no worker could write itself."""

from datetime import UTC, datetime

from adaloss.result import Failure, TrialResult, TrialState
from adaloss.store import Store
from adaloss.trial import Trial


def record_lost(trial: Trial, failure: Failure, store: Store) -> TrialResult:
    """Write the failed trial's result, with the epochs that it got to; returns it.

    Raises:
        OSError: it cannot be written; the disk may be what the worker died of.
    """
    history = store.read_metrics(trial)
    result = TrialResult(
        trial_id=trial.trial_id,
        state=TrialState.FAILED,
        epochs=len(history),
        failure=failure,
        seconds=sum(metrics.seconds for metrics in history),
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    store.write_result(trial, result)
    return result
