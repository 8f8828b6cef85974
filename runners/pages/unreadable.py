"""What the command line says of records that cannot be read: a line for each, once, and not all."""

from collections.abc import Callable, Sequence
from pathlib import Path

from adaloss.records.file import CorruptRecordError
from adaloss.records.quarantine import SetAside
from adaloss.records.store import Listener

MOST_LINES = 10

Say = Callable[[str], object]


def announcing(say: Say) -> Listener:
    """A listener that says each file's problem once; of many only the first."""
    told: set[Path] = set()

    def tell(error: CorruptRecordError) -> None:
        if error.path in told:
            return
        told.add(error.path)
        if len(told) <= MOST_LINES:
            say(str(error))
        elif len(told) == MOST_LINES + 1:
            say("more records cannot be read; `adaloss-sweep run` says of each what is wrong")

    return tell


def announce(moved: Sequence[SetAside], say: Say) -> None:
    """Say what was set aside: the first of many, then how many more."""
    for one in moved[:MOST_LINES]:
        say(str(one))
    if len(moved) > MOST_LINES:
        say(f"… and {len(moved) - MOST_LINES} more trials whose records were set aside")
