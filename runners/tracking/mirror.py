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

# So many failures with no success between them, and the target is given up.
FAILURES_IN_A_ROW = 3

Stamp = tuple[int, ...]


class Progress(Enum):
    """What came of looking at a trial."""

    NONE = auto()
    LOGGED = auto()
    OPENED = auto()
    FINISHED = auto()


class Mirror:
    """The runs of one sweep at one target.

    A trial's run is begun with its first epoch, goes on as epochs are recorded, and is finished
    with its result. What is given is put on record after the fact, so that a mirror that is killed
    gives nothing twice that the target counts, and leaves nothing out. A run that could not be
    given is a problem and not tried again: a library that has failed once is best started anew.
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
        """Set to work on the trials whose records have changed; waits for nothing."""
        self.collect()
        if not self.queue:
            self.queue.extend(self.news())
        self.work()

    def catch_up(self, tell_progress: Callable[[], None]) -> None:
        """Bring every run up to the records, as they are at the end."""
        self.look()
        while self.working:
            wait(self.working.values(), return_when=FIRST_COMPLETED)
            tell_progress()
            self.collect()
            self.work()
            if not self.working:
                self.look()

    @property
    def given_up(self) -> bool:
        """Whether the target takes nothing."""
        return self.failures_in_a_row >= FAILURES_IN_A_ROW

    def news(self) -> Iterator[tuple[Trial, Stamp]]:
        """The trials with records that are not yet looked at, and nobody at work on them."""
        for trial, stamp in stamps(self.store, self.folders):
            busy = trial.trial_id in self.working or trial.trial_id in self.problems
            if not busy and self.seen.get(trial.trial_id) != stamp:
                yield trial, stamp

    def work(self) -> None:
        """Give the pool as much of the queue as it takes at once, while the target takes it."""
        while self.queue and not self.given_up and len(self.working) < self.target.at_once:
            trial, stamp = self.queue.popleft()
            if trial.trial_id not in self.working:
                self.seen[trial.trial_id] = stamp
                self.working[trial.trial_id] = self.pool.submit(self.bring_up_to_date, trial)

    def collect(self) -> None:
        """Take note of what the pool has done."""
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
            # What was only put down for an open run the target may never have heard of.
            if progress in (Progress.OPENED, Progress.FINISHED):
                self.failures_in_a_row = 0

    def bring_up_to_date(self, trial: Trial) -> Progress:
        """Give what the target lacks of one trial.

        Raises:
            TargetError: the target does not take it now.
            CorruptRecordError: the trial's records cannot be read.
        """
        # First: what is read after it belongs to it at least.
        result = self.store.read_result(trial)
        labels = labels_of(self.sweep, trial)
        where = self.target.where(labels)
        given = self.ledger.read(trial.trial_id)
        if given is not None and given.is_whole(result, where):
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
        if given is not None and given.where != where:
            given = None
        mirrored = on_record(where, result, history, given, has)
        if result is not None:
            summary = summary_of(result)
            if mirrored.earlier_epochs:
                # What a server has cannot be taken back; it can be said.
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
        """The whole trial, the sweep's part and, once it is known, what made its numbers."""
        config = trial.values | {"trial_id": trial.trial_id} | dict(self.about)
        if result is not None and result.provenance is not None:
            config["provenance"] = result.provenance.model_dump()
        return config


def on_record(
    where: str,
    result: TrialResult | None,
    history: tuple[EpochMetrics, ...],
    given: Mirrored | None,
    has: int,
) -> Mirrored:
    """What is to be on record of this history for a target that had its first ``has`` epochs."""
    epochs, digest, earlier = len(history), digest_of(history), 0
    if given is not None:
        earlier = given.earlier_epochs
        if result is None and epochs < given.epochs:
            # A retry that is not so far yet: whether its numbers are the same is seen later.
            epochs, digest = given.epochs, given.digest
        elif not earlier and not given.continued_by(history):
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
    """What went wrong with a trial, in one line; None where nothing did."""
    error = work.exception()
    if error is None:
        return None
    if not isinstance(error, TargetError | UserError):
        # Whatever a library raises must not end the mirror; the whole of it is for the log.
        traceback.print_exception(error, file=sys.stderr)
        return f"{type(error).__name__}: {one_line(error)}"
    return one_line(error)


def stamps(store: Store, folders: Mapping[str, Trial]) -> Iterator[tuple[Trial, Stamp]]:
    """Each trial that has a folder, with what changes when its records do."""
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
    """The trials whose result the target does not have, each once, in the sweep's order."""
    ledger = ledger_of(store, target.name)
    found = []
    for trial, result in finished_trials(sweep.trials, store).items():
        given = ledger.read(trial.trial_id)
        if given is None or not given.is_whole(result, target.where(labels_of(sweep, trial))):
            found.append((trial, result))
    return found


def about_sweep(sweep: Sweep) -> dict[str, Any]:
    """What every run of the sweep says of it."""
    return {"sweep": sweep.name, "grid_sha256": hashlib.sha256(sweep.text.encode()).hexdigest()}


def relative(folder: Path, ledger: Ledger) -> str:
    """The folder as the ledger keeps it."""
    return str(folder.resolve().relative_to(ledger.root.resolve()))


def summary_of(result: TrialResult) -> dict[str, Any]:
    """How the trial ended: its state, its best epoch, why it is not complete."""
    summary: dict[str, Any] = {
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
