"""A retry replaces records only when its trials start, and until then the same call can be made."""

import io
import sys
from types import SimpleNamespace

import pytest

import runners
from adaloss.errors import UserError
from adaloss.grid.sweep import load_sweep
from adaloss.records.result import Failure, FailureKind, TrialState
from analysis.outputs import Outcome
from runners.preflight.checks import PreflightError

QUICK = ("--no-figures", "--quiet")


@pytest.fixture(autouse=True)
def in_the_users_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")


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
