"""Stops a sweep in order, as Ctrl-C does, when Ray is lost."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SECONDS_BETWEEN_LOOKS = 0.1

# Returns what is lost of Ray, or None while all of it is alive.
Lost = Callable[[], str | None]


class RayLostError(Exception):
    """Ray is lost and the sweep has stopped; the message says what died and what to do."""


@contextmanager
def stopped_when(lost: Lost) -> Iterator[None]:
    """Stop the block as soon as Ray is lost; otherwise Ray ends this process from C++.

    Only a KeyboardInterrupt in the main thread interrupts Ray while it waits, so the block must
    raise one at SIGTERM.

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
        # Ray's own exception says less.
        if not found:
            raise
    if found:
        raise RayLostError(
            f"{found[0]}, so the sweep has stopped. Finished trials are safe; the next `run` "
            "continues the others from their last checkpoints"
        )
