"""Carries out what the queue decides when a trial ends: a retry, or its recorded end."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from adaloss.records.result import Failure, FailureKind, TrialResult, TrialState
from adaloss.records.store import Store
from adaloss.time_limit import TrialTimeoutError
from adaloss.trial import Trial
from runners.trials.events import SweepObserver
from runners.trials.lost_trial import record_lost, stack_at_the_limit
from runners.trials.queue import SAME_FAILURES, End, Retry, TrialQueue

# A worker that died so many seconds before the time limit was ended by it: reports take a while.
SLACK = 1.0


@dataclass(frozen=True, kw_only=True)
class TrialEnds:
    """Handles each end of a trial; ``timeout`` is a trial's time limit in seconds."""

    queue: TrialQueue
    store: Store
    observer: SweepObserver
    timeout: float | None
    warned: set[str] = field(default_factory=set)

    def reported(self, trial: Trial, result: TrialResult) -> None:
        """Handle a result that the trial's worker recorded."""
        self.warn_of_program(trial, result)
        retry = self.queue.ended(trial, end_of(result))
        if retry is None:
            self.observer.trial_ended(trial, result.state, reason(result))
            self.warn_of_the_last()
            return
        # If this fails, the next worker finds the result, reports it and stops.
        with suppress(OSError):
            self.store.set_aside(trial)
        self.observer.starts_again(trial, reason(result), f"retried{retry_text(retry)}")

    def warn_of_program(self, trial: Trial, result: TrialResult) -> None:
        """Warn once of each parameter that the program did not look at, and of all else."""
        new = [name for name in result.unread or () if name not in self.warned]
        if new:
            self.warned.update(new)
            self.warn(unread_warning(trial.subject, new))
        for note in result.notes or ():
            self.warn(note)

    def lost(self, trial: Trial, failure: Failure, *, after: float = 0.0) -> None:
        """Handle a worker that died or cannot continue, with this failure.

        ``after`` is how many seconds it had the trial, if that is all that is seen of its machine.
        """
        result = self.store.read_result(trial)
        if result is not None:
            # It died after it wrote the result and before it reported it.
            with suppress(OSError):
                self.store.clear_temporary(trial)
            self.reported(trial, result)
            return
        stack = stack_at_the_limit(trial, self.store)
        died = failure.kind is FailureKind.WORKER_LOST
        if self.timeout is not None and (stack or (died and after > self.timeout - SLACK)):
            failure = timed_out(self.timeout, stack)
        end = End(state=TrialState.FAILED, failure=failure.kind, message=failure.message)
        retry = self.queue.ended(trial, end)
        if retry is not None:
            again = f"continues from its last checkpoint{retry_text(retry)}"
            self.observer.starts_again(trial, f"{failure.kind}: {failure.message}", again)
            return
        if (starts := self.queue.starts[trial.trial_id]) > 1:
            message = f"{failure.message} (started {starts} times)"
            failure = failure.model_copy(update={"message": message})
        text = f"{failure.kind}: {failure.message}"
        try:
            record_lost(trial, failure, self.store)
        except OSError as error:
            # A full disk may be the cause; without a result the trial counts as missing.
            text = f"{text}, which cannot be recorded: {error}"
        self.observer.trial_ended(trial, TrialState.FAILED, text)
        self.warn_of_the_last()

    def refused(self, trial: Trial, reason: str) -> None:
        """Handle a worker that may not run any trial: those that run end, and no more start."""
        self.queue.refused(trial)
        self.observer.starts_again(trial, reason, "it waits for the next run")
        self.warn(f"no more trials are started: {reason}; then run the same command again")

    def warn_of_the_last(self) -> None:
        """Warn once if no more trials start because all have failed in the same way."""
        if self.queue.hopeless:
            self.warn(
                f"the first {SAME_FAILURES} trials have all failed in the same way: no more are "
                "started (write execution: {max_failed: N} to start more)"
            )

    def warn(self, message: str) -> None:
        """Pass a warning on to the observer, once."""
        if message not in self.warned:
            self.warned.add(message)
            self.observer.warned(message)


def unread_warning(program: str, names: Sequence[str]) -> str:
    """What it means that a program did not look at these parameters."""
    several = len(names) > 1
    return (
        f"{program} did not read the parameter{'s' if several else ''} {', '.join(names)}: "
        f"{'their values change' if several else 'its value changes'} nothing; is the name right?"
    )


def reason(result: TrialResult) -> str:
    """Why a trial is not complete, in one line."""
    if result.divergence is not None:
        return result.divergence.reason
    if result.failure is not None:
        return f"{result.failure.kind}: {result.failure.message}"
    return ""


def end_of(result: TrialResult) -> End:
    """The part of a result that the queue needs."""
    failure = result.failure
    return End(
        state=result.state,
        failure=failure.kind if failure else None,
        message=failure.message if failure else "",
        memory=result.memory,
    )


def timed_out(limit: float, stack: str) -> Failure:
    """The failure of a trial that reached its time limit inside an epoch."""
    error = TrialTimeoutError(limit)
    return Failure(
        kind=FailureKind.TIMEOUT, message=f"{type(error).__name__}: {error}", traceback=stack
    )


def retry_text(retry: Retry) -> str:
    """How and when a trial is retried, as the end of a sentence."""
    alone = ", alone," if retry.alone else ""
    return f"{alone} in {retry.delay:g} s (retry {retry.number} of {retry.retries})"
