"""Whether the memory that is free is enough for the workers."""

from contextlib import suppress
from pathlib import Path

from runners.pages.plan import readable
from runners.preflight.finding import Finding, fine, warning

# Measured: a worker that has imported torch, and all of Ray's own processes.
WORKER_BYTES = 500_000_000
RAY_BYTES = 650_000_000
MEMINFO = Path("/proc/meminfo")
# What a container may have and has, in version 2 and version 1 of the kernel's control groups.
CONTROL_GROUPS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)


def memory(workers: int, available: int | None) -> Finding:
    """The memory that is free against what the workers take; None where that is not known."""
    needed = RAY_BYTES + workers * WORKER_BYTES
    takes = f"{workers} workers and Ray take about {readable(needed)}"
    if available is None:
        return fine("memory", f"{takes}; what is free cannot be told on this system")
    found = f"{takes}, and {readable(available)} are free"
    if needed <= available:
        return fine("memory", found)
    fitting = max(1, (available - RAY_BYTES) // WORKER_BYTES)
    advice = f"close other programs, or write execution: {{max_concurrent: {fitting}}}"
    return warning("memory", found, advice)


def available_memory() -> int | None:
    """The bytes that new processes can have: the machine's or, if less, the container's."""
    found = [free for free in (of_the_machine(), *map(of_a_group, CONTROL_GROUPS)) if free]
    return min(found, default=None)


def of_the_machine() -> int | None:
    """What the kernel takes for available."""
    with suppress(OSError, ValueError):
        for line in MEMINFO.read_text().splitlines():
            name, _, value = line.partition(":")
            if name == "MemAvailable":
                return int(value.split()[0]) * 1024
    return None


def of_a_group(files: tuple[Path, Path]) -> int | None:
    """What is left of a container's memory; None without a limit."""
    most, used = files
    # Version 2 says "max" where there is no limit.
    with suppress(OSError, ValueError):
        return max(1, int(most.read_text()) - int(used.read_text()))
    return None
