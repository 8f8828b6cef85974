"""The processes that Ray starts on this machine for a run: found by a mark, ended with the run.

Only on Linux, where ``/proc`` shows the environment that a process was started with. Elsewhere no
process is found, and Ray ends its own.
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

from runners.on_ray.ray_lost import Lost

# An environment variable, which all processes that the driver starts inherit.
MARK = "ADALOSS_SWEEP_RAY"
SERVERS = ("gcs_server", "raylet")
SECONDS_TO_DIE = 10.0
# Fields of /proc/PID/stat, see proc(5), counted from the state, and two of the kernel's flags.
PARENT, FLAGS, ENVIRONMENT_END = 1, 6, 48
KERNEL_THREAD, ENDING = 0x00200000, 0x00000004


@dataclass(frozen=True)
class RayProcesses:
    """All processes that were started with the mark."""

    mark: bytes

    def alive(self) -> list[Path]:
        """Their folders in ``/proc``, and those of their children, which may have lost the mark."""
        return self.look()[0]

    def look(self) -> tuple[list[Path], bool]:
        """Those alive, and whether there are processes whose mark cannot be read yet."""
        shown = {folder: shows(folder, self.mark) for folder in all_processes()}
        with_mark = {folder.name for folder, marked in shown.items() if marked}
        alive = [f for f in shown if f.name in with_mark or parent(f) in with_mark]
        return alive, None in shown.values()

    def servers(self) -> dict[str, Path]:
        """Ray's servers among them, by name."""
        named = {program(folder): folder for folder in self.alive()}
        return {name: named[name] for name in SERVERS if name in named}

    def end(self) -> None:
        """Kill them and wait until they are gone; finished trials are safe on disk."""
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
    """Mark the processes started inside for these results, and end them afterwards.

    The caller holds the lock on the results. Processes that have the mark already were left by a
    run that was killed, and could write for some seconds; they are ended first.
    """
    end_left_behind(results)
    processes = processes_of(results)
    os.environ[MARK] = mark_of(results)
    try:
        yield processes
    finally:
        del os.environ[MARK]
        processes.end()


def mark_of(results: Path) -> str:
    """The value of the mark for these results."""
    return hashlib.sha256(os.fsencode(results.resolve())).hexdigest()


def processes_of(results: Path) -> RayProcesses:
    """The processes that a run of these results starts on this machine."""
    return RayProcesses(f"{MARK}={mark_of(results)}".encode())


def end_left_behind(results: Path) -> None:
    """End the processes that a killed run of these results has left."""
    processes_of(results).end()


def lost_server(processes: RayProcesses) -> Lost:
    """A function that reports a dead server of Ray's, without which Ray hangs."""
    servers = processes.servers()

    def lost() -> str | None:
        for name, folder in servers.items():
            if shows(folder, processes.mark) is False:
                return f"Ray's {name} has died"
        return None

    return lost


def all_processes() -> list[Path]:
    """The folders in ``/proc`` of all processes."""
    return list(Path("/proc").glob("[0-9]*"))


def shows(folder: Path, mark: bytes) -> bool | None:
    """Whether the process is alive and was started with the mark.

    None if that cannot be read yet, because the process is becoming another program.
    """
    try:
        # A process that renames itself overwrites the beginning, so it cannot be parsed.
        environment = (folder / "environ").read_bytes()
        if not environment:
            fields = fields_of(folder)
            if int(fields[FLAGS]) & (KERNEL_THREAD | ENDING):
                return False
            if int(fields[ENVIRONMENT_END]) == 0:
                return None
            # Its environment is empty, or it has become another program in between.
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
    """The fields of the process's ``stat`` file, from its state on.

    Raises:
        OSError: it has just ended.
    """
    # The name before them, in parentheses, may contain anything.
    return (folder / "stat").read_text().rpartition(")")[2].split()
