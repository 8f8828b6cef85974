"""The mirror in its own process, so that training never waits for it.

``runners.tracking.follower_process`` starts it. Its task is one line of JSON on standard input, and
alerts are further lines; its reports are lines of JSON on standard output. It ends when the input
is closed, after a last look at the records; the exit status TRY_AGAIN asks for a restart.
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
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from filelock import FileLock, Timeout

from adaloss.grid.reading.file import read_grid_file
from adaloss.grid.sweep import Sweep, sweep_of
from adaloss.records.store import Store
from runners.tracking.follower_process import TRY_AGAIN, counted
from runners.tracking.labels import labels_of_sweep
from runners.tracking.mirror import Mirror, unfinished
from runners.tracking.shared import runs_of_others
from runners.tracking.sweep_run import put_sweep_run
from runners.tracking.target import one_line
from runners.tracking.wandb_runs import WandbTarget, login

SECONDS_BETWEEN_LOOKS = 2.0
# The longest that an alert, or the end of the sweep, waits for a run to be sent.
SECONDS_FOR_ONE_RUN = 0.1
# The longest time until a run that could not be sent is retried.
SECONDS_IN_TROUBLE = 60.0
SECONDS_FOR_ANOTHER_MIRROR = 5.0
LOCK_FILE = "mirror.lock"


class Reporter:
    """Writes lines of JSON for the driver, and ignores that the driver is gone."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def report(self, **event: Any) -> None:
        """Write one report."""
        with suppress(BrokenPipeError):
            print(json.dumps(event), file=self.stream, flush=True)


class Orders:
    """Lines of JSON from the driver. ``ended`` says whether the driver has closed the input.

    Not a text stream, which may hold lines back that ``select`` then does not see.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.waiting = b""
        self.ended = False

    def next(self, seconds: float | None) -> Any:
        """The next line's content; None if none comes within this many seconds, or ever."""
        while b"\n" not in self.waiting:
            readable, _, _ = select.select([self.descriptor], [], [], seconds)
            piece = os.read(self.descriptor, 65536) if readable else b""
            if not piece:
                self.ended = bool(readable)
                return None
            self.waiting += piece
        line, _, self.waiting = self.waiting.partition(b"\n")
        return json.loads(line)


def follow(orders: Orders, reporter: Reporter) -> int:
    """Mirror the sweep of the first order until the orders end; returns the exit status."""
    task = orders.next(None)
    # Of the copy, as if it lay where the grid does: beside it is the user's own code.
    sweep = sweep_of(replace(read_grid_file(Path(task["grid"])), source=Path(task["source"])))
    # To this process's log: the command line has reported it to the user.
    store = Store(Path(task["store"]), lambda error: print(error, file=sys.stderr))
    target = choose_target(task["mode"], store, reporter)
    if target.mode == "online":
        report_shared(sweep, store, target, reporter)
    if task["dry_run"]:
        missing = unfinished(sweep, store, target)
        runs = [f"{trial.readable_name} ({trial.trial_id}): {end.state}" for trial, end in missing]
        reporter.report(missing=runs, left=len(runs))
        return 0
    try:
        with FileLock(store.root / "wandb" / LOCK_FILE, timeout=SECONDS_FOR_ANOTHER_MIRROR):
            return mirror_until(orders, sweep, store, target, reporter)
    except Timeout:
        reporter.report(trouble="another process is writing the runs of this sweep")
        return TRY_AGAIN


def choose_target(mode: str, store: Store, reporter: Reporter) -> WandbTarget:
    """Online if there is a key for the server, unless the mode is offline."""
    folder = store.root / "wandb"
    if mode == "offline":
        reporter.report(mode="offline", why="as asked", server="")
        return WandbTarget(mode="offline", folder=folder, server="")
    found = login()
    if found.known:
        reporter.report(mode="online", why="there is a key for it", server=found.server)
        return WandbTarget(mode="online", folder=folder, server=found.server)
    reporter.report(
        mode="offline", why=f"no key for {found.server}; `wandb login` stores one", server=""
    )
    return WandbTarget(mode="offline", folder=folder, server="")


