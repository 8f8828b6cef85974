"""Read the memory, open files and children of processes from /proc (Linux)."""

from collections.abc import Iterator
from pathlib import Path

ENDED = (FileNotFoundError, ProcessLookupError, PermissionError)


def resident_bytes(process: int) -> int:
    """The resident memory of a process; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except ENDED:
        return 0
    # A zombie process has no such line.
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def open_files(process: int) -> int:
    """The number of open files, sockets and pipes of a process; 0 if it has ended."""
    try:
        return sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())
    except ENDED:
        return 0


def command_line(process: int) -> bytes:
    """The command line of a process; empty if it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except ENDED:
        return b""


def descendants(process: int) -> Iterator[int]:
    """The children of a process, their children, and so on."""
    parents = dict(parents_of_all())
    for other in parents:
        ancestor = parents[other]
        while ancestor in parents and ancestor != process:
            ancestor = parents[ancestor]
        if ancestor == process:
            yield other


def parents_of_all() -> Iterator[tuple[int, int]]:
    """The ids of every process of this machine and of its parent."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # The second field is a name in brackets, which may contain any character.
            after_name = (folder / "stat").read_text().rpartition(")")[2]
        except ENDED:
            continue
        yield int(folder.name), int(after_name.split()[1])
