"""The mirror as a process of its own beside the driver: training never waits for it.

Started by ``runners.tracking.conversation``; what to follow comes as one line of JSON on its
standard input, and what there is to say goes as lines of JSON to its standard output. It ends when
the input is closed, after a last look at the records; with TRY_AGAIN where it is to be started
anew.
"""

import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from filelock import FileLock, Timeout

from adaloss.grid.sweep import Sweep, load_sweep
from adaloss.records.store import Store
from runners.tracking.conversation import TRY_AGAIN
from runners.tracking.mirror import Mirror, unfinished
from runners.tracking.sweep_run import put_sweep_run
from runners.tracking.target import one_line
from runners.tracking.wandb_runs import WandbTarget, login

SECONDS_BETWEEN_LOOKS = 2.0
SECONDS_WHILE_AT_WORK = 0.1
# So long a run that could not be given waits, at most, until it is tried again.
SECONDS_IN_TROUBLE = 60.0
SECONDS_FOR_ANOTHER_MIRROR = 5.0
LOCK_FILE = "mirror.lock"


class Reporter:
    """Lines of JSON for the driver; a driver that is gone is no reason to fail."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def tell(self, **event: Any) -> None:
        """Say one thing."""
        with suppress(BrokenPipeError):
            print(json.dumps(event), file=self.stream, flush=True)


def follow(task: Mapping[str, Any], ended: TextIO, reporter: Reporter) -> int:
    """Mirror the sweep of the task until ``ended`` is closed; returns the exit status."""
    sweep = load_sweep(Path(task["grid"]))
    # The log of this process: the command line has told the user.
    store = Store(Path(task["store"]), lambda error: print(error, file=sys.stderr))
    target = choose_target(task["mode"], store, reporter)
    if task["dry_run"]:
        missing = unfinished(sweep, store, target)
        runs = [f"{trial.readable_name} ({trial.trial_id}): {end.state}" for trial, end in missing]
        reporter.tell(missing=runs)
        return 0
    try:
        with FileLock(store.root / "wandb" / LOCK_FILE, timeout=SECONDS_FOR_ANOTHER_MIRROR):
            return mirror_until(ended, sweep, store, target, reporter)
    except Timeout:
        reporter.tell(trouble="another process is writing the runs of this sweep")
        return TRY_AGAIN


def choose_target(mode: str, store: Store, reporter: Reporter) -> WandbTarget:
    """Online where there is a key for the server, unless offline is what is asked for."""
    folder = store.root / "wandb"
    if mode == "offline":
        reporter.tell(mode="offline", why="as asked", server="")
        return WandbTarget(mode="offline", folder=folder, server="")
    found = login()
    if found.known:
        reporter.tell(mode="online", why="there is a key for it", server=found.server)
        return WandbTarget(mode="online", folder=folder, server=found.server)
    reporter.tell(
        mode="offline", why=f"no key for {found.server}; `wandb login` keeps one", server=""
    )
    return WandbTarget(mode="offline", folder=folder, server="")


def mirror_until(
    ended: TextIO, sweep: Sweep, store: Store, target: WandbTarget, reporter: Reporter
) -> int:
    """Look at the records again and again until the stream is closed; then bring all up to date."""
    mirror = Mirror(sweep, store, target)

    def tell_progress() -> None:
        if mirror.urls:
            reporter.tell(url=mirror.urls[0])
        reporter.tell(finished=mirror.finished)

    seconds = SECONDS_BETWEEN_LOOKS
    troubled_since = None
    while not is_closed(ended, seconds):
        mirror.look()
        tell_progress()
        # While runs wait for their turn it goes on at once.
        seconds = SECONDS_WHILE_AT_WORK if mirror.queue else SECONDS_BETWEEN_LOOKS
        if mirror.problems and troubled_since is None:
            troubled_since = time.monotonic()
            reporter.tell(trouble=next(iter(mirror.problems.values())))
        too_long = troubled_since and time.monotonic() - troubled_since > SECONDS_IN_TROUBLE
        if mirror.given_up or too_long:
            return TRY_AGAIN
    if mirror.problems:
        # What could not be given is tried once more, with a library that knows nothing of that.
        return TRY_AGAIN
    mirror.catch_up(tell_progress)
    tell_progress()
    problems = dict(mirror.problems)
    reporter.tell(left=len(unfinished(sweep, store, target)), problems=problems)
    if not problems:
        try:
            show_sweep(sweep, store, target, reporter)
        # Whatever the library raises: the runs are what counts.
        except Exception as error:
            reporter.tell(problems={"sweep": f"the sweep's own page: {one_line(error)}"})
    return 0


def show_sweep(sweep: Sweep, store: Store, target: WandbTarget, reporter: Reporter) -> None:
    """Give the sweep's own run and, online, its dashboard, if there is anything new to show."""
    digest = put_sweep_run(sweep, store, target)
    if digest is None or target.mode == "offline":
        return
    # It takes half a second to import.
    from runners.tracking.publish import is_shown, publish

    if not is_shown(store, digest):
        saved = publish(sweep, store, target.server, digest)
        reporter.tell(workspace=saved.workspace, report=saved.report)


def is_closed(stream: TextIO, seconds: float) -> bool:
    """Whether the stream ends within so many seconds."""
    readable, _, _ = select.select([stream], [], [], seconds)
    return bool(readable) and not stream.read(1)


def main() -> None:
    """Follow as told; Ctrl-C is the driver's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What libraries print is for the log, not for the driver.
    reporter = Reporter(os.fdopen(os.dup(1), "w"))
    os.dup2(2, 1)
    try:
        status = follow(json.loads(sys.stdin.readline()), sys.stdin, reporter)
    # A setting that the library refuses, say: the driver tells the user, the log has all of it.
    except Exception as error:
        traceback.print_exc()
        reporter.tell(trouble=one_line(error))
        status = 1
    sys.stderr.flush()
    # W&B would wait for uploads that cannot be made: what is missing is on record.
    os._exit(status)
