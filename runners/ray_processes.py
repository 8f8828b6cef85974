"""The processes that Ray starts on this machine for one run: known by a mark, gone at its end.

Linux only, where ``/proc`` shows what a process was started with; elsewhere none are known, and
they are Ray's own to end.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

# Whatever the driver starts inherits its environment.
MARK = "ADALOSS_SWEEP_RAY"
SERVERS = ("gcs_server", "raylet")
SECONDS_BETWEEN_LOOKS = 0.1
SECONDS_TO_DIE = 10.0


class RayDiedError(Exception):
    """Ray has lost one of its servers and the sweep has stopped; the message says which."""


@dataclass(frozen=True)
class RayProcesses:
    """All that was started with the mark."""

    mark: bytes

    def alive(self) -> list[Path]:
        """Their folders in ``/proc``."""
        return [folder for folder in Path("/proc").glob("[0-9]*") if has(folder, self.mark)]

    def servers(self) -> dict[str, Path]:
        """Ray's servers among them, by name."""
        named = {program(folder): folder for folder in self.alive()}
        return {name: named[name] for name in SERVERS if name in named}

    def end(self) -> None:
        """Kill them and wait until they are gone; what is finished is safe on the disk."""
        deadline = time.monotonic() + SECONDS_TO_DIE
        while (left := self.alive()) and time.monotonic() < deadline:
            for folder in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(folder.name), signal.SIGKILL)
            time.sleep(0.01)


@contextmanager
def marked() -> Iterator[RayProcesses]:
    """Mark what is started inside; none of it outlives this."""
    value = uuid4().hex
    os.environ[MARK] = value
    processes = RayProcesses(f"{MARK}={value}".encode())
    try:
        yield processes
    finally:
        del os.environ[MARK]
        processes.end()


@contextmanager
def stopped_with_its_servers(processes: RayProcesses) -> Iterator[None]:
    """Stop what runs inside as soon as one of Ray's servers has died.

    Without them Ray hangs for a minute or for ever, or ends this process from C++. SIGTERM is to
    be answered with a KeyboardInterrupt inside: Ray's waiting is broken off by no other exception.

    Raises:
        RayDiedError: a server has died.
    """
    servers = processes.servers()
    died: list[str] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(SECONDS_BETWEEN_LOOKS):
            died.extend(name for name, folder in servers.items() if not has(folder, processes.mark))
            if died:
                signal.pthread_kill(main, signal.SIGTERM)
                return

    main = threading.get_ident()
    watcher = threading.Thread(target=watch, name="watch Ray's servers", daemon=True)
    watcher.start()
    try:
        try:
            yield
        finally:
            over.set()
            watcher.join()
    except (Exception, KeyboardInterrupt):
        # What Ray raises for want of a server would say less.
        if not died:
            raise
    if died:
        raise RayDiedError(
            f"Ray's {died[0]} died, so the sweep has stopped: what had finished is safe, and the "
            "next `run` goes on from the last checkpoints"
        )


def has(folder: Path, mark: bytes) -> bool:
    """Whether the process of this folder is alive and was started with the mark."""
    try:
        # Of one that has ended and was not waited for, this is empty.
        return mark in (folder / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def program(folder: Path) -> str:
    """The name of the process's program; empty if it has just ended."""
    try:
        return (folder / "comm").read_text().strip()
    except OSError:
        return ""
