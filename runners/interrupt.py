"""How SIGTERM and Ctrl-C stop a sweep."""

import signal
import time
from _thread import start_new_thread
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import current_thread, main_thread
from types import FrameType

# An import that takes longer (seconds) is interrupted: it may never end.
LONGEST_IMPORT = 30.0
SECONDS_BETWEEN_LOOKS = 0.02

Handler = Callable[[int, FrameType | None], None]


def sigterm_as_interrupt() -> AbstractContextManager[None]:
    """Treat SIGTERM like Ctrl-C: stop in order, with the records safe, and not during an import.

    Enter this once more after Ray has started, because Ray installs its own handler.
    """
    return after_imports(signal.SIGTERM)


def ctrl_c_after_imports() -> AbstractContextManager[None]:
    """Delay Ctrl-C until imports have ended; an ignored Ctrl-C stays ignored."""
    as_usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    return after_imports(signal.SIGINT) if as_usual else nullcontext()


@contextmanager
def after_imports(number: signal.Signals) -> Iterator[None]:
    """Raise KeyboardInterrupt for this signal as soon as no import is in progress.

    During an import Python may swallow the exception, and a compiled module may crash.
    """
    since: float | None = None

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal since
        if is_importing(frame):
            if since is None:
                since = time.monotonic()
                # Not threading.Thread: the interrupted code may hold one of its locks.
                start_new_thread(repeat_signal, ())
            if time.monotonic() - since < LONGEST_IMPORT:
                return
        since = None
        raise KeyboardInterrupt

    def repeat_signal() -> None:
        nonlocal since
        time.sleep(SECONDS_BETWEEN_LOOKS)
        # Repeat the signal: a main thread that begins to wait may not notice a single one.
        while since is not None:
            if signal.getsignal(number) is not interrupt:
                # Another handler, such as that of Ray's start, must receive one signal only.
                since = None
            signal.pthread_kill(main_thread().ident or 0, number)
            time.sleep(SECONDS_BETWEEN_LOOKS)

    with handled_by({number: interrupt}):
        try:
            yield
        finally:
            pending, since = since is not None, None
    if pending:
        raise KeyboardInterrupt


@contextmanager
def handled_by(handlers: Mapping[signal.Signals, Handler]) -> Iterator[None]:
    """Install these signal handlers, and restore the previous ones at the end."""
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def is_importing(frame: FrameType | None) -> bool:
    """Whether this frame runs inside an import."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


@contextmanager
def interrupts_delayed(*, at_most: int = 1) -> Iterator[list[int]]:
    """Delay Ctrl-C and SIGTERM to the end of the block; more than ``at_most`` interrupt at once.

    Yields the list of received signals. During its start and end, Ray swallows an interrupt or
    ends this process from C++ later.
    """
    received: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if len(received) > at_most:
            raise KeyboardInterrupt

    # Ignored signals, as in a shell's background, stay ignored; only the main thread gets signals.
    handlers = {
        number: interrupt
        for number in (signal.SIGINT, signal.SIGTERM)
        if callable(signal.getsignal(number)) and current_thread() is main_thread()
    }
    with handled_by(handlers):
        yield received
    if received:
        raise KeyboardInterrupt
