"""The processes that Ray starts on this machine for a run: known by a mark, gone at its end.

Linux only, where ``/proc`` shows what a process was started with; elsewhere none are known, and
they are Ray's own to end.
"""

import contextlib
import hashlib
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runners.on_ray.loss import Lost

# Whatever the driver starts inherits its environment.
MARK = "ADALOSS_SWEEP_RAY"
SERVERS = ("gcs_server", "raylet")
SECONDS_TO_DIE = 10.0
# Of proc(5)'s fields of /proc/PID/stat, counted from the state on; and two of the kernel's flags.
PARENT, FLAGS, ENVIRONMENT_END = 1, 6, 48
KERNELS_OWN, ENDING = 0x00200000, 0x00000004


@dataclass(frozen=True)
class RayProcesses:
    """All that was started with the mark."""

    mark: bytes

    def alive(self) -> list[Path]:
        """Their folders in ``/proc``; with their children, who may have written over the mark."""
        return self.look()[0]

    def look(self) -> tuple[list[Path], bool]:
        """Those alive, and whether there are processes of which it cannot be seen yet."""
        shown = {folder: shows(folder, self.mark) for folder in all_processes()}
        with_mark = {folder.name for folder, marked in shown.items() if marked}
        alive = [f for f in shown if f.name in with_mark or parent(f) in with_mark]
        return alive, None in shown.values()

    def servers(self) -> dict[str, Path]:
        """Ray's servers among them, by name."""
        named = {program(folder): folder for folder in self.alive()}
        return {name: named[name] for name in SERVERS if name in named}

    def end(self) -> None:
        """Kill them and wait until they are gone; what is finished is safe on the disk."""
        deadline = time.monotonic() + SECONDS_TO_DIE
        while time.monotonic() < deadline:
            left, unsure = self.look()
            if not left and not unsure:
                return
            for folder in left:
                with contextlib.suppress(OSError):
                    os.kill(int(folder.name), signal.SIGKILL)
            time.sleep(0.01)


@contextmanager
def marked(results: Path) -> Iterator[RayProcesses]:
    """Mark what is started inside for these results; none of it outlives this.

    Who comes here holds the lock on them: what has the mark already was left by a run that was
    killed, and its workers may write for seconds yet. They are ended first.
    """
    value = hashlib.sha256(os.fsencode(results.resolve())).hexdigest()
    processes = RayProcesses(f"{MARK}={value}".encode())
    processes.end()
    os.environ[MARK] = value
    try:
        yield processes
    finally:
        del os.environ[MARK]
        processes.end()


def lost_server(processes: RayProcesses) -> Lost:
    """Tell when one of Ray's servers has died: without them Ray hangs for a minute or for ever."""
    servers = processes.servers()

    def lost() -> str | None:
        for name, folder in servers.items():
            if shows(folder, processes.mark) is False:
                return f"Ray's {name} has died"
        return None

    return lost


def all_processes() -> list[Path]:
    """The folders in ``/proc`` of all that there are."""
    return list(Path("/proc").glob("[0-9]*"))


def shows(folder: Path, mark: bytes) -> bool | None:
    """Whether the process of this folder is alive and was started with the mark.

    None is one that is just becoming another program, of which that cannot be seen yet.
    """
    try:
        # One that renames itself writes over its beginning, so it cannot be taken apart.
        environment = (folder / "environ").read_bytes()
        if not environment:
            fields = fields_of(folder)
            if int(fields[FLAGS]) & (KERNELS_OWN | ENDING):
                return False
            if int(fields[ENVIRONMENT_END]) == 0:
                return None
            # It was started with an empty one, or has become another in between.
            environment = (folder / "environ").read_bytes()
    except OSError:
        return False
    return mark in environment


def program(folder: Path) -> str:
    """The name of the process's program; empty if it has just ended."""
    try:
        return (folder / "comm").read_text().strip()
    except OSError:
        return ""


def parent(folder: Path) -> str:
    """The process that started this one; empty if it has just ended."""
    try:
        return fields_of(folder)[PARENT]
    except OSError:
        return ""


def fields_of(folder: Path) -> list[str]:
    """What the kernel says of the process, from its state on.

    Raises:
        OSError: it has just ended.
    """
    # The name before them, in brackets, may hold anything.
    return (folder / "stat").read_text().rpartition(")")[2].split()
