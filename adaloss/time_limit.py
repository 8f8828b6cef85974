"""The time limit of a trial: an error between epochs, the end of the process within an epoch."""

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
    """Ends this process after ``seconds``, unless :meth:`release` is called before.

    It then first writes the stack of each thread to ``path``, which is empty until then. It does
    not need the interpreter's lock, so that a loop in C cannot delay it.
    """

    def __init__(self, path: Path, seconds: float) -> None:
        self.path = path
        self.file = path.open("w", encoding="utf-8")
        faulthandler.dump_traceback_later(
            min(seconds, threading.TIMEOUT_MAX), exit=True, file=self.file
        )

    def release(self) -> None:
        """Cancel the time limit and remove the file."""
        faulthandler.cancel_dump_traceback_later()
        self.file.close()
        self.path.unlink(missing_ok=True)
