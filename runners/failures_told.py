"""The failed trials of a plan as a person is told of them: why, and the end of their logs."""

from collections.abc import Iterator

from adaloss.log_tail import last_lines
from adaloss.printable import printable, printable_line
from adaloss.result import TrialState
from adaloss.store import Store
from runners.plan import Plan

# Of more failures only the reasons are told: nobody reads so many logs.
MOST_LOGS = 10
MOST_LINES = 5
MOST_CHARACTERS = 300


def failure_lines(plan: Plan, store: Store) -> Iterator[str]:
    """The lines, safe to print."""
    for number, trial in enumerate(plan.in_state(TrialState.FAILED)):
        failure = plan.results[trial.trial_id].failure
        why = f"{failure.kind}: {failure.message}" if failure else "no reason on record"
        name = f"{trial.readable_name} ({trial.trial_id})"
        yield f"failed: {name}: {printable_line(why)}"
        if number < MOST_LOGS:
            lines = last_lines(store.log_path(trial), MOST_LINES, MOST_CHARACTERS)
            yield from (f"  | {printable(line.expandtabs())}" for line in lines)
