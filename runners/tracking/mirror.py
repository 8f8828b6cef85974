"""Keep a target's runs in step with the records, while trials run or afterwards."""

import hashlib
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from enum import Enum, auto
from pathlib import Path
from typing import Any

from adaloss.errors import UserError
from adaloss.grid.sweep import Sweep
from adaloss.records.result import EpochMetrics, TrialResult, TrialState
from adaloss.records.store import METRICS_FILE, RESULT_FILE, Store
from adaloss.trial import Trial
from runners.tracking.labels import labels_of
from runners.tracking.ledger import Ledger, Mirrored, digest_of, finished_trials, ledger_of
from runners.tracking.target import OpenRun, Target, TargetError, one_line

# After this many failures without a success in between, the mirror gives up.
FAILURES_IN_A_ROW = 3

Stamp = tuple[int, ...]


class Progress(Enum):
    """What was done for a trial."""

    NONE = auto()
    LOGGED = auto()
    OPENED = auto()
    FINISHED = auto()


class Mirror:
    """The runs of one sweep at one target.

    A trial's run begins with its first epoch, continues as epochs are recorded, and is finished
    with its result. The ledger is written after the target, so that a mirror that is killed sends
    nothing twice that the target would count, and omits nothing. A run that fails is not retried in
    this process: a library that has failed once needs a fresh process.
    """

    def __init__(
        self, sweep: Sweep, store: Store, target: Target, ledger: Ledger | None = None
    ) -> None:
        self.sweep, self.store, self.target = sweep, store, target
        self.ledger = ledger or ledger_of(store, target.name)
        self.about = about_sweep(sweep)
        self.folders = {store.trial_folder(trial).name: trial for trial in sweep.trials}
        self.seen: dict[str, Stamp] = {}
        self.opened: dict[str, OpenRun] = {}
        self.next_epoch: dict[str, int] = {}
        self.working: dict[str, Future[Progress]] = {}
        self.queue: deque[tuple[Trial, Stamp]] = deque()
        self.problems: dict[str, str] = {}
        self.urls: list[str] = []
        self.finished = 0
        self.failures_in_a_row = 0
        self.pool = ThreadPoolExecutor(target.at_once)

    def look(self) -> None:
        """Start work on the trials whose records have changed, without waiting."""
        self.collect()
        if not self.queue:
            self.queue.extend(self.changed())
        self.work()

    def catch_up(self, tell_progress: Callable[[], None]) -> None:
        """Bring every run up to date with the final records."""
        self.look()
        while self.working:
            self.wait_for_one()
            tell_progress()
            self.collect()
            self.work()
            if not self.working:
                self.look()

    def wait_for_one(self, seconds: float | None = None) -> None:
        """Wait until a trial's run is done, for at most this many seconds."""
        wait(self.working.values(), timeout=seconds, return_when=FIRST_COMPLETED)

    @property
    def given_up(self) -> bool:
        """Whether the target has failed too often."""
        return self.failures_in_a_row >= FAILURES_IN_A_ROW

    def changed(self) -> Iterator[tuple[Trial, Stamp]]:
        """The trials whose records have changed and that are not being worked on."""
        for trial, stamp in stamps(self.store, self.folders):
            busy = trial.trial_id in self.working or trial.trial_id in self.problems
            if not busy and self.seen.get(trial.trial_id) != stamp:
                yield trial, stamp

    def work(self) -> None:
        """Submit queued trials to the pool, as many as the target accepts at once."""
        while self.queue and not self.given_up and len(self.working) < self.target.at_once:
            trial, stamp = self.queue.popleft()
            if trial.trial_id not in self.working:
                self.seen[trial.trial_id] = stamp
                self.working[trial.trial_id] = self.pool.submit(self.bring_up_to_date, trial)

    def collect(self) -> None:
        """Process the pool's finished work."""
        for trial_id, work in list(self.working.items()):
            if not work.done():
                continue
            del self.working[trial_id]
            problem = problem_of(work)
            if problem is not None:
                self.problems[trial_id] = problem
                self.failures_in_a_row += 1
                continue
            progress = work.result()
            self.finished += progress is Progress.FINISHED
            # Logging to an open run may not have reached the target.
            if progress in (Progress.OPENED, Progress.FINISHED):
                self.failures_in_a_row = 0

    def bring_up_to_date(self, trial: Trial) -> Progress:
        """Send what the target lacks of one trial.

        Raises:
            TargetError: the target does not accept it now.
            CorruptRecordError: the trial's records cannot be read.
        """
        # Read first, so that the epochs read below include all of the result's.
        result = self.store.read_result(trial)
        labels = labels_of(self.sweep, trial)
        where = self.target.where(labels)
        before = self.ledger.read(trial.trial_id)
        if before is not None and before.is_whole(result, where):
            return Progress.NONE
        history = self.store.read_metrics(trial)
        if not history and result is None:
            return Progress.NONE
        run = self.opened.get(trial.trial_id)
        if went_on := run is not None:
            has = self.next_epoch[trial.trial_id] - 1
        else:
            run = self.target.open(labels, self.config_of(trial, result))
            self.opened[trial.trial_id] = run
            self.next_epoch[trial.trial_id] = run.next_epoch
            has = run.next_epoch - 1
            if run.url is not None:
                self.urls.append(run.url)
        for metrics in history:
            if metrics.epoch >= self.next_epoch[trial.trial_id]:
                run.log(metrics)
                self.next_epoch[trial.trial_id] = metrics.epoch + 1
        if before is not None and before.where != where:
            before = None
        mirrored = ledger_entry(where, result, history, before, has)
        if result is not None:
            summary = summary_of(result)
            if mirrored.earlier_epochs:
                # Epochs on a server cannot be removed, only marked.
                summary["epochs_of_an_earlier_attempt"] = mirrored.earlier_epochs
            run.finish(
                result.state,
                summary,
                self.config_of(trial, result),
                self.store.log_path(trial),
            )
            del self.opened[trial.trial_id]
        folder = None if run.folder is None else relative(run.folder, self.ledger)
        self.ledger.write(trial.trial_id, mirrored.model_copy(update={"folder": folder}))
        if result is not None:
            return Progress.FINISHED
        return Progress.LOGGED if went_on else Progress.OPENED

    def config_of(self, trial: Trial, result: TrialResult | None) -> dict[str, Any]:
        """The whole trial, the sweep's part and, once it is known, the provenance."""
        config = trial.flat_values | {"trial_id": trial.trial_id} | dict(self.about)
        if result is not None and result.provenance is not None:
            config["provenance"] = result.provenance.model_dump()
        return config


