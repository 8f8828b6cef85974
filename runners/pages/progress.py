"""The view of a running sweep: live on a terminal, one plain line per event elsewhere."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from adaloss.grid.tables.spec import TableSpec
from adaloss.records.printable import shortened
from adaloss.records.result import TrialState
from adaloss.trial import Trial
from runners.pages.matrix import MARKS, legend, state_matrices
from runners.planning import Plan
from runners.trials.common_form import common_form
from runners.trials.events import SweepObserver

REFRESHES_PER_SECOND = 4
MOST_RUNNING_SHOWN = 8
MOST_REPEATED_SHOWN = 3
MOST_CHARACTERS = 200


@dataclass(frozen=True)
class Running:
    """A running trial."""

    trial: Trial
    epoch: int = 0
    loss: float | None = None

    def line(self) -> str:
        """The trial with its epoch and loss."""
        loss = "" if self.loss is None else f"  loss {self.loss:.4f}"
        of_all = f"/{self.trial.last_epoch}" if self.trial.last_epoch else ""
        epoch = f"  epoch {self.epoch}{of_all}" if self.epoch else "  starting"
        return f"{self.trial.readable_name}{epoch}{loss}"


@dataclass(kw_only=True)
class SameFailure:
    """Trials that failed in the same way: the first of them with its reason, and all their ids."""

    first: Trial
    reason: str
    trial_ids: set[str] = field(default_factory=set)

    def line(self) -> str:
        """How many they are, and the reason."""
        return shortened(f"{len(self.trial_ids)} trials: {self.reason}", MOST_CHARACTERS)

    def reference(self, trial: Trial) -> str:
        """What is said of a further failure instead of the reason."""
        if trial.trial_id == self.first.trial_id:
            return "as before"
        return f"as {self.first.readable_name} ({len(self.trial_ids)} trials in this way)"


class SweepProgress(SweepObserver):
    """Counts events, and prints lines for those that matter."""

    def __init__(self, plan: Plan, to_run: Sequence[Trial], console: Console) -> None:
        self.plan = plan
        self.console = console
        self.total = len(to_run)
        self.done = 0
        self.first_start: float | None = None
        self.running: dict[str, Running] = {}
        self.states = plan.states()
        self.failures: dict[str, SameFailure] = {}

    def trial_started(self, trial: Trial) -> None:
        """A worker has started the trial."""
        self.first_start = self.first_start or time.monotonic()
        self.running[trial.trial_id] = Running(trial)
        self.states[trial.trial_id] = "running"

    def epoch_ended(self, trial: Trial, epoch: int, loss: float | None) -> None:
        """The trial has recorded an epoch."""
        self.running[trial.trial_id] = Running(trial, epoch, loss)

    def trial_ended(self, trial: Trial, state: TrialState, message: str) -> None:
        """The trial has a result."""
        self.done += 1
        self.running.pop(trial.trial_id, None)
        self.states[trial.trial_id] = state.value

    def starts_again(self, trial: Trial, reason: str, retry: str) -> None:
        """The trial failed and is retried."""
        self.running.pop(trial.trial_id, None)
        self.states[trial.trial_id] = "missing"
        self.say_failure(trial, f"{trial.readable_name}:", reason, f"; {retry}")

    def say_failure(self, trial: Trial, name: str, reason: str, end: str = "") -> None:
        """Print a failure: the reason in full the first time, then which trial had it first."""
        same, is_new = self.noted(trial, reason)
        self.say(f"{name} {reason if is_new else same.reference(trial)}{end}")

    def noted(self, trial: Trial, reason: str) -> tuple[SameFailure, bool]:
        """The failures in the same way with this one, and whether it is the first of them."""
        form = common_form(trial, reason)
        is_new = form not in self.failures
        same = self.failures.setdefault(form, SameFailure(first=trial, reason=reason))
        same.trial_ids.add(trial.trial_id)
        return same, is_new

    def warned(self, message: str) -> None:
        """Something about the sweep is suspicious."""
        self.say(f"warning: {message}")

    def told(self, message: str) -> None:
        """Something about the sweep that a user should know."""
        self.say(message)

    def say(self, line: str) -> None:
        """Print a permanent line."""
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def headline(self) -> str:
        """Counts, throughput and time left."""
        text = f"{self.plan.sweep}: {self.done}/{self.total} trials"
        if self.first_start is None:
            return f"{text}  starting Ray, which takes some seconds"
        elapsed = time.monotonic() - self.first_start
        if self.done == self.total:
            text += f" in {duration(elapsed)}"
        elif self.done:
            left = (self.total - self.done) * elapsed / self.done
            text += f"  {60 * self.done / elapsed:.3g} trials/min  about {duration(left)} left"
        return text


class PlainProgress(SweepProgress):
    """One line per finished trial."""

    def trial_ended(self, trial: Trial, state: TrialState, message: str) -> None:
        """Print how the trial ended."""
        super().trial_ended(trial, state, message)
        ended = f"[{self.done}/{self.total}] {trial.readable_name} {state.value}"
        if state is TrialState.FAILED:
            self.say_failure(trial, f"{ended}:", message)
        else:
            self.say(f"{ended}: {message}" if message else ended)


class LiveProgress(SweepProgress):
    """The whole sweep on a terminal, redrawn in place."""

    def __init__(
        self, plan: Plan, to_run: Sequence[Trial], console: Console, spec: TableSpec
    ) -> None:
        super().__init__(plan, to_run, console)
        self.spec = spec

    def trial_ended(self, trial: Trial, state: TrialState, message: str) -> None:
        """Print a line if the trial failed; the matrix shows the other ends."""
        super().trial_ended(trial, state, message)
        if state is TrialState.FAILED:
            self.say_failure(trial, f"failed: {trial.readable_name}:", message)

    def say_failure(self, trial: Trial, name: str, reason: str, end: str = "") -> None:
        """Print a failure the first time; below the matrix, the number of the same is drawn."""
        _, is_new = self.noted(trial, reason)
        if is_new:
            self.say(f"{name} {reason}{end}")

    def __rich__(self) -> RenderableType:
        """Draw the current state."""
        # Copies: the driver's thread continues while the view's thread draws.
        matrices = state_matrices(self.plan.trials, dict(self.states), self.spec)
        running = list(self.running.values())
        lines = [
            Text(f"{MARKS['running'].sign} {entry.line()}")
            for entry in running[:MOST_RUNNING_SHOWN]
        ]
        if len(running) > MOST_RUNNING_SHOWN:
            lines.append(Text(f"… and {len(running) - MOST_RUNNING_SHOWN} more"))
        repeated = [same for same in list(self.failures.values()) if len(same.trial_ids) > 1]
        repeated.sort(key=lambda same: -len(same.trial_ids))
        failed = MARKS[TrialState.FAILED.value].sign
        lines += [Text(f"{failed} {same.line()}") for same in repeated[:MOST_REPEATED_SHOWN]]
        return Group(Text(self.headline(), "bold"), *matrices, legend(), *lines)


@contextmanager
def watching(
    plan: Plan, to_run: Sequence[Trial], spec: TableSpec, console: Console, *, quiet: bool
) -> Iterator[SweepObserver]:
    """The observer that fits the console: live, plain or, when quiet, silent."""
    # Later, because its view is made of the one here.
    from runners.pages.notebook import NotebookConsole, NotebookProgress

    if quiet:
        yield SweepProgress(plan, to_run, Console(quiet=True))
    elif isinstance(console, NotebookConsole):
        progress_below = NotebookProgress(plan, to_run, console, spec)
        try:
            yield progress_below
        finally:
            progress_below.draw(at_once=True)
    elif console.is_terminal:
        view = LiveProgress(plan, to_run, console, spec)
        with Live(view, console=console, refresh_per_second=REFRESHES_PER_SECOND):
            yield view
    else:
        progress = PlainProgress(plan, to_run, console)
        progress.say(f"{len(to_run)} trials to run; Ray is starting")
        yield progress


def duration(seconds: float) -> str:
    """A duration with its two largest units: ``2 h 5 min``, ``3 min 20 s``, ``12 s``."""
    whole = max(1, round(seconds))
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    if minutes:
        return f"{minutes} min {whole % 60} s"
    return f"{whole} s"
