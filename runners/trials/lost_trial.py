"""The record of a trial that no worker could write itself."""

from datetime import UTC, datetime

from adaloss.records.result import Failure, TrialResult, TrialState
from adaloss.records.store import Store
from adaloss.trial import Trial

# What faulthandler writes above each thread's calls.
THREAD = "Thread 0x"


def stack_at_the_limit(trial: Trial, store: Store) -> str:
    """Where the trial stood as its time limit ended its worker; empty where it did not."""
    try:
        return main_thread(store.stack_path(trial).read_text("utf-8", errors="replace"))
    except OSError:
        return ""


def main_thread(dump: str) -> str:
    """The calls of the thread in which trials run, the innermost last as in a traceback.

    Faulthandler has the main thread last, and its innermost call first.
    """
    calls = dump.rpartition(THREAD)[2].splitlines()[1:]
    if not calls:
        return dump
    return "\n".join(["Where it stood (most recent call last):", *reversed(calls)])


def record_lost(trial: Trial, failure: Failure, store: Store) -> None:
    """Write the failed trial's result, with the epochs that it got to.

    Raises:
        OSError: it cannot be written.
    """
    store.open_trial(trial)
    with store.log_path(trial).open("a", encoding="utf-8", errors="backslashreplace") as log:
        log.write(f"{failure.traceback.rstrip()}\n{failure.kind}: {failure.message}\n".lstrip())
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
    store.clear_temporary(trial)