def ledger_entry(
    where: str,
    result: TrialResult | None,
    history: tuple[EpochMetrics, ...],
    before: Mirrored | None,
    has: int,
) -> Mirrored:
    """The ledger's entry for this history at a target that had its first ``has`` epochs."""
    epochs, digest, earlier = len(history), digest_of(history), 0
    if before is not None:
        earlier = before.earlier_epochs
        if result is None and epochs < before.epochs:
            # A retry has fewer epochs so far: compare its numbers later.
            epochs, digest = before.epochs, before.digest
        elif not earlier and not before.continued_by(history):
            earlier = max(0, has)
    return Mirrored(
        state="begun" if result is None else "finished",
        where=where,
        epochs=epochs,
        digest=digest,
        earlier_epochs=earlier,
        result_written_at=None if result is None else result.finished_at,
    )


def problem_of(work: "Future[Progress]") -> str | None:
    """The problem with a trial, in one line; None without one."""
    error = work.exception()
    if error is None:
        return None
    if not isinstance(error, TargetError | UserError):
        # An exception of a library must not end the mirror; the log has its traceback.
        traceback.print_exception(error, file=sys.stderr)
        return f"{type(error).__name__}: {one_line(error)}"
    return one_line(error)


def stamps(store: Store, folders: Mapping[str, Trial]) -> Iterator[tuple[Trial, Stamp]]:
    """Each trial that has a folder, with sizes and times that change with its records."""
    try:
        there = sorted(entry.name for entry in store.trials_folder.iterdir())
    except FileNotFoundError:
        return
    for name in there:
        if name not in folders:
            continue
        stamp: Stamp = ()
        for file in (METRICS_FILE, RESULT_FILE):
            try:
                about = (store.trials_folder / name / file).stat()
            except FileNotFoundError:
                stamp += (0, 0)
            else:
                stamp += (about.st_size, about.st_mtime_ns)
        if any(stamp):
            yield folders[name], stamp


def unfinished(sweep: Sweep, store: Store, target: Target) -> list[tuple[Trial, TrialResult]]:
    """The trials whose result the target lacks, each once, in the sweep's order."""
    ledger = ledger_of(store, target.name)
    found = []
    for trial, result in finished_trials(sweep.trials, store).items():
        entry = ledger.read(trial.trial_id)
        if entry is None or not entry.is_whole(result, target.where(labels_of(sweep, trial))):
            found.append((trial, result))
    return found


def about_sweep(sweep: Sweep) -> dict[str, Any]:
    """The sweep's part of every run's configuration."""
    return {"sweep": sweep.name, "grid_sha256": hashlib.sha256(sweep.text.encode()).hexdigest()}


def relative(folder: Path, ledger: Ledger) -> str:
    """The folder in the form of the ledger."""
    return str(folder.resolve().relative_to(ledger.root.resolve()))


def summary_of(result: TrialResult) -> dict[str, Any]:
    """How the trial ended: its last and its best epoch, its state, and why it is not complete."""
    # W&B's last epoch may be an earlier attempt's, and lacks a program's numbers of the whole.
    last = result.last.line() if result.last is not None else {}
    summary: dict[str, Any] = {name: value for name, value in last.items() if value is not None}
    summary |= {
        "state": result.state.value,
        "epochs": result.epochs,
        # A number, so that charts can show the share of a cell.
        "diverged": int(result.state is TrialState.DIVERGED),
        "finished_at": result.finished_at,
    }
    if result.best_val is not None:
        best = {f"best_val/{name}": value for name, value in result.best_val.line().items()}
        summary |= {name: value for name, value in best.items() if value is not None}
    if result.divergence is not None:
        summary["divergence"] = result.divergence.reason
    if result.failure is not None:
        summary["failure"] = f"{result.failure.kind}: {result.failure.message}"
        summary["traceback"] = result.failure.traceback
    return summary
