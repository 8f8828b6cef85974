"""How SIGTERM and Ctrl-C stop a sweep."""

import signal
import time
from _thread import start_new_thread
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import current_thread, main_thread
from types import FrameType

# An import that takes longer is broken off: it may wait for ever.
LONGEST_IMPORT = 30.0
SECONDS_BETWEEN_LOOKS = 0.02

Handler = Callable[[int, FrameType | None], None]


def sigterm_as_interrupt() -> AbstractContextManager[None]:
    """Stop on SIGTERM as on Ctrl-C: in order, with the records safe, and not amid an import.

    To be entered once more after Ray has started, which takes the signal for itself.
    """
    return after_imports(signal.SIGTERM)


def ctrl_c_after_imports() -> AbstractContextManager[None]:
    """Do not stop on Ctrl-C amid an import; where it is ignored it stays so."""
    as_usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    return after_imports(signal.SIGINT) if as_usual else nullcontext()


@contextmanager
def after_imports(number: signal.Signals) -> Iterator[None]:
    """Answer this signal with a KeyboardInterrupt, once nothing is being imported.

    Amid an import Python may swallow it, and a compiled module may panic or crash at its end.
    """
    since: float | None = None

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal since
        if is_importing(frame):
            if since is None:
                since = time.monotonic()
                # Of threading, what this signal interrupted may hold a lock.
                start_new_thread(remind, ())
            if time.monotonic() - since < LONGEST_IMPORT:
                return
        since = None
        raise KeyboardInterrupt

    def remind() -> None:
        nonlocal since
        time.sleep(SECONDS_BETWEEN_LOOKS)
        # Again and again: as the main thread begins to wait, it may only hear of it when it ends.
        while since is not None:
            if signal.getsignal(number) is not interrupt:
                # Whoever answers meanwhile, as Ray starts, is to hear of one signal, not of many.
                since = None
            signal.pthread_kill(main_thread().ident or 0, number)
            time.sleep(SECONDS_BETWEEN_LOOKS)

    with answered_by({number: interrupt}):
        try:
            yield
        finally:
            unanswered, since = since is not None, None
    if unanswered:
        raise KeyboardInterrupt


@contextmanager
def answered_by(handlers: Mapping[signal.Signals, Handler]) -> Iterator[None]:
    """Have these handlers answer signals, and afterwards those of before."""
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def is_importing(frame: FrameType | None) -> bool:
    """Whether this frame is part of an import."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


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
    heard = {
        number: interrupt
        for number in (signal.SIGINT, signal.SIGTERM)
        if callable(signal.getsignal(number)) and current_thread() is main_thread()
    }
    with answered_by(heard):
        yield came
    if came:
        raise KeyboardInterrupt
