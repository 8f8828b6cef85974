"""Ends the processes of a script: those of its group, and those that it put elsewhere.

As a program of its own it does so beside the worker, if that is killed. It reads from its standard
input, as lines of JSON, which group and which mark to end when the input ends. It imports nothing
of `adaloss`, so that it starts at once.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import weakref
from pathlib import Path

SECONDS_TO_END = 5.0
# A process that was about to start when its worker was killed is seen a moment later.
SECONDS_TO_APPEAR = 0.5
SECONDS_BETWEEN_LOOKS = 0.02
PROCESSES = Path("/proc")


class Reaper:
    """The reaper of this process, started with the first script."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        # What it has started goes on: see ``main``.
        self.process.wait()
        self.ended = weakref.finalize(self, end, self.process)

    def watch(self, group: int | None, mark: str | None) -> None:
        """If this process dies, end the group and what has the mark: see ``end_processes``."""
        assert self.process.stdin is not None, "the input is a pipe"
        # A reaper that was killed is no reason to stop a trial.
        with contextlib.suppress(OSError):
            self.process.stdin.write(f"{json.dumps([group, mark])}\n".encode())
            self.process.stdin.flush()

    def close(self) -> None:
        """End the reaper, and what it still watches."""
        self.ended()


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a reaper by the end of its input, and wait for the end of its output."""
    assert process.stdin is not None, "the input is a pipe"
    assert process.stdout is not None, "the output is a pipe"
    with contextlib.suppress(OSError):
        process.stdin.close()
    with process.stdout:
        process.stdout.read()


def end_processes(group: int | None, mark: str | None, to_appear: float = 0.0) -> None:
    """End the processes of a group, and all with ``mark``, NAME=VALUE, in their environment.

    They are asked, and killed if they are still there ``SECONDS_TO_END`` later. They may take
    ``to_appear`` seconds to be seen.
    """
    began, asked = time.monotonic(), set[int]()
    while (seconds := time.monotonic() - began) < 2 * SECONDS_TO_END:
        alive = processes_of(group, mark)
        if not alive and seconds >= to_appear:
            return
        is_late = seconds > SECONDS_TO_END
        for process in alive if is_late else alive - asked:
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL if is_late else signal.SIGTERM)
        asked |= alive
        time.sleep(SECONDS_BETWEEN_LOOKS)


def processes_of(group: int | None, mark: str | None) -> set[int]:
    """The running processes of the group, and those with the mark.

    Only Linux shows them. Elsewhere it is the whole group, by its negative number.
    """
    if not PROCESSES.exists():
        return {-group} if group is not None and is_there(group) else set()
    found = set()
    for folder in PROCESSES.iterdir():
        # A process may end before its files are read, and others' environment is their own.
        with contextlib.suppress(OSError, ValueError):
            process = int(folder.name)
            state, _, its_group, *_ = (folder / "stat").read_bytes().rpartition(b")")[2].split()
            if state in b"ZX" or process == os.getpid():
                continue
            if int(its_group) == group or (mark is not None and has_mark(process, mark)):
                found.add(process)
    return found


def has_mark(process: int, mark: str) -> bool:
    """Whether the process has the mark in its environment.

    Raises:
        OSError: it has ended, or its environment is not shown.
    """
    environment = (PROCESSES / str(process) / "environ").read_bytes()
    return os.fsencode(mark) in environment.split(b"\0")


def is_there(group: int) -> bool:
    """Whether the group has a process. One that has ended counts until it is waited for."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(group, os.WNOHANG)
    try:
        os.killpg(group, 0)
    except OSError:
        return False
    return True


def main() -> None:
    """Wait for the end of the input, then end what was named last."""
    # Ray kills the children of a worker that it ends; its grandchildren are safe.
    if os.fork():
        os._exit(0)
    # Ctrl-C in a terminal is for the worker.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    group = mark = None
    for line in sys.stdin:
        # A worker that is killed may leave half a line.
        with contextlib.suppress(ValueError):
            group, mark = json.loads(line)
    if mark is not None:
        end_processes(group, mark, SECONDS_TO_APPEAR)


if __name__ == "__main__":
    main()
