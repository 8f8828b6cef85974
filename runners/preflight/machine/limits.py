"""Compare the system's limits on processors, open files and processes with the workers' needs."""

import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from adaloss.grid.sweep import Sweep
from runners.preflight.finding import Finding, fine, refused, warning
from runners.trials.machine import (
    CPU_QUOTA,
    MachineError,
    cpus_of_this_machine,
    cpus_per_trial,
    processors_granted,
    workers,
)

# Measured: the open files of Ray's busiest process and of a worker, and all their threads.
RAY_FILES, WORKER_FILES = 256, 8
RAY_THREADS, WORKER_THREADS = 250, 30


def processors(sweep: Sweep) -> Finding:
    """Compare a trial's processors with the machine's."""
    if os.environ.get("RAY_ADDRESS"):
        return fine("processors", f"{cpus_per_trial(sweep)} a trial; Ray counts the cluster's")
    try:
        at_a_time = workers(sweep)
    except MachineError as error:
        return refused("processors", str(error), "")
    each, cpus = cpus_per_trial(sweep), cpus_of_this_machine()
    found = f"{at_a_time} at a time, {each} of {cpus} for each trial"
    return compared_with_quota(found, at_a_time, each)


def compared_with_quota(
    found: str, at_a_time: int, each: int, quota_file: Path = CPU_QUOTA
) -> Finding:
    """Compare with the container's quota: it may see more processors than it has time on."""
    granted = processors_granted(quota_file)
    if granted is None or granted > at_a_time * each - 0.5:
        return fine("processors", found)
    limited = f"{found}, and this container is limited to the time of {granted:g}"
    usable = max(1, int(granted))
    if each > usable:
        return warning("processors", limited, f"write resources: {{cpu: {usable}}}")
    if at_a_time > usable // each:
        advice = f"write execution: {{max_concurrent: {usable // each}}}"
        return warning("processors", limited, advice)
    # One trial on a part of a processor: there is nothing to change.
    return fine("processors", limited)


def limits(workers: int) -> Iterator[Finding]:
    """Check the limits on open files of a process and on threads of this user."""
    # Ray itself raises the soft limit to the hard one.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield compared("open files", "ulimit -n", RAY_FILES + WORKER_FILES * workers, hard)
    now = sum(threads_of(process) for process in Path("/proc").glob("[0-9]*"))
    # torch may start a thread per processor in each worker.
    needed = now + RAY_THREADS + (WORKER_THREADS + cpus_of_this_machine()) * workers
    most, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    yield compared("processes", "ulimit -u", needed, most)


def compared(about: str, command: str, needed: int, most: int) -> Finding:
    """Compare a need with a limit."""
    if most == resource.RLIM_INFINITY:
        return fine(about, "not limited")
    found = f"about {needed:,} are needed and {most:,} allowed"
    if needed <= most:
        return fine(about, found)
    return warning(about, found, f"raise the limit (`{command}`), or lower max_concurrent")


def threads_of(process: Path) -> int:
    """The threads of a process of this user; 0 if the process has just ended."""
    with suppress(OSError):
        if process.stat().st_uid == os.getuid():
            return len(list((process / "task").iterdir()))
    return 0
