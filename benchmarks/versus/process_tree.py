"""Find, measure and end the descendants of a process, including orphans (Linux)."""

import ctypes
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ENDED = (FileNotFoundError, ProcessLookupError, PermissionError)
PR_SET_CHILD_SUBREAPER = 36
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
GRACE_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Process:
    """An entry of the process table; ``started`` distinguishes processes with the same number."""

    number: int
    parent: int
    started: int
    cpu_seconds: float


def adopt_orphans() -> None:
    """Make this process the parent of descendants whose own parents end, such as daemons.

    Raises:
        OSError: the system does not support it.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def all_processes() -> Iterator[Process]:
    """Every process of this machine."""
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            # The second field is a name in brackets, which may contain any character.
            fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
        except ENDED:
            continue
        yield Process(
            number=int(entry.name),
            parent=int(fields[1]),
            started=int(fields[19]),
            cpu_seconds=(int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND,
        )


def processes_below(ancestor: int) -> list[Process]:
    """The descendants of a process, including those that it has adopted."""
    children: dict[int, list[Process]] = {}
    for process in all_processes():
        children.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    pending = [ancestor]
    while pending:
        for child in children.get(pending.pop(), ()):
            found.append(child)
            pending.append(child.number)
    return found


def proportional_bytes(process: int) -> int:
    """The proportional set size (PSS) of a process; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except ENDED:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def end_all_below(ancestor: int) -> None:
    """Wait for the descendants of this process to end, and kill those that remain."""
    deadline = time.monotonic() + GRACE_SECONDS
    while remaining := processes_below(ancestor):
        reap()
        if time.monotonic() > deadline:
            for process in remaining:
                kill(process.number)
        time.sleep(0.05)


def kill(process: int) -> None:
    """Kill a process; do nothing if it has ended."""
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return


def reap() -> None:
    """Collect the exit status of children that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        return
