"""Tell a SystemExit of the user's own code from that of a process which is asked to end."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def noticing_sigterm() -> Iterator[Callable[[], bool]]:
    """Whether this process was asked to end, which Ray's handler turns into a SystemExit.

    What the user's code raises then is no failure of its trial.
    """
    handler, arrived = signal.getsignal(signal.SIGTERM), []

    def handle(number: int, frame: Any) -> Any:
        arrived.append(number)
        return handler(number, frame) if callable(handler) else None

    may_handle = callable(handler) and threading.current_thread() is threading.main_thread()
    if may_handle:
        signal.signal(signal.SIGTERM, handle)
    try:
        yield lambda: bool(arrived)
    finally:
        if may_handle:
            signal.signal(signal.SIGTERM, handler)
