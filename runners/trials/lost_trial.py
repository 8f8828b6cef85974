"""Write the record of a trial whose worker cannot write it."""

from datetime import UTC, datetime

from adaloss.records.result import Failure, TrialResult, TrialState
from adaloss.records.store import Store
from adaloss.trial import Trial

# faulthandler writes this above each thread's calls.
THREAD = "Thread 0x"


def stack_at_the_limit(trial: Trial, store: Store) -> str:
    """The trial's stack at its time limit; empty if the limit did not end its worker."""
    try:
        return main_thread(store.stack_path(trial).read_text("utf-8", errors="replace"))
    except OSError:
        return ""


def main_thread(dump: str) -> str:
    """The calls of the main thread, which runs trials, innermost last as in a traceback.

    faulthandler writes the main thread last, and its innermost call first.
    """
    calls = dump.rpartition(THREAD)[2].splitlines()[1:]
    if not calls:
        return dump
    return "\n".join(["Stack at the time limit (most recent call last):", *reversed(calls)])


def record_lost(trial: Trial, failure: Failure, store: Store) -> None:
    """Write the failed trial's result with the number of its recorded epochs.

    Raises:
        OSError: the result cannot be written.
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
