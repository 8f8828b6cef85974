"""Upload what a run writes, while it runs and at its end."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from adaloss.records.remote.address import Remote, RemoteError, remote_of
from adaloss.records.remote.transfer import local_files, pull, push
from adaloss.records.store import Store
from runners.storage.lease import SECONDS_BETWEEN_BEATS, Lease, LeaseError

# At its end a run goes on trying for this long.
SECONDS_TO_TRY = 120.0
SECONDS_BETWEEN_TRIES = 5.0

Say = Callable[[str], None]


def brought_up_to_date(root: Path, say: Say) -> None:
    """Take over what changed at the URL of a working copy, unless a run of this machine uses it.

    Raises:
        RemoteError: the storage cannot be reached.
    """
    remote = remote_of(root)
    if remote is not None:
        report_conflicts(remote, pull(remote, unless_running=True), say)


@contextmanager
def kept_at_home(store: Store, say: Say) -> Iterator[None]:
    """Upload the changes of the block, if the store is the working copy of results at a URL.

    Raises:
        LeaseError: another run writes to these results.
        RemoteError: the storage cannot be reached at the beginning, or not to the end: then the
            working copy has everything, and the next run uploads it.
    """
    remote = remote_of(store.root)
    if remote is None:
        yield
        return
    lease = Lease(remote)
    lease.take(say)
    try:
        report_conflicts(remote, pull(remote), say)
        uploads = Uploads(lease, say, set(local_files(remote.root)))
        # An upload may take longer than others wait for a sign of life.
        work = [
            threading.Thread(target=each, daemon=True) for each in (uploads.live, uploads.go_on)
        ]
        for thread in work:
            thread.start()
        try:
            yield
        finally:
            uploads.ended.set()
            work[1].join()
            try:
                uploads.finish()
            finally:
                uploads.finished.set()
                work[0].join()
    finally:
        with suppress(RemoteError):
            lease.release()


def report_conflicts(remote: Remote, conflicts: list[str], say: Say) -> None:
    """Say which files changed on both sides."""
    if conflicts:
        more = f" and {len(conflicts) - 1} more" if len(conflicts) > 1 else ""
        say(
            f"note: {conflicts[0]}{more} changed here and at {remote.url}: that version is used, "
            f"and the one of this machine is in {remote.root / 'conflicts'}"
        )


@dataclass
class Uploads:
    """The uploads of a run. ``names`` are the files that the URL has, as far as is known.

    ``ended`` says that the run writes nothing more, ``finished`` that nothing is uploaded any more.
    """

    lease: Lease
    say: Say
    names: set[str]
    ended: threading.Event = field(default_factory=threading.Event)
    finished: threading.Event = field(default_factory=threading.Event)
    failing: bool = False
    lost: bool = False

    def live(self) -> None:
        """Show signs of life until all is uploaded or the lease is lost."""
        while not self.lost and not self.finished.wait(SECONDS_BETWEEN_BEATS):
            try:
                self.lease.beat()
            except LeaseError as error:
                self.give_up(error)
            except RemoteError:
                # The uploads say so.
                continue

    def give_up(self, error: LeaseError) -> None:
        """Have the run end in order, as after Ctrl-C, because another has its lease."""
        if not self.lost:
            self.lost = True
            self.say(str(error))
            os.kill(os.getpid(), signal.SIGTERM)

    def go_on(self) -> None:
        """Upload every few seconds until the run has ended or has lost its lease."""
        while not self.lost and not self.ended.wait(SECONDS_BETWEEN_BEATS):
            try:
                self.upload()
            except LeaseError as error:
                self.give_up(error)
            except RemoteError as error:
                if not self.failing:
                    self.say(f"{error}; the run goes on, and uploads when it can")
                self.failing = True
            else:
                if self.failing:
                    self.say(f"{self.lease.remote.url} can be used again")
                self.failing = False

    def upload(self) -> None:
        """Upload what changed, if the lease is still this run's.

        Raises:
            LeaseError, RemoteError: see :meth:`Lease.check`.
        """
        self.lease.check()
        self.names = push(self.lease.remote, self.names)

    def finish(self) -> None:
        """Upload the rest.

        Raises:
            RemoteError: that failed for two minutes.
        """
        if self.lost:
            return
        deadline = time.monotonic() + SECONDS_TO_TRY
        while True:
            try:
                self.upload()
            except RemoteError as error:
                if time.monotonic() > deadline:
                    raise RemoteError(
                        f"{error}. Not everything is uploaded; all of it is in "
                        f"{self.lease.remote.root}: run the same command again to upload it"
                    ) from None
                time.sleep(SECONDS_BETWEEN_TRIES)
            else:
                return
