"""``adaloss-sweep`` as a real process in a session of its own, watched from outside."""

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
# What Ray's own processes take to notice that their driver is gone.
GRACE_SECONDS = 15.0


class HungError(Exception):
    """The command did not end in its time; the message has its stack where py-spy is there."""


@dataclass(frozen=True)
class Ended:
    """How a command ended: ``orphans`` had to be ended after it."""

    code: int
    said: str
    seconds: float
    orphans: tuple[Process, ...]


class SweepRun:
    """A started command; leaving its context ends it and whatever it started."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        """Start ``adaloss-sweep ARGUMENTS`` in the folder, where its output is kept too."""
        self.folder = folder
        # Ray's sockets have paths of at most 107 characters: its folder cannot lie in ours.
        self.scratch = Path(tempfile.mkdtemp(prefix="faults-"))
        self.output = folder / f"output-{len(list(folder.glob('output-*'))) + 1}.txt"
        environment = {
            name: value
            for name, value in os.environ.items()
            if name != "RAY_ADDRESS" and not name.startswith("WANDB_")
        }
        self.started = time.monotonic()
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "runners", *arguments],
                cwd=folder,
                env=environment | {"RAY_TMPDIR": str(self.scratch), "TMPDIR": str(self.scratch)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # Whatever a shell started in the background is deaf to Ctrl-C, and so are its own.
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
        """How long ago it was started."""
        return time.monotonic() - self.started

    def members(self) -> list[Process]:
        """The command's process and those of Ray that it started."""
        return members(self.process.pid)

    def wait_until(self, true: Callable[[], bool], pause: float = POLL_SECONDS) -> bool:
        """Wait until something is so; False where the command ended before."""
        while self.running:
            if true():
                return True
            time.sleep(pause)
        return False

    def end(self, limit: float) -> Ended:
        """Wait for the command's end and end what it left behind.

        Raises:
            HungError: it took longer than ``limit`` seconds from its start.
        """
        try:
            code = self.process.wait(max(0.0, limit - self.seconds))
        except subprocess.TimeoutExpired:
            raise HungError(f"still running after {self.seconds:.0f} s\n{self.stack()}") from None
        seconds = self.seconds
        orphans = end_session(self.process.pid, GRACE_SECONDS)
        said = self.output.read_text(errors="replace")
        return Ended(code=code, said=said, seconds=seconds, orphans=tuple(orphans))

    def stack(self) -> str:
        """Where the command stands, if py-spy is installed to say it."""
        spy = shutil.which("py-spy")
        if spy is None:
            return "(py-spy is not installed: no stack)"
        finished = subprocess.run(
            [spy, "dump", "--pid", str(self.process.pid)],
            capture_output=True,
            text=True,
            check=False,
        )
        return finished.stdout + finished.stderr
