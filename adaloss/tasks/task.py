"""What a kind of experiment is: its fields, its metrics, and how a trial of it runs."""

import io
import itertools
import math
import pickle
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Any, Protocol, TypeVar

from adaloss.records.places import Places
from adaloss.records.result import EpochMetrics, Fingerprint, SplitSizes
from adaloss.tasks.data.sets import DataSets
from adaloss.tasks.divergence import DivergedError
from adaloss.tasks.metric import EPOCH, OF_REPORTS, STEP, Metric, any_metric
from adaloss.tasks.trained_trial import TrainedTrial
from adaloss.trial import Capture, Trial

MOST_FOLLOWED = 8
"""The metrics of a report of a program that a person follows."""
SAME_IN_EVERY_CELL = ("task", "seed", "max_loss", "hyperparameters")


OneTrial = TypeVar("OneTrial", bound=Trial, contravariant=True)
"""The class of a task's trials."""


class Run(Protocol):
    """A trial in progress. ``epoch`` and ``step`` count what is done.

    ``resolved`` is a named optimizer's classes with all their arguments, None for the paper's.
    """

    @property
    def epoch(self) -> int:
        """The epochs that are done."""

    @property
    def step(self) -> int:
        """The steps that are done."""

    @property
    def resolved(self) -> str | None:
        """The optimizer with its arguments."""

    def run_epoch(self) -> Mapping[str, float | None] | None:
        """Run one epoch and return the task's metrics by name, all but ``seconds``.

        None where there is no further epoch, which only a trial without ``last_epoch`` returns.

        Raises:
            DivergedError: the loss left the finite or declared range.
        """

    def state_dict(self) -> dict[str, Any]:
        """Return a snapshot of everything that the rest of the trial depends on."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a snapshot."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What a trial reads before it starts.

    ``data`` is the task's own; ``sizes`` counts its examples; ``fingerprint`` has the digests of
    the user's own code, weights and data, None where the trial uses nothing of the kind.
    """

    data: Any
    sizes: SplitSizes | None
    fingerprint: Fingerprint | None


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What a trial takes on this machine: seconds per step and epoch, bytes of a checkpoint."""

    seconds_per_step: float
    seconds_per_epoch: float
    checkpoint_bytes: int


def timed(run: Run) -> Calibration:
    """Time a whole epoch, after one that is not counted."""
    # Most tasks read losses at the end of an epoch: one that diverges has taken all its steps.
    with suppress(DivergedError):
        run.run_epoch()
    started, steps = time.perf_counter(), run.step
    with suppress(DivergedError):
        run.run_epoch()
    seconds = time.perf_counter() - started
    state = io.BytesIO()
    pickle.dump(run.state_dict(), state)
    return Calibration(
        seconds_per_step=seconds / max(1, run.step - steps),
        seconds_per_epoch=seconds,
        checkpoint_bytes=state.getbuffer().nbytes,
    )


class TaskCode(Protocol[OneTrial]):
    """The half of a task that imports torch. One object serves all trials of a process."""

    def fetch(self, trials: Iterable[OneTrial], places: Places) -> None:
        """Download or check the files that the trials need.

        Raises:
            UserError: a file cannot be had; the message says what to put where.
        """

    def problems(self, trials: Iterable[OneTrial], places: Places) -> Iterable[str]:
        """Read all files of the trials' data sets, store nothing and say what is wrong."""

    def read(self, trial: OneTrial, places: Places, device: str) -> Inputs:
        """Read the trial's data; data that the last trials used are kept in memory."""

    def fingerprint(self, trial: OneTrial, places: Places, inputs: Inputs) -> Fingerprint | None:
        """Digest the user's own code and weights again, with the data as they were read."""

    def start(
        self, trial: OneTrial, inputs: Inputs, places: Places, device: str, *, capture: Capture
    ) -> Run:
        """Build the trial at its beginning."""

    def calibrate(self, run: Run) -> Calibration:
        """Time some steps; the run is of no other use afterwards."""

    def rehearse(self, trial: OneTrial, places: Places, device: str) -> None:
        """Train for a moment, on stand-ins for the data: to see what the user's own code raises."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A kind of experiment.

    ``objective`` names the metric that training minimises, ``reported`` the one that tables show
    unless the grid names another, and ``chosen_by`` the one that chooses the best epoch, None
    where the task has no validation. ``curves`` are the metrics that figures draw over epochs.
    ``load`` imports the heavy half. ``data`` are the data sets, None where trials name none.
    ``parameters`` are the names of the values of a program of the user's own, which may record
    any metrics; None where the fields and the metrics are those declared here.
    """

    name: str
    fields: type[Trial]
    metrics: tuple[Metric, ...]
    objective: str
    reported: str
    chosen_by: str | None
    curves: tuple[str, ...]
    load: Callable[[], TaskCode[Any]]
    data: DataSets | None = None
    parameters: tuple[str, ...] | None = None

    @property
    def is_program(self) -> bool:
        """Whether trials run a program of the user's own."""
        return self.parameters is not None

    @property
    def epoch_word(self) -> str:
        """What an epoch is called: that of a program is a report of its metrics."""
        return "report" if self.is_program else "epoch"

    @cached_property
    def field_names(self) -> tuple[str, ...]:
        """The trial's fields: the task's own required ones, those of every task, then the rest."""
        if self.parameters is not None:
            return ("task", "program", *self.parameters, "seed")
        fields = self.fields.model_fields
        own = [name for name in fields if name not in TrainedTrial.model_fields]
        required = [name for name in own if fields[name].is_required()]
        return tuple(dict.fromkeys((*required, *TrainedTrial.model_fields, *own)))

    @cached_property
    def cell_fields(self) -> tuple[str, ...]:
        """The fields in which the cells of a sweep may differ."""
        if self.parameters is not None:
            return self.parameters
        return tuple(name for name in self.field_names if name not in SAME_IN_EVERY_CELL)

    @property
    def metric_names(self) -> tuple[str, ...]:
        """The names of the metrics in the order of the records."""
        return tuple(metric.name for metric in self.metrics)

    def metric(self, name: str) -> Metric:
        """Return the metric of this name, also of what is counted until a target is reached.

        Raises:
            KeyError: the task has none; a program of the user's own may record any.
        """
        others = OF_REPORTS if self.is_program else (EPOCH, STEP)
        known = {metric.name: metric for metric in (*self.metrics, *others)}
        if self.is_program and name not in known:
            return any_metric(name)
        return known[name]

    def has_metric(self, name: str) -> bool:
        """Whether epochs may record a metric of this name."""
        return self.is_program or name in self.metric_names

    def progress(self, epoch: EpochMetrics) -> str:
        """The metrics of an epoch that a person follows, on one line."""
        shown = dict.fromkeys((self.objective, self.chosen_by or self.reported, self.reported))
        if self.is_program:
            there = (name for name in (*shown, *epoch.values) if name in epoch.values)
            shown = dict.fromkeys(itertools.islice(dict.fromkeys(there), MOST_FOLLOWED))
        return "  ".join(f"{name} {self.text(name, epoch[name])}" for name in shown)

    def text(self, name: str, value: float | None) -> str:
        """A value as a person reads it."""
        if value is None:
            return "–"
        return f"{value:.{self.metric(name).places}f}"

    def last_epoch(self, history: Sequence[EpochMetrics]) -> EpochMetrics | None:
        """The record of the last epoch; of a program, with the last value of each metric."""
        if not history or not self.is_program:
            return history[-1] if history else None
        values = {name: value for each in history for name, value in each.values.items()}
        return history[-1].model_copy(update={"values": values})

    def best_epoch(self, history: Sequence[EpochMetrics]) -> EpochMetrics | None:
        """The first epoch with the best value of ``chosen_by``; None where there is none."""
        name = self.chosen_by
        if name is None:
            return None
        sign = -1 if self.metric(name).goal == "minimize" else 1
        values = ((epoch, epoch[name]) for epoch in history)
        candidates = [
            (epoch, sign * value)
            for epoch, value in values
            if value is not None and not math.isnan(value)
        ]
        return max(candidates, key=itemgetter(1), default=(None, None))[0]
