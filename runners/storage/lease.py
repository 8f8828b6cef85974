"""One run at a time writes to the results at a URL: the run that holds the lease.

The lease is a file there, with a token of the run and a number that grows while the run lives. A
run that dies leaves it; whoever sees that the number has stood still for a while takes it over. The
first run, if it was only cut off from the network, finds another token and stops.
"""

import json
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from adaloss.errors import UserError
from adaloss.records.remote.address import Remote, reaching

LEASE_FILE = ".lease.json"
SECONDS_BETWEEN_BEATS = 10.0
# Several beats: a slow network must not cost a living run its lease.
SECONDS_TO_WATCH = 60.0
# Longer than a write takes: of two runs that take over at the same time, the later write wins.
SECONDS_TO_SETTLE = 3.0


class LeaseError(UserError):
    """Another run holds the lease; the message names it."""


@dataclass
class Lease:
    """A run's claim to write to a sweep's results at a URL."""

    remote: Remote
    token: str = field(default_factory=lambda: uuid4().hex)
    beats: int = 0

    @property
    def path(self) -> str:
        """The path of the lease in its file system."""
        return self.remote.at(LEASE_FILE)

    def take(self, say: Callable[[str], None]) -> None:
        """Take the lease, if necessary from a run that shows no sign of life for a minute.

        Raises:
            LeaseError: another run is alive, or was faster.
            RemoteError: the storage cannot be reached.
        """
        with reaching(self.remote):
            if self.created():
                return
            before = self.read()
            if before is not None:
                say(
                    f"{self.remote.url} was in use by {before['owner']}: waiting "
                    f"{SECONDS_TO_WATCH:.0f} s for a sign of life"
                )
                self.watch(before)
            self.write()
            time.sleep(SECONDS_TO_SETTLE)
            self.check()

    def created(self) -> bool:
        """Whether there was no lease and this run's was created."""
        system, _ = self.remote.where
        try:
            system.pipe_file(self.path, self.content, mode="create")
        except FileExistsError:
            return False
        return self.is_ours()

    def watch(self, before: dict[str, Any]) -> None:
        """Wait whether the run that holds the lease is alive.

        Raises:
            LeaseError: it is.
        """
        deadline = time.monotonic() + SECONDS_TO_WATCH
        while time.monotonic() < deadline:
            time.sleep(min(SECONDS_BETWEEN_BEATS / 2, SECONDS_TO_WATCH / 4))
            now = self.read()
            if now is None:
                return
            if now != before:
                raise LeaseError(
                    f"{self.remote.url} is in use by {now['owner']}: wait until that run ends, or "
                    "stop it; nothing was started"
                )

    def beat(self) -> None:
        """Show that this run is alive.

        Raises:
            LeaseError: another run has taken the lease over.
            RemoteError: the storage cannot be reached.
        """
        self.check()
        with reaching(self.remote):
            self.beats += 1
            self.write()

    def check(self) -> None:
        """Check that the lease is still this run's.

        Raises:
            LeaseError: another run has it.
            RemoteError: the storage cannot be reached.
        """
        with reaching(self.remote):
            holder = self.read()
        if holder is None or holder["token"] != self.token:
            by = "" if holder is None else f" by {holder['owner']}"
            raise LeaseError(
                f"the lease of {self.remote.url} was taken over{by}: this run stops and uploads "
                f"nothing more; what it computed is in {self.remote.root}"
            )

    def is_ours(self) -> bool:
        """Whether the lease at the URL is this run's."""
        holder = self.read()
        return holder is not None and holder["token"] == self.token

    def release(self) -> None:
        """Give the lease back.

        Raises:
            RemoteError: the storage cannot be reached.
        """
        with reaching(self.remote):
            if self.is_ours():
                self.remote.where[0].rm_file(self.path)

    @property
    def content(self) -> bytes:
        """The lease as it is written."""
        owner = f"process {os.getpid()} on {socket.gethostname()}"
        return json.dumps({"token": self.token, "owner": owner, "beat": self.beats}).encode()

    def write(self) -> None:
        """Write the lease, over another's if there is one."""
        self.remote.where[0].pipe_file(self.path, self.content)

    def read(self) -> dict[str, Any] | None:
        """The lease at the URL; None if there is none."""
        system, _ = self.remote.where
        system.invalidate_cache()
        try:
            content = json.loads(system.cat_file(self.path))
        except FileNotFoundError:
            return None
        except ValueError:
            content = {}
        known = content if isinstance(content, dict) else {}
        return {name: known.get(name, "another run") for name in ("token", "owner", "beat")}
