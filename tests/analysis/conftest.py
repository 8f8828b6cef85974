"""A sweep on disk, made by hand: trials are declared, then given the end that a test wants."""

from dataclasses import dataclass, field

import pytest
from epochs import epoch_with

from adaloss.grid.tables.spec import TableSpec
from adaloss.records.result import (
    Divergence,
    EpochMetrics,
    Failure,
    FailureKind,
    Provenance,
    TrialResult,
    TrialState,
)
from adaloss.records.store import Store
from adaloss.tasks.images.fields import ImageTrial
from adaloss.tasks.table import trial_from
from analysis.frame.frame import build_frame
from analysis.tables.tables import compile_tables


def epoch_metrics(test_top1, **changes):
    """An epoch in which everything but the test accuracy and ``changes`` is ordinary."""
    ordinary = {
        "epoch": 2,
        "step": 20,
        "train_loss": 0.5,
        "val_loss": 0.6,
        "val_top1": 80.0,
        "val_top5": 95.0,
        "test_loss": 0.7,
        "test_top1": test_top1,
        "test_top5": 96.0,
        "b": 3.0,
        "effective_lr": 0.03,
        "examples_per_second": 100.0,
    }
    return epoch_with(**(ordinary | changes))


@dataclass
class Records:
    """Declared trials and their records, written through a real store."""

    store: Store
    trials: list[ImageTrial] = field(default_factory=list)

    def declare(self, **fields):
        trial = ImageTrial(
            **{
                "dataset": "digits",
                "model": "mlp",
                "optimizer": "adaloss",
                "seed": 0,
                "lr": 0.1,
                "epochs": 2,
                "batch_size": 32,
            }
            | fields
        )
        self.trials.append(trial)
        return trial

    def complete(self, trial, test_top1, *, best_val=None, **changes):
        last = epoch_metrics(test_top1)
        self.end(trial, TrialState.COMPLETE, last=last, best_val=best_val or last, **changes)

    def reach(self, trial, first, **measured):
        """Complete a trial of ten steps an epoch; its validation is 95 in ``first``, else 80."""
        self.store.open_trial(trial)
        for epoch in range(1, trial.epochs + 1):
            changes = {"val_top1": 95.0 if epoch == first else 80.0} | measured
            last = epoch_metrics(50.0, epoch=epoch, step=10 * epoch, **changes)
            self.store.append_metrics(trial, last)
        self.end(trial, TrialState.COMPLETE, last=last, best_val=last)

    def diverge(self, trial, **changes):
        divergence = Divergence(epoch=2, step=11, loss=float("inf"), reason="not finite")
        self.end(trial, TrialState.DIVERGED, divergence=divergence, **changes)

    def fail(self, trial, kind=FailureKind.CODE, message="broken", **changes):
        self.end(trial, TrialState.FAILED, failure=Failure(kind=kind, message=message), **changes)

    def end(self, trial, state, *, code="v1", day="2026-03-01", **changes):
        result = TrialResult(
            **{
                "trial_id": trial.trial_id,
                "state": state,
                "epochs": len(self.store.read_history(trial).epochs) or 2,
                "seconds": 2.5,
                "finished_at": f"{day}T12:00:00+00:00",
                "provenance": Provenance(
                    code_version=code,
                    python="3.11",
                    packages={},
                    platform="Linux",
                    device="cpu",
                    threads=1,
                ),
            }
            | changes
        )
        self.store.write_result(trial, result)

    def cell(self, values, **fields):
        """Declare a seed per value and give it that end: an accuracy, diverged, failed, missing."""
        for seed, value in enumerate(values):
            trial = self.declare(**{"seed": seed} | fields)
            if value == "diverged":
                self.diverge(trial)
            elif value == "failed":
                self.fail(trial)
            elif value != "missing":
                self.complete(trial, value)

    def frame(self, **changes):
        return build_frame(self.trials, self.store, **changes)

    def tables(self, *specs, frame=None, **changes):
        settings = {"metric": "test/top1", "at": "last", "goal": "maximize", "sweep_name": "demo"}
        frame = self.frame() if frame is None else frame
        return compile_tables(frame, specs or [TableSpec()], **settings | changes)

    def table(self, *specs, **changes):
        """The only table."""
        (table,) = self.tables(*specs, **changes)
        return table


@pytest.fixture
def records(tmp_path):
    return Records(Store(tmp_path / "demo"))


