"""The GPU memory of a script, which only nvidia-smi sees: it is asked from time to time."""

import contextlib
import os
import shutil
import subprocess
import time

from adaloss.records.result import DeviceMemory
from adaloss.tasks.program.reaper import has_mark

SECONDS_BETWEEN = 3.0
SECONDS_TO_ANSWER = 10.0
MIB = 2**20
VISIBLE = "CUDA_VISIBLE_DEVICES"


class GpuMemory:
    """The largest memory that a script's processes were seen to use on the first visible GPU."""

    def __init__(self) -> None:
        self.command = shutil.which("nvidia-smi")
        self.device = os.environ.get(VISIBLE, "0").partition(",")[0] or "0"
        self.next_look = 0.0
        self.peak = self.total = 0

    def look(self, group: int, mark: str) -> None:
        """Ask how much the group and all with the mark use, unless that was done a moment ago."""
        if self.command is None or time.monotonic() < self.next_look:
            return
        self.next_look = time.monotonic() + SECONDS_BETWEEN
        apps = self.ask("--query-compute-apps=pid,used_memory")
        own = sum(used for pid, used in apps if is_own(pid, group, mark))
        # In a container nvidia-smi may name processes by other numbers: then all are taken.
        is_named = any(is_here(pid) for pid, _ in apps)
        whole = self.ask("--query-gpu=memory.used,memory.total")
        if whole:
            ((used, total),) = whole[:1]
            self.total = total * MIB
            self.peak = max(self.peak, (own if is_named else used) * MIB)

    def ask(self, query: str) -> list[tuple[int, int]]:
        """The two numbers of each line of the answer; nothing if there is none."""
        assert self.command is not None, "it was found"
        line = [self.command, query, "--format=csv,noheader,nounits", f"--id={self.device}"]
        rows = []
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            answer = subprocess.run(
                line, capture_output=True, text=True, timeout=SECONDS_TO_ANSWER, check=True
            )
            for row in answer.stdout.splitlines():
                with contextlib.suppress(ValueError):
                    first, second = map(int, row.split(","))
                    rows.append((first, second))
        return rows

    @property
    def measured(self) -> DeviceMemory | None:
        """The peak and the total of the GPU in bytes; None if nothing was seen."""
        return DeviceMemory(peak=self.peak, total=self.total) if self.peak else None


def is_own(pid: int, group: int, mark: str) -> bool:
    """Whether the process belongs to the group, or has the mark in its environment."""
    try:
        return os.getpgid(pid) == group or has_mark(pid, mark)
    except OSError:
        return False


def is_here(pid: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.getpgid(pid)
    except OSError:
        return False
    return True
