"""How a trial's time is limited: between epochs by an error, inside one with its process."""

import faulthandler
import threading
from pathlib import Path


class TrialTimeoutError(Exception):
    """A trial took longer than the sweep's ``execution.timeout``, in seconds."""

    def __init__(self, limit: float) -> None:
        super().__init__(
            f"the trial took longer than execution.timeout ({limit:g} s); "
            "raise it and run `adaloss-sweep retry`"
        )


class Watchdog:
    """Ends this process after so many seconds, unless it is released before.

    Before it does, it writes to ``path`` where each thread stands; until then the file is empty.
    It needs neither the interpreter nor its lock: a loop in C cannot hold it up.
    """

    def __init__(self, path: Path, seconds: float) -> None:
        self.path = path
        self.file = path.open("w", encoding="utf-8")
        faulthandler.dump_traceback_later(
            min(seconds, threading.TIMEOUT_MAX), exit=True, file=self.file
        )

    def release(self) -> None:
        """Let the process live, and leave nothing behind."""
        faulthandler.cancel_dump_traceback_later()
        self.file.close()
        self.path.unlink(missing_ok=True)
