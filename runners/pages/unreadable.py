"""Print a line for each record that cannot be read, once, and only for the first few."""

from collections.abc import Callable, Sequence
from pathlib import Path

from adaloss.records.file import CorruptRecordError
from adaloss.records.quarantine import SetAside
from adaloss.records.store import Listener

MOST_LINES = 10

Say = Callable[[str], object]


def announcing(say: Say) -> Listener:
    """A listener that prints each file's problem once, and only the first of many."""
    reported: set[Path] = set()

    def report(error: CorruptRecordError) -> None:
        if error.path in reported:
            return
        reported.add(error.path)
        if len(reported) <= MOST_LINES:
            say(str(error))
        elif len(reported) == MOST_LINES + 1:
            say("more records cannot be read; `adaloss-sweep run` reports each of them")

    return report


def announce(moved: Sequence[SetAside], say: Say) -> None:
    """Print which records were set aside: the first few, then the number of the rest."""
    for one in moved[:MOST_LINES]:
        say(str(one))
    if len(moved) > MOST_LINES:
        say(f"… and {len(moved) - MOST_LINES} more trials whose records were set aside")
