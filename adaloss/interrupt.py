"""How SIGTERM and Ctrl-C stop a sweep."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Stop on SIGTERM as on Ctrl-C: in order, with the records safe.

    To be entered once more after Ray has started, which takes the signal for itself.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def interrupts_kept(*, at_most: int = 1) -> Iterator[list[int]]:
    """Stop at the end for a Ctrl-C or SIGTERM inside, at once for more than so many.

    Yields the signals that have come. In the midst of its start or end Ray swallows an interrupt,
    or ends this process from C++ later.
    """
    came: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        came.append(number)
        if len(came) > at_most:
            raise KeyboardInterrupt

    # What is ignored, as in a shell's background, stays so; other threads hear of no signal.
    heard = [
        number
        for number in (signal.SIGINT, signal.SIGTERM)
        if callable(signal.getsignal(number)) and current_thread() is main_thread()
    ]
    before = {number: signal.signal(number, interrupt) for number in heard}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt
