"""Keep everyone else from writing to results while a command changes or copies them."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from filelock import FileLock, Timeout

from adaloss.errors import UserError
from adaloss.records.remote.address import remote_of
from adaloss.records.store import Store
from runners.interrupt import sigterm_as_interrupt
from runners.on_ray.processes import end_left_behind
from runners.preflight.run_lock import AlreadyRunningError, in_use, is_held, only_run

NOTHING_CHANGED = "nothing was changed"
# The locks of `sync` and `watch`, below a sweep's folder.
OTHER_LOCKS = {"wandb/mirror.lock": "`sync`", ".watch.lock": "`watch`"}


@contextmanager
def in_hand(store: Store) -> Iterator[None]:
    """Lock the results against runs, `sync` and `watch`; SIGTERM stops the block like Ctrl-C.

    Workers that a killed run has left, which could still write, are ended first.

    Raises:
        AlreadyRunningError: another process uses the results.
        UserError: they are the working copy of results at a URL, or cannot be written.
    """
    remote = remote_of(store.root)
    if remote is not None:
        raise UserError(
            f"{remote.url} is at a URL, and this command changes results in a folder of this "
            "machine only: change them with the storage's own tools"
        )
    with ExitStack() as held:
        held.enter_context(sigterm_as_interrupt())
        held.enter_context(only_run(store, otherwise=NOTHING_CHANGED))
        for name, who in OTHER_LOCKS.items():
            lock = FileLock(store.root / name)
            if not (store.root / name).exists():
                continue
            try:
                lock.acquire(blocking=False)
            except Timeout:
                raise AlreadyRunningError(
                    f"{who} is using {store.root}: stop it first; {NOTHING_CHANGED}"
                ) from None
            held.callback(lock.release)
        end_left_behind(store.root)
        yield


@contextmanager
def at_rest(store: Store) -> Iterator[None]:
    """Like :func:`in_hand`, to read results, which may be a URL's or in a read-only folder.

    Raises:
        AlreadyRunningError: a run uses the results.
    """
    if remote_of(store.root) is None and os.access(store.root, os.W_OK):
        with in_hand(store):
            yield
        return
    if is_held(store):
        raise AlreadyRunningError(f"{in_use(store)}; {NOTHING_CHANGED}")
    yield
