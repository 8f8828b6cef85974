"""Run a command and measure the time and memory of all its processes."""

import os
import resource
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from process_tree import adopt_orphans, end_all_below, processes_below, proportional_bytes

SAMPLE_SECONDS = 0.2
MIN_MEMORY_SECONDS = 0.5
# Reading the memory of a large process takes milliseconds in the kernel. It is limited to this
# fraction of one core's time, so that it does not slow the measured processes.
MEMORY_TIME_FRACTION = 0.02


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Seconds and bytes; ``status`` is the exit status, or None after a timeout.

    ``cpu`` is the user and system time of all processes, ``memory`` the peak of their total memory.
    """

    wall: float
    cpu: float
    memory: int
    status: int | None


@dataclass(kw_only=True)
class Monitor:
    """Samples the processes while a command runs."""

    cpu_seconds: dict[tuple[int, int], float] = field(default_factory=dict)
    memory: int = 0
    next_memory_sample: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)

    def sample_until_stopped(self) -> None:
        """Take samples until ``stop`` is set."""
        while not self.stop.wait(SAMPLE_SECONDS):
            self.sample()

    def sample(self) -> None:
        """Record the CPU time of each process and, less often, their total memory."""
        below = processes_below(os.getpid())
        for process in below:
            self.cpu_seconds[process.number, process.started] = process.cpu_seconds
        started = time.monotonic()
        if started >= self.next_memory_sample:
            total = sum(proportional_bytes(process.number) for process in below)
            self.memory = max(self.memory, total)
            duration = time.monotonic() - started
            self.next_memory_sample = started + max(
                MIN_MEMORY_SECONDS, duration / MEMORY_TIME_FRACTION
            )


def cost_of(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path, limit: float
) -> Cost:
    """Run a command in a folder for at most ``limit`` seconds, with its output in a log.

    This process may have no other children meanwhile, because all its descendants are counted.
    """
    adopt_orphans()
    monitor = Monitor()
    thread = threading.Thread(target=monitor.sample_until_stopped)
    before = children_cpu_seconds()
    started = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
            stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    thread.start()
    status: int | None = None
    try:
        with suppress(subprocess.TimeoutExpired):
            status = process.wait(limit)
        wall = time.perf_counter() - started
    finally:
        monitor.stop.set()
        thread.join()
        if process.returncode is None:
            process.kill()
            process.wait()
        end_all_below(os.getpid())
    # The time of processes that were waited for is exact. If a parent does not wait for its
    # children, only the samples contain their time.
    waited, sampled = children_cpu_seconds() - before, sum(monitor.cpu_seconds.values())
    return Cost(wall=wall, cpu=max(waited, sampled), memory=monitor.memory, status=status)


def children_cpu_seconds() -> float:
    """The CPU time of the descendants that this process and its children have waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
