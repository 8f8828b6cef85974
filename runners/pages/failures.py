"""The failed trials of a plan, grouped by reason, with the place of the error."""

from collections.abc import Iterator

from adaloss.records.file import last_lines
from adaloss.records.printable import printable, printable_line
from adaloss.records.result import Failure, TrialState
from adaloss.records.store import Store
from adaloss.trial import Trial
from runners.pages.own_frames import own_frames
from runners.plan import Plan
from runners.trials.queue import without_numbers

# Further kinds of failure are shown without their logs.
MOST_LOGS = 10
MOST_LINES = 5
MOST_CHARACTERS = 300


def failure_lines(plan: Plan, store: Store) -> Iterator[str]:
    """The lines, safe to print."""
    groups: dict[str, list[Trial]] = {}
    first_reasons: dict[str, str] = {}
    for trial in plan.in_state(TrialState.FAILED):
        failure = plan.results[trial.trial_id].failure
        why = f"{failure.kind}: {failure.message}" if failure else "no recorded reason"
        alike = without_numbers(why)
        groups.setdefault(alike, []).append(trial)
        first_reasons.setdefault(alike, why)
    for number, (alike, trials) in enumerate(groups.items()):
        why = first_reasons[alike]
        first = trials[0]
        more = f" and {len(trials) - 1} more trials" if len(trials) > 1 else ""
        name = f"{first.readable_name} ({first.trial_id}){more}"
        yield f"failed: {name}: {printable_line(why)}"
        if number < MOST_LOGS:
            lines = where(plan.results[first.trial_id].failure, first, store)
            yield from (f"  | {printable(line.expandtabs())}" for line in lines)


def where(failure: Failure | None, trial: Trial, store: Store) -> tuple[str, ...]:
    """The place of the error in the user's own code, or the end of the trial's log."""
    frames = own_frames(failure.traceback) if failure else ()
    return frames or last_lines(store.log_path(trial), MOST_LINES, MOST_CHARACTERS)
