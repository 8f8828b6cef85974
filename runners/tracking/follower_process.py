"""Start the process that mirrors a sweep, read its reports, and restart it when it gives up."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from adaloss.grid.schema.schema import WandbMode
from adaloss.grid.sweep import Sweep
from adaloss.records.store import Store

Say = Callable[[str], None]
LOG_FILE = "mirror.log"
# -P and adaloss_sweep keep modules of the working folder from replacing the tool's own.
FOLLOWER = [
    sys.executable,
    "-P",
    "-c",
    "import adaloss_sweep; from runners.tracking.follower import main; main()",
]
TRY_AGAIN = 75
SHORTEST_REST, LONGEST_REST = 10.0, 300.0
# With these variables all trials would become one run.
NOT_FOR_MANY_RUNS = ("WANDB_RUN_ID", "WANDB_NAME", "WANDB_RESUME", "WANDB_SWEEP_ID")
# The service process of a program that started this one would outlive the follower.
OF_ANOTHER = ("WANDB_SERVICE",)
# The task contains the mode.
OF_THE_MODE = ("WANDB_MODE", "WANDB_DISABLED")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The outcome of a mirror.

    It finished ``finished`` runs; ``left`` runs are unfinished, None if it did not report that. A
    dry run lists them as ``missing``. ``problems`` are the reasons, ``trouble`` is a problem that
    was printed already, and ``log`` is the file with details.
    """

    mode: str
    finished: int
    left: int | None
    problems: Mapping[str, str]
    trouble: str | None
    in_time: bool
    missing: tuple[str, ...]
    pages: tuple[str, ...]
    log: Path

    def lines(self, patience: float, sync_command: str) -> Iterator[str]:
        """The lines to print at the end of a sweep."""
        if self.finished:
            done = "uploaded" if self.mode == "online" else "written"
            yield f"W&B: {counted(self.finished)} {done}"
        yield from self.pages
        go_on = f"continue with: {sync_command}"
        if not self.in_time:
            yield f"W&B: not all runs were sent within {patience:g} s; {go_on}"
        elif self.left is None:
            yield f"W&B: not all runs could be sent ({self.why()}); {go_on}"
        elif self.left:
            why = "" if self.trouble else f" ({self.why()})"
            yield f"W&B: {counted(self.left)} left{why}; {go_on}"
        elif self.problems:
            yield f"W&B: {self.why()}; {go_on}"
        elif self.finished and self.mode == "offline":
            yield f"W&B: to upload, log in and run: {sync_command}"

    def why(self) -> str:
        """A reason, or the file that has it."""
        return next(iter(self.problems.values()), None) or self.trouble or f"see {self.log}"


