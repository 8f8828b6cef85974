"""What processes hold, read from /proc: for benchmarks on Linux."""

from collections.abc import Iterator
from pathlib import Path

GONE = (FileNotFoundError, ProcessLookupError, PermissionError)


def resident_bytes(process: int) -> int:
    """The memory that a process has resident; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except GONE:
        return 0
    # A process that has ended and was not waited for has no such line.
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def open_files(process: int) -> int:
    """How many files, sockets and pipes a process has open; 0 once it has ended."""
    try:
        return sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())
    except GONE:
        return 0


def command_line(process: int) -> bytes:
    """What the process calls itself; nothing once it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except GONE:
        return b""


def descendants(process: int) -> Iterator[int]:
    """The processes that a process has started, and those that these have."""
    parents = dict(parents_of_all())
    for other in parents:
        ancestor = parents[other]
        while ancestor in parents and ancestor != process:
            ancestor = parents[ancestor]
        if ancestor == process:
            yield other


def parents_of_all() -> Iterator[tuple[int, int]]:
    """Every process of this machine with its parent."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # The second field is a name in brackets, which may hold anything.
            after_name = (folder / "stat").read_text().rpartition(")")[2]
        except GONE:
            continue
        yield int(folder.name), int(after_name.split()[1])
