"""Run ``adaloss-sweep`` as a process in a new session and observe it."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from session_processes import Process, end_session, members

POLL_SECONDS = 0.01
# The time in which Ray's processes notice that their driver has ended.
GRACE_SECONDS = 15.0


class HungError(Exception):
    """The command did not end in time; the message has its stack if py-spy is installed."""


@dataclass(frozen=True)
class Ended:
    """The end of a command: its exit code and output, and processes that survived it."""

    code: int
    output: str
    seconds: float
    orphans: tuple[Process, ...]


class SweepRun:
    """A started command; leaving its context kills all of its processes."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        """Start ``adaloss-sweep ARGUMENTS`` in the folder; its output is written there too."""
        self.folder = folder
        # The test's folder is too deep for Ray's socket paths, which may have 107 characters.
        self.scratch = Path(tempfile.mkdtemp(prefix="faults-"))
        self.output_file = folder / f"output-{len(list(folder.glob('output-*'))) + 1}.txt"
        environment = {
            name: value
            for name, value in os.environ.items()
            if name != "RAY_ADDRESS" and not name.startswith("WANDB_")
        }
        self.started = time.monotonic()
        with self.output_file.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "runners", *arguments],
                cwd=folder,
                env=environment | {"RAY_TMPDIR": str(self.scratch), "TMPDIR": str(self.scratch)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # Background jobs of a shell ignore SIGINT, and their children inherit that.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        end_session(self.process.pid, 0.0)
        self.process.wait()
        shutil.rmtree(self.scratch, ignore_errors=True)

    @property
    def running(self) -> bool:
        """Whether the command has not ended yet."""
        return self.process.poll() is None

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def members(self) -> list[Process]:
        """The command's process and the processes of Ray that it started."""
        return members(self.process.pid)

    def wait_until(self, condition: Callable[[], bool], pause: float = POLL_SECONDS) -> bool:
        """Wait until the condition holds; returns False if the command ends first."""
        while self.running:
            if condition():
                return True
            time.sleep(pause)
        return False

    def end(self, limit: float) -> Ended:
        """Wait until the command ends, and end the processes that it left behind.

        Raises:
            HungError: it did not end within ``limit`` seconds from its start.
        """
        try:
            code = self.process.wait(max(0.0, limit - self.seconds))
        except subprocess.TimeoutExpired:
            raise HungError(f"still running after {self.seconds:.0f} s\n{self.stack()}") from None
        seconds = self.seconds
        orphans = end_session(self.process.pid, GRACE_SECONDS)
        output = self.output_file.read_text(errors="replace")
        return Ended(code=code, output=output, seconds=seconds, orphans=tuple(orphans))

    def stack(self) -> str:
        """The command's stack, if py-spy is installed."""
        spy = shutil.which("py-spy")
        if spy is None:
            return "(no stack: py-spy is not installed)"
        finished = subprocess.run(
            [spy, "dump", "--pid", str(self.process.pid)],
            capture_output=True,
            text=True,
            check=False,
        )
        return finished.stdout + finished.stderr
