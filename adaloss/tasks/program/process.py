"""The process of a script: started in a group of its own, read while it runs."""

import contextlib
import os
import selectors
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

READ_BYTES = 64 * 1024
# A pipe holds 64 KiB, at most 1 MiB; a read may return less than was asked for.
MOST_READS = 64


class ScriptProcess:
    """A started script. ``output`` is read as it comes, standard error with standard output."""

    def __init__(self, line: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            line,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self.process.stdout is not None, "the output is a pipe"
        self.pipe = self.process.stdout.fileno()
        os.set_blocking(self.pipe, False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.pipe, selectors.EVENT_READ)

    @property
    def group(self) -> int:
        """The number of the group of processes."""
        return self.process.pid

    def wait(self, seconds: float) -> bytes:
        """Wait for output, for the end or for at most so many seconds; the output that came."""
        if not self.selector.get_map():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
            return b""
        return self.read() if self.selector.select(seconds) else b""

    def read(self) -> bytes:
        """The output that is there."""
        try:
            content = os.read(self.pipe, READ_BYTES)
        except BlockingIOError:
            return b""
        if not content:
            self.selector.unregister(self.pipe)
        return content

    def rest(self) -> bytes:
        """All output that is there, after the script has ended.

        At most what a pipe holds: a process that was not found could write for ever.
        """
        parts: list[bytes] = []
        while self.selector.get_map() and len(parts) < MOST_READS and (part := self.read()):
            parts.append(part)
        return b"".join(parts)

    @property
    def code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self.process.poll()

    def close(self) -> None:
        """Wait for the script, which has ended, and stop reading."""
        self.process.wait()
        self.selector.close()
        if self.process.stdout is not None:
            self.process.stdout.close()
