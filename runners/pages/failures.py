"""The failed trials of a plan, grouped by reason, with the place of the error."""

from collections.abc import Callable, Iterator

from adaloss.records.file import last_lines
from adaloss.records.printable import printable, printable_line
from adaloss.records.result import Failure, TrialState
from adaloss.records.store import Store
from adaloss.trial import Trial
from runners.pages.own_frames import own_frames
from runners.planning import Plan
from runners.trials.common_form import common_form

# Further kinds of failure are shown without their logs.
MOST_LOGS = 10
MOST_LINES = 5
MOST_CHARACTERS = 300


def failure_lines(
    plan: Plan, store: Store, read_more: Callable[[Trial], str], most: int | None = None
) -> Iterator[str]:
    """The lines, safe to print: of each distinct failure, at most ``most`` of them.

    ``read_more`` says where to read more about a trial.
    """
    groups = alike(plan)
    for number, trials in enumerate(groups[:most]):
        first = trials[0]
        name = f"{first.readable_name} ({first.trial_id})"
        who = f"{len(trials)} trials, such as {name}" if len(trials) > 1 else name
        yield f"failed: {who}: {printable_line(reason_of(plan, first))}"
        if number < MOST_LOGS:
            lines = where(plan.results[first.trial_id].failure, first, store)
            yield from (f"  | {printable(line.expandtabs())}" for line in lines)
        yield f"  read more: {printable_line(read_more(first))}"
    if most is not None and len(groups) > most:
        yield f"… and {len(groups) - most} other failures"


def alike(plan: Plan) -> list[list[Trial]]:
    """The failed trials: a list of those that failed in the same way, for each way."""
    groups: dict[str, list[Trial]] = {}
    for trial in plan.in_state(TrialState.FAILED):
        groups.setdefault(common_form(trial, reason_of(plan, trial)), []).append(trial)
    return list(groups.values())


def reason_of(plan: Plan, trial: Trial) -> str:
    """Why a trial failed: its kind and its message."""
    failure = plan.results[trial.trial_id].failure
    return f"{failure.kind}: {failure.message}" if failure else "no recorded reason"


def reasons(plan: Plan) -> dict[str, str]:
    """Every failed trial's own reason by its id, for ``--json``."""
    return {trial.trial_id: reason_of(plan, trial) for trial in plan.in_state(TrialState.FAILED)}


def where(failure: Failure | None, trial: Trial, store: Store) -> tuple[str, ...]:
    """The place of the error in the user's own code, or the end of the trial's log."""
    frames = own_frames(failure.traceback) if failure else ()
    return frames or last_lines(store.log_path(trial), MOST_LINES, MOST_CHARACTERS)
