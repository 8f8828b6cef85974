"""A trial in two sweeps of a project is one run: the second sweep says that it takes it."""

import errno
from pathlib import Path

import pytest
from small_records import finish

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import TrialState
from adaloss.records.store import Store
from runners.tracking.ledger import ledger_of
from runners.tracking.shared import runs_of_others
from runners.tracking.sync import synchronise


@pytest.fixture
def sweep_with(grid, tmp_path):
    """A sweep of the same trials with this name and more keys, of which two are complete."""
    text = grid.read_text()

    def make(name, extra=""):
        grid.write_text(text.replace("small", name) + extra)
        sweep, store = load_sweep(grid), Store(tmp_path / "results" / name)
        for trial in sweep.trials[:2]:
            finish(store, trial, TrialState.COMPLETE)
        return sweep, store

    return make


@pytest.fixture
def target(tmp_path):
    from runners.tracking.wandb_runs import WandbTarget

    return WandbTarget("online", tmp_path, server="http://127.0.0.1")


@pytest.fixture
def send(target):
    """Note the first two trials of a sweep as sent."""
    from runners.tracking.labels import labels_of
    from runners.tracking.ledger import Mirrored

    def note(sweep, store):
        for trial in sweep.trials[:2]:
            where = target.where(labels_of(sweep, trial))
            entry = Mirrored(state="finished", where=where, epochs=2, digest="")
            ledger_of(store, target.name).write(trial.trial_id, entry)

    return note


def test_runs_that_another_sweep_has_sent_to_the_project_are_counted(sweep_with, send, target):
    send(*sweep_with("first"))
    assert list(runs_of_others(*sweep_with("second"), target)) == [("first", 2)]


def test_a_folder_that_cannot_be_listed_is_no_reason_to_stop(sweep_with, target, monkeypatch):
    sweep, store = sweep_with("second")

    def refuse(_):
        raise OSError(errno.ESTALE, "stale file handle")

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert list(runs_of_others(sweep, store, target)) == []


def test_those_in_another_project_are_not(sweep_with, send, target):
    send(*sweep_with("first"))
    own = "wandb: {project: '{sweep}'}\n"
    assert list(runs_of_others(*sweep_with("second", own), target)) == []


def test_those_that_are_the_sweeps_own_already_are_not(sweep_with, send, target):
    first, second = sweep_with("first"), sweep_with("second")
    send(*first)
    send(*second)
    assert list(runs_of_others(*first, target)) == []
    assert list(runs_of_others(*second, target)) == []


@pytest.mark.slow
def test_it_is_said_before_the_runs_are_sent(sweep_with, server):
    first, second = sweep_with("first"), sweep_with("second")
    printed = []
    synchronise(*first, "auto", printed.append)
    assert not [line for line in printed if "instead" in line]
    synchronise(*second, "auto", printed.append)
    (warning,) = [line for line in printed if "instead" in line]
    assert warning.startswith("W&B: 2 runs of first will show this sweep instead: ")
    run = server.runs[first[0].trials[0].trial_id]
    assert run.config["sweep"] == "second"
