"""Ray that is no longer there: a sweep stops in order, as it would be stopped by its user."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SECONDS_BETWEEN_LOOKS = 0.1

# Says what of Ray is lost, or None while all is there.
Lost = Callable[[], str | None]


class RayLostError(Exception):
    """Ray is no longer there and the sweep has stopped; the message says what and what to do."""


@contextmanager
def stopped_when(lost: Lost) -> Iterator[None]:
    """Stop what runs inside as soon as Ray is lost; it would end this process from C++.

    Ray's waiting is broken off by nothing but a KeyboardInterrupt in the main thread: SIGTERM is
    to be answered with one inside.

    Raises:
        RayLostError: Ray is lost.
    """
    found: list[str] = []
    over = threading.Event()
    main = threading.get_ident()

    def watch() -> None:
        while not over.wait(SECONDS_BETWEEN_LOOKS):
            if what := lost():
                found.append(what)
                signal.pthread_kill(main, signal.SIGTERM)
                return

    watcher = threading.Thread(target=watch, name="watch Ray", daemon=True)
    watcher.start()
    try:
        try:
            yield
        finally:
            over.set()
            watcher.join()
    except (Exception, KeyboardInterrupt):
        # What Ray raises when it is lost says less.
        if not found:
            raise
    if found:
        raise RayLostError(
            f"{found[0]}, so the sweep has stopped: what had finished is safe, and the next `run` "
            "goes on from the last checkpoints"
        )
