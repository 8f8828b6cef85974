"""One script at a time writes a file of metrics, whichever sweep or command has started it."""

import hashlib
import os
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from adaloss.records.places import APPLICATION


def lock_of(file: Path) -> FileLock:
    """The lock of a file of metrics. It is in the user's cache, not among the user's files."""
    name = hashlib.sha256(os.fsencode(file.resolve())).hexdigest()[:16]
    # Whoever closes the script may be in another thread.
    return FileLock(user_cache_path(APPLICATION) / "locks" / f"{name}.lock", thread_local=False)


def wait_for(lock: FileLock, file: Path) -> None:
    """Take the lock, and say so if another script has it, or if there can be no lock here."""
    try:
        lock.acquire(blocking=False)
    except Timeout:
        print(f"waits for another script that writes {file}", flush=True)
        lock.acquire()
    # The home folder may be read-only, or on a file system without locks.
    except (OSError, NotImplementedError) as error:
        print(f"other scripts that write {file} are not waited for: {error}", flush=True)
