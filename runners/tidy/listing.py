"""What ``list`` prints: a row for each sweep, and the folders that cannot be read."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from adaloss.records.printable import printable_line
from runners.tidy.overview import Overview
from runners.tidy.sizes import bytes_in_words, counted, total

NEVER = "never"


def overview_table(found: Sequence[Overview]) -> Table:
    """A row for each sweep that can be read."""
    table = Table(box=None, pad_edge=False)
    table.add_column("sweep", overflow="fold")
    table.add_column("state")
    for name in ("done", "diverged", "failed", "size"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("last run (UTC)", no_wrap=True)
    for each in found:
        counts = each.counts
        if counts is None:
            continue
        state = each.state if each.running is None else f"running ({each.running})"
        table.add_row(
            # Not as markup: a name may have brackets in it.
            Text(each.name),
            Text(f"{state}, {counts.unreadable} unreadable" if counts.unreadable else state),
            f"{each.done} of {counts.trials}",
            str(counts.diverged),
            str(counts.failed),
            bytes_in_words(each.size.bytes),
            minute(counts.last_run),
        )
    return table


def minute(time: str | None) -> str:
    """A time of a record to the minute."""
    return NEVER if time is None else time[:16].replace("T", " ")


def overview_lines(found: Sequence[Overview], storage: str) -> Iterator[str]:
    """The folders that cannot be read, and the sum."""
    for each in found:
        if each.counts is None:
            about = f"{storage}/{each.name} ({bytes_in_words(each.size.bytes)}): {each.problem}"
            yield printable_line(about)
    sweeps = sum(each.counts is not None for each in found)
    size = bytes_in_words(total(each.size for each in found).bytes)
    yield f"{counted(sweeps, 'sweep')} in {printable_line(storage)}, {size}"


def overview_record(found: Sequence[Overview], storage: str) -> dict[str, Any]:
    """The object for ``--json``."""
    return {
        "storage": storage,
        "sweeps": [
            {
                "sweep": each.name,
                "state": each.state,
                "running": each.running,
                "trials": each.counts.trials,
                "complete": each.counts.complete,
                "diverged": each.counts.diverged,
                "failed": each.counts.failed,
                "missing": each.counts.trials - each.done,
                "unreadable": each.counts.unreadable,
                "bytes": each.size.bytes,
                "last_run": each.counts.last_run,
            }
            for each in found
            if each.counts is not None
        ],
        "unreadable": [
            {"folder": each.name, "reason": each.problem, "bytes": each.size.bytes}
            for each in found
            if each.counts is None
        ],
        "bytes": total(each.size for each in found).bytes,
    }
