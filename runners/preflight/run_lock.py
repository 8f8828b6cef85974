"""One run at a time on a sweep's results: a second one is told who is at work."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from adaloss.errors import UserError
from adaloss.records.store import Store
from runners.preflight.finding import Level
from runners.preflight.machine.folders import exists, writing

LOCK_FILE = "run.lock"
OWNER_FILE = "run.owner"


class AlreadyRunningError(UserError):
    """Another run is at work on the same results; the message says which."""


@contextmanager
def only_run(store: Store) -> Iterator[None]:
    """Hold the results of a sweep for one run; whatever ends the process gives them back.

    Raises:
        AlreadyRunningError: another process holds them.
        UserError: nothing can be written there.
    """
    owner = store.root / OWNER_FILE
    lock = FileLock(store.root / LOCK_FILE)
    try:
        store.root.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
        store.write_text(owner, f"process {os.getpid()} on {socket.gethostname()}\n")
    except Timeout:
        raise AlreadyRunningError(f"{in_use(store)}; nothing was started") from None
    except OSError as error:
        lock.release()
        trouble = writing("results", store.root)
        raise (UserError(trouble.sentence) if trouble.level is Level.REFUSED else error) from None
    try:
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def is_held(store: Store) -> bool:
    """Whether a process holds the results now; nothing is made to find out."""
    if not exists(store.root / LOCK_FILE):
        return False
    lock = FileLock(store.root / LOCK_FILE)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    # Where the lock cannot be written, other checks say so.
    except OSError:
        return False
    lock.release()
    return False


def in_use(store: Store) -> str:
    """That somebody else has the results, and what to do."""
    return (
        f"another run is at work on {store.root} ({told(store)}): wait for its end, or stop it "
        "with Ctrl-C"
    )


def told(store: Store) -> str:
    """Who holds the results, as far as is known."""
    try:
        return (store.root / OWNER_FILE).read_text(encoding="utf-8").strip()
    except OSError:
        return "it has not said which process it is"
