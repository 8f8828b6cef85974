"""What all processes below this one hold and have used, those included whose parents have ended."""

import ctypes
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

GONE = (FileNotFoundError, ProcessLookupError, PermissionError)
PR_SET_CHILD_SUBREAPER = 36
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
SECONDS_TO_END = 10.0


@dataclass(frozen=True, kw_only=True)
class Process:
    """A line of the process table; ``started`` tells it from a later one of the same number."""

    number: int
    parent: int
    started: int
    cpu_seconds: float


def adopt_orphans() -> None:
    """Make this process the parent of all below it whose own parents end, as daemons' do.

    Raises:
        OSError: the system does not do that.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def all_processes() -> Iterator[Process]:
    """Every process of this machine."""
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            # The second field is a name in brackets, which may hold anything.
            fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
        except GONE:
            continue
        yield Process(
            number=int(entry.name),
            parent=int(fields[1]),
            started=int(fields[19]),
            cpu_seconds=(int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND,
        )


def processes_below(ancestor: int) -> list[Process]:
    """The processes that this one has started or adopted, and those that these have."""
    children: dict[int, list[Process]] = {}
    for process in all_processes():
        children.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    waiting = [ancestor]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            found.append(child)
            waiting.append(child.number)
    return found


def proportional_bytes(process: int) -> int:
    """The memory that a process holds, of shared pages its part (PSS); 0 once it has ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except GONE:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def end_all_below(ancestor: int) -> None:
    """Wait a moment for what is left below this process, this one's children, then kill it."""
    deadline = time.monotonic() + SECONDS_TO_END
    while left := processes_below(ancestor):
        reap()
        if time.monotonic() > deadline:
            for process in left:
                kill(process.number)
        time.sleep(0.05)


def kill(process: int) -> None:
    """Kill a process that may have ended."""
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return


def reap() -> None:
    """Take note of children that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        return