class FollowerProcess:
    """A follower that is running, or waiting for its restart.

    ``live`` is True while a sweep runs, so that there is time to try again.
    """

    def __init__(
        self,
        sweep: Sweep,
        store: Store,
        mode: WandbMode,
        say: Say,
        *,
        live: bool,
        dry_run: bool = False,
    ) -> None:
        self.say, self.live = say, live
        self.folder = store.root / "wandb"
        # A copy: the user may edit the grid meanwhile, or sync another version of it.
        name = hashlib.sha256(sweep.text.encode()).hexdigest()[:12]
        grid = self.folder / "grids" / f"{name}.yaml"
        store.write_text(grid, sweep.text)
        self.task = {
            "grid": str(grid.resolve()),
            "source": str(sweep.source.absolute()),
            "store": str(store.root.resolve()),
            "mode": mode,
            "dry_run": dry_run,
        }
        self.reported: dict[str, Any] = {}
        self.finished_before = 0
        self.alerts: list[dict[str, str]] = []
        self.alerted_before = 0
        self.ending = threading.Event()
        self.over = False
        self.lock = threading.Lock()
        self.process = self.start()
        self.listener = threading.Thread(target=self.attend, daemon=True)
        self.listener.start()

    def start(self) -> "subprocess.Popen[str]":
        """Start a follower and send it its task, and the alerts that the last one has not sent."""
        with (self.folder / LOG_FILE).open("a") as log:
            process = subprocess.Popen(
                FOLLOWER,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment(),
                # Ctrl-C on the terminal reaches the driver only.
                start_new_session=True,
            )
        # A follower that is gone already is noticed by its exit status.
        with suppress(BrokenPipeError):
            for message in (self.task, *self.alerts[self.alerted_before :]):
                pipe(process.stdin).write(json.dumps(message) + "\n")
            pipe(process.stdin).flush()
        return process

    def alert(self, title: str, text: str) -> None:
        """Have the follower send an alert; the next one does it if this one cannot."""
        message = {"title": title, "text": text}
        with self.lock, suppress(BrokenPipeError, ValueError):
            self.alerts.append(message)
            pipe(self.process.stdin).write(json.dumps(message) + "\n")
            pipe(self.process.stdin).flush()

    def attend(self) -> None:
        """Listen to followers, one after the other, until one has finished."""
        rest = SHORTEST_REST
        while True:
            was_ending = self.ending.is_set()
            self.listen()
            status = self.process.wait()
            with self.lock:
                self.close()
                if self.over:
                    return
            if status == 0 or was_ending or (status != TRY_AGAIN and not self.live):
                return
            if status != TRY_AGAIN:
                self.hear({"trouble": f"the mirror ended early; see {self.folder / LOG_FILE}"})
            self.finished_before += self.reported.pop("finished", 0)
            self.alerted_before += self.reported.pop("alerted", 0)
            self.ending.wait(rest)
            rest = min(2 * rest, LONGEST_REST)
            with self.lock:
                if self.over:
                    return
                self.process = self.start()
                if self.ending.is_set():
                    self.close()

    def listen(self) -> None:
        """Read the follower's reports and print new ones."""
        with pipe(self.process.stdout) as lines:
            for line in lines:
                self.hear(json.loads(line))

    def hear(self, event: dict[str, Any]) -> None:
        """Store a report; each kind of report is printed once."""
        new = event.keys() - self.reported.keys()
        self.reported |= event
        if "mode" in new and event["mode"] == "offline":
            self.say(f"W&B: offline in {self.folder} ({event['why']})")
        elif "mode" in new:
            self.say(f"W&B: online at {event['server']}")
        if "url" in new:
            self.say(f"W&B: the first run is {event['url']}")
        if "shared" in new:
            self.say(f"W&B: {event['shared']}")
        if "unsent" in new:
            self.say(f"W&B: {event['unsent']}")
        if "trouble" in new:
            tail = ". Training continues; the upload is retried." if self.live else ""
            self.say(f"W&B: {event['trouble']}{tail}")

    def end(self, patience: float | None) -> Outcome:
        """Let the follower catch up, for at most ``patience`` seconds."""
        self.ending.set()
        with self.lock:
            self.close()
        # Ctrl-C ends the waiting.
        with suppress(KeyboardInterrupt):
            self.listener.join(patience)
        in_time = not self.listener.is_alive()
        with self.lock:
            self.over = True
            if self.process.poll() is None:
                end_group(self.process)
        self.listener.join()
        return Outcome(
            mode=self.reported.get("mode", ""),
            finished=self.finished_before + self.reported.get("finished", 0),
            left=self.reported.get("left"),
            problems=self.reported.get("problems", {}),
            trouble=self.reported.get("trouble"),
            in_time=in_time,
            missing=tuple(self.reported.get("missing", ())),
            pages=tuple(
                f"W&B {page}: {self.reported[page]}"
                for page in ("workspace", "report")
                if page in self.reported
            ),
            log=self.folder / LOG_FILE,
        )

    def close(self) -> None:
        """Signal to the follower that the sweep has ended."""
        with suppress(BrokenPipeError):
            pipe(self.process.stdin).close()


def counted(runs: int) -> str:
    """``1 run``, ``2 runs``."""
    return f"{runs} {'run' if runs == 1 else 'runs'}"


def pipe(stream: IO[str] | None) -> IO[str]:
    """The stream, which exists because the process was started with pipes."""
    assert stream is not None
    return stream


def environment() -> dict[str, str]:
    """The follower's environment: the user's without variables that would break the mirror."""
    left_out = (*NOT_FOR_MANY_RUNS, *OF_ANOTHER, *OF_THE_MODE)
    return {name: value for name, value in os.environ.items() if name not in left_out}


def end_group(process: "subprocess.Popen[str]") -> None:
    """Kill a process that has not been waited for, and its group.

    W&B's service is outside the group; it ends by itself when the follower is gone.
    """
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
