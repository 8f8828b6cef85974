"""Run a command to its end, and what it cost with all that it started."""

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

SECONDS_PER_LOOK = 0.2
LEAST_SECONDS_PER_WEIGHING = 0.5
# Adding up the memory of a large process takes the kernel milliseconds: it may take this part of
# one core's time, so that it slows no way down.
PART_FOR_WEIGHING = 0.02


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Seconds and bytes; ``status`` is the exit status, None where the time was up.

    ``cpu`` is user and system time of all processes, ``memory`` the most that they held together.
    """

    wall: float
    cpu: float
    memory: int
    status: int | None


@dataclass(kw_only=True)
class Watch:
    """What is seen from outside while a command runs."""

    cpu_seconds: dict[tuple[int, int], float] = field(default_factory=dict)
    memory: int = 0
    next_weighing: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)

    def look_until_stopped(self) -> None:
        """Look now and then."""
        while not self.stop.wait(SECONDS_PER_LOOK):
            self.look()

    def look(self) -> None:
        """Note the processor time of each process, and now and then the memory of all."""
        below = processes_below(os.getpid())
        for process in below:
            self.cpu_seconds[process.number, process.started] = process.cpu_seconds
        started = time.monotonic()
        if started >= self.next_weighing:
            held = sum(proportional_bytes(process.number) for process in below)
            self.memory = max(self.memory, held)
            took = time.monotonic() - started
            self.next_weighing = started + max(LEAST_SECONDS_PER_WEIGHING, took / PART_FOR_WEIGHING)


def cost_of(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path, limit: float
) -> Cost:
    """Run a command in a folder, its output into a log, for at most ``limit`` seconds.

    Nothing else may be started by this process meanwhile: all below it counts.
    """
    adopt_orphans()
    watch = Watch()
    looking = threading.Thread(target=watch.look_until_stopped)
    before = children_cpu_seconds()
    started = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
            stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    looking.start()
    status: int | None = None
    try:
        with suppress(subprocess.TimeoutExpired):
            status = process.wait(limit)
        wall = time.perf_counter() - started
    finally:
        watch.stop.set()
        looking.join()
        if process.returncode is None:
            process.kill()
            process.wait()
        end_all_below(os.getpid())
    # What a parent waited for is exact; a parent that does not care leaves what was last seen.
    counted, seen = children_cpu_seconds() - before, sum(watch.cpu_seconds.values())
    return Cost(wall=wall, cpu=max(counted, seen), memory=watch.memory, status=status)


def children_cpu_seconds() -> float:
    """The processor time of the processes that this one has waited for, and they in turn."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
