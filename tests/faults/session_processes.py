"""The processes of a Unix session, read from ``/proc``.

A program that is started with ``start_new_session=True`` leads a new session. Its descendants stay
in the session even when their parents end, so that the session id identifies all of them.
"""

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

# Each poll reads all of /proc, which takes noticeable time on a busy machine.
POLL_SECONDS = 0.2
RAY_AGENTS = ("ray::DashboardAgent", "ray::RuntimeEnvAgent")


@dataclass(frozen=True)
class Process:
    """A process at the time it was read."""

    pid: int
    command: str

    @property
    def is_worker(self) -> bool:
        """Whether it is a Python worker of Ray, in which trials run."""
        # The raylet's command line contains the command that starts workers.
        if self.command.startswith(RAY_AGENTS) or self.is_raylet:
            return False
        return self.command.startswith("ray::") or "default_worker.py" in self.command

    @property
    def is_raylet(self) -> bool:
        """Whether it is the raylet, Ray's manager of this node."""
        return self.program == "raylet"

    @property
    def is_gcs(self) -> bool:
        """Whether it is the GCS, Ray's server of the cluster's state."""
        return self.program == "gcs_server"

    @property
    def program(self) -> str:
        """The name of the program file."""
        return Path(self.command.split(" ")[0]).name

    def send(self, number: signal.Signals) -> None:
        """Send a signal; do nothing if the process has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)


def members(session: int) -> list[Process]:
    """The processes of the session that have not ended."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        # A process may end before its files are read.
        with contextlib.suppress(OSError):
            if belongs(folder, session):
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                found.append(Process(int(folder.name), command))
    return found


def belongs(folder: Path, session: int) -> bool:
    """Whether the process of this folder is running and in the session."""
    # The name, in brackets, may contain any character; state, parent, group and session follow it.
    state, _, _, its_session, *_ = (folder / "stat").read_text().rpartition(")")[2].split()
    return state not in "ZX" and int(its_session) == session


def end_session(session: int, grace: float) -> list[Process]:
    """Wait ``grace`` seconds for the session's end, then kill its processes and return them."""
    deadline = time.monotonic() + grace
    while (survivors := members(session)) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    while remaining := members(session):
        for process in remaining:
            process.send(signal.SIGKILL)
        time.sleep(POLL_SECONDS)
    return survivors
