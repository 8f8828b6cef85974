"""A retry replaces records only when its trials start, and until then the same call can be made."""

import io
import sys
from types import SimpleNamespace

import pytest
from small_records import epoch_of

import runners
from adaloss.errors import UserError
from adaloss.grid.sweep import load_sweep
from adaloss.records.result import Failure, FailureKind, TrialState
from analysis.outputs import Outcome
from runners.api.before_run import set_aside
from runners.preflight.checks import PreflightError

QUICK = ("--no-figures", "--quiet")


@pytest.fixture
def failed(finished, grid):
    """The small sweep on record, of which the first trial failed."""
    trial = load_sweep(grid).trials[0]
    failure = Failure(kind=FailureKind.CODE, message="no", traceback="")
    state = {"state": TrialState.FAILED, "failure": failure}
    finished.write_result(trial, finished.read_result(trial).model_copy(update=state))
    return finished


def records(store):
    return {path: path.read_bytes() for path in store.trials_folder.rglob("*") if path.is_file()}


@pytest.fixture
def obstacle(monkeypatch):
    """Put something into the way of the run."""

    def raising(error):
        def refuse(*_, **__):
            raise error

        return refuse

    def put(what):
        if what == "the checks":
            monkeypatch.setattr("runners.launch.preflight", raising(PreflightError("a mistake")))
        elif what == "the download":
            monkeypatch.setattr("runners.launch.prepare", raising(UserError("no network")))
        elif what == "the start of Ray":
            ray = SimpleNamespace(run_trials=raising(UserError("Ray does not start")))
            monkeypatch.setitem(sys.modules, "runners.on_ray.trials", ray)
        elif what == "Ctrl-C":
            monkeypatch.setattr("runners.launch.preflight", raising(KeyboardInterrupt()))
            monkeypatch.setattr(
                "runners.api.running.save_everything",
                lambda *_, draw: Outcome(answer=(), tables=()),
            )
        else:
            monkeypatch.setattr("runners.launch.SECONDS_TO_ASK", 0)
            monkeypatch.setattr("runners.launch.is_attended", lambda: True)
            monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))

    return put


@pytest.mark.parametrize(
    "what", ["the checks", "the download", "the answer no", "the start of Ray"]
)
def test_a_command_that_does_not_start_leaves_the_records(cli, grid, failed, obstacle, what):
    before = records(failed)
    obstacle(what)
    assert cli("retry", grid, *QUICK)[0] == 2
    assert records(failed) == before


@pytest.mark.parametrize("what", ["the checks", "the download", "the start of Ray"])
def test_a_call_that_does_not_start_leaves_them_too(failed, obstacle, monkeypatch, what):
    monkeypatch.setattr("runners.api.running.start_early", lambda: None)
    before = records(failed)
    obstacle(what)
    with pytest.raises(UserError):
        runners.retry("grid.yaml", quiet=True)
    assert records(failed) == before


def test_a_failed_download_leaves_the_copy_of_the_grid_that_was_there(cli, grid, failed, obstacle):
    failed.write_text(failed.grid_path, "name: as it was\n")
    obstacle("the download")
    assert cli("retry", grid, *QUICK)[0] == 2
    assert failed.grid_path.read_text() == "name: as it was\n"


def test_one_that_is_stopped_before_is_to_be_repeated_not_continued(
    cli, grid, failed, obstacle, monkeypatch
):
    monkeypatch.setattr("runners.api.running.start_early", lambda: None)
    before = records(failed)
    obstacle("Ctrl-C")
    code, _, errors = cli("retry", grid, *QUICK)
    assert code == 130
    assert "No trial was started: do the same again" in errors
    with pytest.raises(runners.SweepInterruptedError, match="do the same again"):
        runners.retry("grid.yaml", quiet=True)
    assert records(failed) == before


@pytest.mark.parametrize("begins", [False, True])
def test_one_that_is_stopped_puts_back_what_has_not_begun_unless_others_have(
    failed, grid, monkeypatch, begins
):
    trials = load_sweep(grid).trials[:2]
    stopped = pytest.raises(KeyboardInterrupt)
    before = records(failed)
    with stopped, set_aside(trials, failed) as moved:
        assert len(moved) == 2
        if begins:
            failed.append_metrics(trials[1], epoch_of(trials[1], 1))
        raise KeyboardInterrupt
    assert (records(failed) == before) is not begins
    assert failed.has_begun(trials[0]) is not begins


def test_what_is_beyond_the_cap_of_a_run_stays_on_record(cli_without_ray, grid, failed):
    first, *others = load_sweep(grid).trials
    state = {"state": TrialState.FAILED, "failure": failed.read_result(first).failure}
    for trial in others:
        failed.write_result(trial, failed.read_result(trial).model_copy(update=state))
    grid.write_text(grid.read_text() + "run_cap: 1\n")
    again = cli_without_ray("retry", grid, "--quiet")
    assert again.returncode in (3, 4), again.stderr
    assert failed.read_result(first).state is TrialState.COMPLETE
    assert all(failed.read_result(trial).state is TrialState.FAILED for trial in others)


def test_missing_trials_run_after_those_to_repeat_and_that_is_said(cli_without_ray, grid, failed):
    first, *others = load_sweep(grid).trials
    grid.write_text(grid.read_text().replace("b0: [0.01", "b0: [0.1, 0.2, 0.01") + "run_cap: 2")
    again = cli_without_ray("retry", grid)
    assert again.returncode == 3, again.stderr
    assert "besides the trials that run again (1), missing ones run (1)" in again.stderr
    assert failed.read_result(first).state is TrialState.COMPLETE
    new = [trial for trial in load_sweep(grid).trials if trial not in (first, *others)]
    assert sum(failed.read_result(trial) is not None for trial in new) == 1


def test_after_a_mistake_the_right_command_runs_them(cli, cli_without_ray, grid, failed):
    trial = load_sweep(grid).trials[0]
    before = records(failed)
    code, _, errors = cli("retry", grid, "--wandb", "onlin", *QUICK)
    assert (code, "--wandb onlin: must be one of" in errors) == (2, True)
    with pytest.raises(UserError, match="wandb onlin: must be one of"):
        runners.retry("grid.yaml", wandb="onlin")
    assert records(failed) == before
    again = cli_without_ray("retry", grid, "--quiet")
    assert again.returncode == 0, again.stderr
    assert failed.read_result(trial).state is TrialState.COMPLETE
    (attempt,) = failed.trial_folder(trial).glob("attempts/*/result.json")
    assert '"failed"' in attempt.read_text()
