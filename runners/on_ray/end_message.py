"""A message for the user when this process can no longer print one: killed, or ended by Ray."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import UnsupportedOperation

KILLED = (
    "adaloss-sweep was killed, or its Ray raylet died and Ray ended it. Finished trials are safe; "
    "the next `run` continues the others from their last checkpoints"
)
# Ignores the signals that stop the command in order. If its input ends without a line, this process
# is gone, and the shell prints the message.
WAITS = "trap '' INT TERM HUP; read -r end || printf '%s\\n' \"$1\" >&2"


@contextmanager
def message_if_killed() -> Iterator[None]:
    """Have a shell wait inside, which prints the message if this process is killed."""
    try:
        terminal = sys.stderr.fileno()
        shell = subprocess.Popen(
            ["/bin/sh", "-c", WAITS, "sh", KILLED],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=terminal,
        )
    except (OSError, UnsupportedOperation):
        # The message is only a courtesy.
        yield
        return
    try:
        yield
    finally:
        with suppress(BrokenPipeError):
            shell.communicate(b"the end\n")
