"""What is said of a command that can no longer say it: ended by force, or by Ray from C++."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import UnsupportedOperation

SAID = (
    "adaloss-sweep was ended by force, or by Ray, whose raylet has died: what had finished is "
    "safe, and the next `run` goes on from the last checkpoints"
)
# Deaf to what stops the command in order; told nothing before its input ends, it speaks.
WAITS = "trap '' INT TERM HUP; read -r end || printf '%s\\n' \"$1\" >&2"


@contextmanager
def last_words() -> Iterator[None]:
    """While this lasts a shell waits to say it to the user, should this process be gone."""
    try:
        terminal = sys.stderr.fileno()
        shell = subprocess.Popen(
            ["/bin/sh", "-c", WAITS, "sh", SAID],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=terminal,
        )
    except (OSError, UnsupportedOperation):
        # It would only be a courtesy.
        yield
        return
    try:
        yield
    finally:
        with suppress(BrokenPipeError):
            shell.communicate(b"the end\n")
