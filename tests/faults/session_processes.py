"""The processes of one Unix session, read from ``/proc``: all that a started program started.

A program started with ``start_new_session=True`` leads a session that its descendants stay in, also
when their parents die: whatever has its session id was started by it, and nothing else was.
"""

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

# All of /proc is read each time, which on a machine with much to do is noticed.
POLL_SECONDS = 0.2
RAYS_OWN = ("ray::DashboardAgent", "ray::RuntimeEnvAgent")


@dataclass(frozen=True)
class Process:
    """A process as it was when it was looked at."""

    pid: int
    command: str

    @property
    def is_worker(self) -> bool:
        """Whether it is one of Ray's Python workers, in which trials run."""
        # The raylet's command has that of a worker, which it is to start.
        if self.command.startswith(RAYS_OWN) or self.is_raylet:
            return False
        return self.command.startswith("ray::") or "default_worker.py" in self.command

    @property
    def is_raylet(self) -> bool:
        """Whether it is Ray's manager of this node."""
        return self.program == "raylet"

    @property
    def is_gcs(self) -> bool:
        """Whether it is Ray's server of the cluster's state."""
        return self.program == "gcs_server"

    @property
    def program(self) -> str:
        """The name of the program file."""
        return Path(self.command.split(" ")[0]).name

    def send(self, number: signal.Signals) -> None:
        """Send a signal; one that has ended meanwhile needs none."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)


def members(session: int) -> list[Process]:
    """The living processes of the session."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        # A process may end between the listing and the reading.
        with contextlib.suppress(OSError):
            if belongs(folder, session):
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                found.append(Process(int(folder.name), command))
    return found


def belongs(folder: Path, session: int) -> bool:
    """Whether the process of this folder is alive and in the session."""
    # The name, in brackets, may hold anything; state, parent, group and session follow it.
    state, _, _, its_session, *_ = (folder / "stat").read_text().rpartition(")")[2].split()
    return state not in "ZX" and int(its_session) == session


def end_session(session: int, grace: float) -> list[Process]:
    """Wait for the session to be empty and kill what is left then; returns what was left."""
    deadline = time.monotonic() + grace
    while (left := members(session)) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    while now_left := members(session):
        for process in now_left:
            process.send(signal.SIGKILL)
        time.sleep(POLL_SECONDS)
    return left