def report_shared(sweep: Sweep, store: Store, target: WandbTarget, reporter: Reporter) -> None:
    """Report the runs that this sweep takes from others."""
    others = [f"{counted(n)} of {name}" for name, n in runs_of_others(sweep, store, target)]
    if others:
        reporter.report(
            shared=f"{' and '.join(others)} will show this sweep instead: a trial has one run in a "
            "project; for a run in each, give each sweep its own project (wandb: {project: …})"
        )


def mirror_until(
    orders: Orders, sweep: Sweep, store: Store, target: WandbTarget, reporter: Reporter
) -> int:
    """Follow the records until the orders end; then bring all runs up to date."""
    mirror = Mirror(sweep, store, target)

    def report_progress() -> None:
        if mirror.urls:
            reporter.report(url=mirror.urls[0])
        reporter.report(finished=mirror.finished)

    seconds = SECONDS_BETWEEN_LOOKS
    troubled_since = None
    alerted = 0
    while not orders.ended:
        if (alert := orders.next(seconds)) is not None:
            put_alert(sweep, target, alert, reporter)
            alerted += 1
            reporter.report(alerted=alerted)
            continue
        if orders.ended:
            break
        mirror.look()
        report_progress()
        # While runs are queued, continue as soon as one is done; an alert waits for a moment.
        seconds = 0.0 if mirror.queue else SECONDS_BETWEEN_LOOKS
        if mirror.queue:
            mirror.wait_for_one(SECONDS_FOR_ONE_RUN)
        if mirror.problems and troubled_since is None:
            troubled_since = time.monotonic()
            reporter.report(trouble=next(iter(mirror.problems.values())))
        too_long = troubled_since and time.monotonic() - troubled_since > SECONDS_IN_TROUBLE
        if mirror.given_up or too_long:
            return TRY_AGAIN
    if mirror.problems:
        # Failed runs are retried once in a new process, with a fresh state of the library.
        return TRY_AGAIN
    mirror.catch_up(report_progress)
    report_progress()
    problems = dict(mirror.problems)
    reporter.report(left=len(unfinished(sweep, store, target)), problems=problems)
    if not problems:
        try:
            show_sweep(sweep, store, target, reporter)
        # Any exception of the library: the runs matter more than the sweep's page.
        except Exception as error:
            reporter.report(problems={"sweep": f"the sweep's own page: {one_line(error)}"})
    return 0


def show_sweep(sweep: Sweep, store: Store, target: WandbTarget, reporter: Reporter) -> None:
    """Send the sweep's own run and, online, its dashboard, if they have changed."""
    digest = put_sweep_run(sweep, store, target)
    if digest is None or target.mode == "offline":
        return
    # It takes half a second to import.
    from runners.tracking.publish import is_shown, publish

    if not is_shown(store, digest):
        saved = publish(sweep, store, target.server, digest)
        reporter.report(workspace=saved.workspace, report=saved.report)


def put_alert(
    sweep: Sweep, target: WandbTarget, alert: Mapping[str, str], reporter: Reporter
) -> None:
    """Send an alert from the sweep's own run, if W&B is online; trouble is reported."""
    if target.mode == "offline":
        return
    try:
        target.alert(labels_of_sweep(sweep), alert["title"], alert["text"])
    # Any exception of the library: the runs matter more than an alert.
    except Exception as error:
        traceback.print_exc()
        reporter.report(unsent=f"the alert could not be sent: {one_line(error)}")


def main() -> None:
    """Run the follower; the driver handles Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Output of libraries goes to the log, not to the driver.
    reporter = Reporter(os.fdopen(os.dup(1), "w"))
    os.dup2(2, 1)
    try:
        status = follow(Orders(sys.stdin.fileno()), reporter)
    # Such as a setting that the library refuses: the driver prints one line, the log has the rest.
    except Exception as error:
        traceback.print_exc()
        reporter.report(trouble=one_line(error))
        status = 1
    sys.stderr.flush()
    # Exit at once: W&B would wait for uploads that fail, and the ledger has what is missing.
    os._exit(status)
