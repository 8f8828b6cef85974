"""One run at a time on a sweep's results: a second one is told who is at work."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from adaloss.store import Store
from adaloss.user_error import UserError

LOCK_FILE = "run.lock"
OWNER_FILE = "run.owner"


class AlreadyRunningError(UserError):
    """Another run is at work on the same results; the message says which."""


@contextmanager
def only_run(store: Store) -> Iterator[None]:
    """Hold the results of a sweep for one run; whatever ends the process gives them back.

    Raises:
        AlreadyRunningError: another process holds them.
    """
    store.root.mkdir(parents=True, exist_ok=True)
    owner = store.root / OWNER_FILE
    lock = FileLock(store.root / LOCK_FILE)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise AlreadyRunningError(
            f"another run is at work on {store.root} ({told(store)}): wait for its end, or stop it "
            "with Ctrl-C; nothing was started"
        ) from None
    try:
        store.write_text(owner, f"process {os.getpid()} on {socket.gethostname()}\n")
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def told(store: Store) -> str:
    """Who holds the results, as far as is known."""
    try:
        return (store.root / OWNER_FILE).read_text(encoding="utf-8").strip()
    except OSError:
        return "it has not said which process it is"
