"""The summary of a trial's run: the numbers of its last attempt, whatever was logged before."""

import pytest
from epochs import changed_epoch
from small_records import finish

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import TrialState
from runners.tracking.dashboard import FIGURES
from runners.tracking.labels import labels_of_sweep
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


@pytest.mark.slow
def test_a_retry_that_ends_before_its_first_epoch_leaves_no_number_of_the_attempt_before(
    sweep, trial, store, server
):
    synchronise(sweep, store, "auto", print)
    run = server.runs[trial.trial_id]
    numbers = {"test/top1", "best_val/test/top1", "epoch"}
    assert numbers <= {name for name, value in run.summary.items() if value is not None}
    store.set_aside(trial)
    finish(store, trial, TrialState.DIVERGED)
    store.keep_metrics(trial, ())
    diverged = store.read_result(trial)
    store.write_result(
        trial, diverged.model_copy(update={"epochs": 0, "finished_at": "2031-01-01T00:00:00"})
    )
    assert synchronise(sweep, store, "auto", print).finished == 1
    assert (run.summary["state"], run.summary["epochs"]) == ("diverged", 0)
    assert not numbers & {name for name, value in run.summary.items() if value is not None}


@pytest.mark.slow
def test_the_sweeps_own_run_counts_anew_and_keeps_its_pictures(sweep, trial, store, server):
    from PIL import Image

    store.figures_folder.mkdir()
    for state in (TrialState.DIVERGED, TrialState.COMPLETE):
        store.set_aside(trial)
        finish(store, trial, state)
        Image.new("L", (1, 1)).save(store.figures_folder / "against-b0.png")
        store.write_text(store.tables_folder / "tables.md", f"the trial is {state}")
        assert synchronise(sweep, store, "auto", print).left == 0
    summary = server.runs[labels_of_sweep(sweep).run_id].summary
    assert summary["complete"] == 1
    assert summary.get("diverged") is None
    assert summary[FIGURES] is not None
