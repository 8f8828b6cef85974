"""The end of a trial's log."""

import os
from pathlib import Path

TAIL_BYTES = 64 * 1024


def last_lines(path: Path, most_lines: int, most_characters: int) -> tuple[str, ...]:
    """The last lines of a log, long ones cut; none where there is no log."""
    try:
        with path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - TAIL_BYTES))
            text = log.read().decode(errors="replace")
    except OSError:
        return ()
    return tuple(line[:most_characters] for line in text.splitlines()[-most_lines:])
