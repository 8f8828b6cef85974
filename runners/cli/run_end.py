"""What ``run`` and ``retry`` say at their end, and the commands that they name."""

import shlex
import sys
from typing import TYPE_CHECKING

from adaloss.records.printable import printable_line, shortened
from runners.cli.options import say, show_command
from runners.pages.command_lines import command

if TYPE_CHECKING:
    from adaloss.grid.sweep import Sweep
    from adaloss.records.store import Store
    from adaloss.trial import Trial
    from analysis.attempts import Unwritten
    from analysis.outputs import Outcome
    from runners.planning import Plan

MOST_CHARACTERS = 400
MOST_KEPT = 3
# `status` lists further kinds of failure.
MOST_FAILURES = 10


def say_failures(
    sweep: "Sweep", trials: "tuple[Trial, ...]", after: "Plan", store: "Store"
) -> None:
    """Print each distinct failure once, and the command that repeats the failed trials."""
    from runners.pages.failures import failure_lines

    # Other commands do not find the trials of a smoke run, which belong to no grid.
    is_smoke = trials != sweep.trials
    more = (
        (lambda trial: str(store.trial_folder(trial))) if is_smoke else show_command(sweep, store)
    )
    for line in failure_lines(after, store, more, MOST_FAILURES):
        say(line)
    if is_smoke:
        say(f"to repeat them, delete {store.root}")
    else:
        say(f"why trials failed: {command('status', sweep, store)}")
        say(f"to repeat them: {command('retry', sweep, store)}")


def say_unwritten(
    outcome: "Outcome", sweep: "Sweep", trials: "tuple[Trial, ...]", store: "Store"
) -> None:
    """Print a line for each output: why it was not written, and the command that tries again."""
    for failed in outcome.unwritten:
        reason = shortened(printable_line(failed.reason), MOST_CHARACTERS)
        trace = f" (traceback: {outcome.errors})" if failed.trace and outcome.errors else ""
        again = command_to_make(failed, sweep, trials, store)
        say(f"not written: {failed.output}: {reason}{trace}; try again: {again}")
    if outcome.unwritten:
        say("all other files are written; the trials and their results are not affected")
    if outcome.kept:
        more = len(outcome.kept) - MOST_KEPT
        names = ", ".join(outcome.kept[:MOST_KEPT]) + (f" and {more} more" if more > 0 else "")
        say(f"not replaced, from an earlier compilation: {names}")


def command_to_make(
    failed: "Unwritten", sweep: "Sweep", trials: "tuple[Trial, ...]", store: "Store"
) -> str:
    """The command line that makes an output which could not be written."""
    verb, *options = failed.remedy
    # Other commands do not find a smoke run.
    if trials != sweep.trials:
        return continue_command()
    return " ".join((command(verb, sweep, store), *map(shlex.quote, options)))


def continue_command() -> str:
    """This command line again; ``retry`` continues as ``run``."""
    verb, *words = sys.argv[1:]
    kept = [word for word in words if word not in ("--failed", "--diverged", "--changed")]
    return shlex.join(["adaloss-sweep", "run" if verb == "retry" else verb, *kept])
