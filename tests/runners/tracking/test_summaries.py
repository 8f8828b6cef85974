"""The summary of a trial's run: the numbers of its last attempt, whatever was logged before."""

import pytest
from epochs import changed_epoch
from small_records import finish

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import TrialState
from runners.tracking.mirror import summary_of
from runners.tracking.sync import synchronise


@pytest.fixture
def sweep(grid):
    return load_sweep(grid)


@pytest.fixture
def trial(sweep, store):
    trial = sweep.trials[0]
    finish(store, trial, TrialState.COMPLETE)
    return trial


def test_it_has_the_last_epoch_and_what_a_program_says_of_the_whole_trial(trial, store):
    result = store.read_result(trial)
    last = changed_epoch(result.last, of_the_whole=3.0, val_loss=None)
    summary = summary_of(result.model_copy(update={"last": last}))
    assert summary["test/top1"] == result.last["test/top1"]
    assert summary["of_the_whole"] == 3.0
    assert "val/loss" not in summary


def test_a_programs_metric_does_not_hide_how_the_trial_ended(trial, store):
    result = store.read_result(trial)
    last = changed_epoch(result.last, state=3.0, finished_at=4.0)
    summary = summary_of(result.model_copy(update={"last": last}))
    assert (summary["state"], summary["finished_at"]) == ("complete", result.finished_at)


@pytest.mark.slow
def test_a_retry_of_the_same_length_replaces_it(sweep, trial, store, server):
    synchronise(sweep, store, "auto", print)
    run = server.runs[trial.trial_id]
    result = store.read_result(trial)
    assert run.summary["test/top1"] == pytest.approx(result.last["test/top1"])
    store.set_aside(trial)
    finish(store, trial, TrialState.COMPLETE)
    last = changed_epoch(result.last, test_top1=12.5)
    changed = {"last": last, "finished_at": "2031-01-01T00:00:00"}
    store.write_result(trial, result.model_copy(update=changed))
    assert synchronise(sweep, store, "auto", print).finished == 1
    assert run.steps == [1, 2]
    assert run.summary["test/top1"] == 12.5
