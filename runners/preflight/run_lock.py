"""A lock on a sweep's results: a second run is refused and names the process of the first."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from adaloss.errors import UserError
from adaloss.records.store import LOCK_FILE, OWNER_FILE, Store
from runners.preflight.finding import Level
from runners.preflight.machine.folders import exists, writing


class AlreadyRunningError(UserError):
    """Another run uses the same results; the message names its process."""


@contextmanager
def only_run(store: Store, otherwise: str = "nothing was started") -> Iterator[None]:
    """Lock the results of a sweep for one run; the lock ends with the process.

    ``otherwise`` says what it means that another process has the lock.

    Raises:
        AlreadyRunningError: another process holds the lock.
        UserError: the folder cannot be written to.
    """
    owner_file = store.root / OWNER_FILE
    lock = FileLock(store.root / LOCK_FILE)
    try:
        store.root.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
        store.write_text(owner_file, f"process {os.getpid()} on {socket.gethostname()}\n")
    except Timeout:
        raise AlreadyRunningError(f"{in_use(store)}; {otherwise}") from None
    except OSError as error:
        lock.release()
        trouble = writing("results", store.root)
        raise (UserError(trouble.sentence) if trouble.level is Level.REFUSED else error) from None
    try:
        yield
    finally:
        owner_file.unlink(missing_ok=True)
        lock.release()


def is_held(store: Store) -> bool:
    """Whether a process holds the lock; this creates no file."""
    if not exists(store.root / LOCK_FILE):
        return False
    lock = FileLock(store.root / LOCK_FILE)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    # Other checks report a folder that cannot be written to.
    except OSError:
        return False
    lock.release()
    return False


def in_use(store: Store) -> str:
    """A sentence on the other run, and what to do."""
    return (
        f"another run is using {store.root} ({owner(store)}): wait until it ends, or stop it with "
        "Ctrl-C"
    )


def owner(store: Store) -> str:
    """The process that holds the lock, as far as it is known."""
    try:
        return (store.root / OWNER_FILE).read_text(encoding="utf-8").strip()
    except OSError:
        return "its process is unknown"
