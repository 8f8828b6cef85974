"""Whether the free memory is enough for the workers."""

from contextlib import suppress
from pathlib import Path

from runners.pages.plan import readable
from runners.preflight.finding import Finding, fine, warning

# Measured: a worker that has imported torch, and all of Ray's own processes.
WORKER_BYTES = 500_000_000
RAY_BYTES = 650_000_000
MEMINFO = Path("/proc/meminfo")
# A container's limit and usage, in version 2 and version 1 of the kernel's control groups.
CONTROL_GROUPS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)


def memory(workers: int, available: int | None) -> Finding:
    """Compare the free memory (bytes; None if unknown) with the workers' needs."""
    needed = RAY_BYTES + workers * WORKER_BYTES
    takes = f"{workers} workers and Ray take about {readable(needed)}"
    if available is None:
        return fine("memory", f"{takes}; the free memory is unknown on this system")
    found = f"{takes}, and {readable(available)} are free"
    if needed <= available:
        return fine("memory", found)
    fitting = max(1, (available - RAY_BYTES) // WORKER_BYTES)
    advice = f"close other programs, or write execution: {{max_concurrent: {fitting}}}"
    return warning("memory", found, advice)


def available_memory() -> int | None:
    """The bytes for new processes: the machine's or, if less, the container's."""
    found = [free for free in (free_on_machine(), *map(free_in_group, CONTROL_GROUPS)) if free]
    return min(found, default=None)


def free_on_machine() -> int | None:
    """The available memory according to the kernel."""
    with suppress(OSError, ValueError):
        for line in MEMINFO.read_text().splitlines():
            name, _, value = line.partition(":")
            if name == "MemAvailable":
                return int(value.split()[0]) * 1024
    return None


def free_in_group(files: tuple[Path, Path]) -> int | None:
    """The rest of a container's memory; None without a limit."""
    most, used = files
    # Version 2 writes "max" for no limit.
    with suppress(OSError, ValueError):
        taken = int(used.read_text()) - given_back(used.with_name("memory.stat"))
        return max(1, int(most.read_text()) - taken)
    return None


def given_back(statistics: Path) -> int:
    """The bytes that the kernel takes from a container's cached files when programs need them."""
    with suppress(OSError, ValueError):
        values = dict(line.split() for line in statistics.read_text().splitlines())
        # Version 1 counts the groups below this one only in the total.
        return int(values.get("total_inactive_file", values.get("inactive_file", 0)))
    return 0
