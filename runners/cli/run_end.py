"""What ``run`` and ``retry`` say at their end, and the commands that they name."""

import shlex
import sys
from typing import TYPE_CHECKING

from runners.cli.options import command, say, show_command

if TYPE_CHECKING:
    from adaloss.grid.sweep import Sweep
    from adaloss.records.store import Store
    from adaloss.trial import Trial
    from runners.plan import Plan

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


def continue_command() -> str:
    """This command line again; ``retry`` continues as ``run``."""
    arguments = ["run" if word == "retry" else word for word in sys.argv[1:]]
    kept = [word for word in arguments if word not in ("--failed", "--diverged", "--changed")]
    return shlex.join(["adaloss-sweep", *kept])
