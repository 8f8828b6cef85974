"""The system's limits on processors, open files and processes, against the number of workers."""

import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from adaloss.grid.sweep import Sweep
from runners.preflight.finding import Finding, fine, refused, warning
from runners.trials.machine import MachineError, cpus_of_this_machine, workers

# Measured: what Ray's busiest process and a worker keep open, and all their threads.
RAY_FILES, WORKER_FILES = 256, 8
RAY_THREADS, WORKER_THREADS = 250, 30
CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def processors(sweep: Sweep) -> Finding:
    """A trial's processors against the machine's."""
    if os.environ.get("RAY_ADDRESS"):
        return fine("processors", f"{sweep.grid.resources.cpu} a trial; Ray counts the cluster's")
    try:
        at_a_time = workers(sweep)
    except MachineError as error:
        return refused("processors", str(error), "")
    each, there = sweep.grid.resources.cpu, cpus_of_this_machine()
    return held_against_quota(f"{at_a_time} at a time, {each} of {there} for each trial", there)


def held_against_quota(found: str, there: int, quota_file: Path = CPU_QUOTA) -> Finding:
    """A container may see more processors than it is given time on."""
    with suppress(OSError, ValueError):
        quota, period = map(int, quota_file.read_text().split())
        given = quota / period
        if given < there - 0.5:
            limited = f"{found}, and this container gets the time of {given:g}"
            advice = f"write execution: {{max_concurrent: {max(1, int(given))}}}"
            return warning("processors", limited, advice)
    return fine("processors", found)


def limits(workers: int) -> Iterator[Finding]:
    """What a process may open, and how many threads this user may have."""
    # Ray raises the limit itself as far as it may.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield held_against("open files", "ulimit -n", RAY_FILES + WORKER_FILES * workers, hard)
    needed = threads_of_this_user() + RAY_THREADS + (WORKER_THREADS + threads_each()) * workers
    most, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    yield held_against("processes", "ulimit -u", needed, most)


def held_against(about: str, command: str, needed: int, most: int) -> Finding:
    """A need against a limit."""
    if most == resource.RLIM_INFINITY:
        return fine(about, "not limited")
    found = f"about {needed:,} are needed and {most:,} allowed"
    if needed <= most:
        return fine(about, found)
    return warning(about, found, f"raise the limit (`{command}`), or lower max_concurrent")


def threads_each() -> int:
    """Threads that torch may start for each processor."""
    return cpus_of_this_machine()


def threads_of_this_user() -> int:
    """The threads that count against this user's limit now."""
    return sum(threads_of(process) for process in Path("/proc").glob("[0-9]*"))


def threads_of(process: Path) -> int:
    """The threads of a process of this user; a process may end while it is looked at."""
    with suppress(OSError):
        if process.stat().st_uid == os.getuid():
            return len(list((process / "task").iterdir()))
    return 0