@pytest.fixture
def eventful(records):
    """A sweep in which every kind of cell occurs."""
    ends = {
        ("adaloss", 0.1): [90.0, 91.0, 92.0],
        ("adaloss", 1): [90.0, 92.0, "missing"],
        ("adaloss", 10): ["failed", "failed", "failed"],
        ("adaloss", 100): ["missing", "missing", "missing"],
        ("sgd_constant", 0.1): [88.0, "diverged", 88.0],
        # Rounds to the same 91.00 as the cell beside it.
        ("sgd_constant", 1): [91.0, 91.0, 91.003],
        ("sgd_constant", 10): [80.0, 81.0, 82.0],
        ("sgd_constant", 100): [70.0, "failed", "missing"],
    }
    for (optimizer, b0), values in ends.items():
        records.cell(values, optimizer=optimizer, b0=b0)
    return records


@pytest.fixture
def ordinary_epoch():
    return epoch_metrics


NASTY = {
    "lr": "1e-3, then less",
    "optimizer.lr": 0.1,
    "batch-size": 32,
    "task": "a|b",
    "state": True,
    "model": "mlp:big",
    "dataset": "images:nowhere",
    "epochs": 3,
    "alpha": None,
    "mean": (0.1, 0.2),
    "größe": 1.5,
    "self": "$x_1$",
    "data.path": "=1+1",
    "last:acc": 7,
    "p": 0.5,
}
"""Parameters whose names mean something else in other tasks, in frames, or in Python."""


@dataclass
class ProgramRecords:
    """Trials of a program of the user's own and their records."""

    store: Store
    trials: list = field(default_factory=list)
    metric: str = "test/top1"

    def declare(self, *, seed=0, program="train.py", **parameters):
        fields = {"task": "program", "program": program, "seed": seed, "metric": self.metric}
        trial = trial_from(fields | {"parameters": NASTY | parameters})
        self.trials.append(trial)
        return trial

    def report(self, trial, *reports):
        """Record these reports of metrics, one epoch each; return the last."""
        self.store.open_trial(trial)
        for number, values in enumerate(reports, start=1):
            epoch = EpochMetrics(epoch=number, step=10 * number, values=values, seconds=0.5)
            self.store.append_metrics(trial, epoch)
        return epoch

    def complete(self, trial, *reports, **changes):
        last = self.report(trial, *reports)
        self.end(trial, TrialState.COMPLETE, last=last, epochs=last.epoch, **changes)

    def end(self, trial, state, **changes):
        provenance = Provenance(
            code_version="v1", python="3.11", packages={}, platform="Linux", device="cpu", threads=1
        )
        ordinary = {
            "trial_id": trial.trial_id,
            "state": state,
            "epochs": len(self.store.read_history(trial).epochs) or 2,
            "seconds": 1.0,
            "finished_at": "2026-03-01T12:00:00+00:00",
            "provenance": provenance,
        }
        self.store.write_result(trial, TrialResult(**(ordinary | changes)))

    def cell(self, values, **parameters):
        """A seed for each value: the metric's last, "diverged", "failed" or "missing"."""
        for seed, value in enumerate(values):
            trial = self.declare(seed=seed, **parameters)
            if value == "diverged":
                self.report(trial, {self.metric: 0.1, "loss": 9.0})
                divergence = Divergence(epoch=2, step=11, loss=9.0, reason="not finite")
                self.end(trial, TrialState.DIVERGED, divergence=divergence)
            elif value == "failed":
                failure = Failure(kind=FailureKind.CODE, message="broken")
                self.end(trial, TrialState.FAILED, failure=failure)
            elif value != "missing":
                first = {self.metric: value / 2, "loss": 1.0, "lr": 0.1, "self": 1.0}
                self.complete(trial, first, first | {self.metric: value, "loss": 0.5})

    def frame(self, **changes):
        return build_frame(self.trials, self.store, **changes)


@pytest.fixture
def programs(tmp_path):
    return ProgramRecords(Store(tmp_path / "programs"))


@pytest.fixture
def eventful_programs(programs):
    """A sweep of a program in which every kind of cell occurs."""
    for rate, values in {
        0.1: [0.5, 0.6, 0.7],
        0.2: [0.8, 0.9, "missing"],
        0.4: ["failed", "failed", "failed"],
    }.items():
        programs.cell(values, **{"optimizer.lr": rate})
        others = [0.4, 0.45, "diverged" if rate == 0.2 else 0.5]
        programs.cell(others, **{"optimizer.lr": rate, "lr": "constant"})
    return programs
