"""The exit codes that the README promises: 0, 2, 3, 4, 130."""

import json
import os
import signal
from pathlib import Path

import pytest
import without_ray

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import Failure, FailureKind, TrialResult, TrialState
from adaloss.records.store import Store
from adaloss.tasks.table import trial_from
from runners.api.selection import smoke_trials
from runners.on_ray.ray_lost import RayLostError

ONE = ("--only", "optimizer=adaloss,b0=1,seed=0")


@pytest.fixture
def failed(grid, finished):
    """The small sweep with a failed trial, which ``ONE`` chooses."""
    trial = chosen(grid)
    result = finished.read_result(trial)
    failure = Failure(kind=FailureKind.CODE, message="no", traceback="")
    finished.write_result(
        trial, result.model_copy(update={"state": TrialState.FAILED, "failure": failure})
    )
    return finished


def chosen(grid):
    def is_meant(trial):
        return (trial.optimizer, trial.b0, trial.seed) == ("adaloss", 1, 0)

    return next(filter(is_meant, load_sweep(grid).trials))


def broken(grid, tmp_path):
    """The grid with a model of the user's own that fails."""
    (tmp_path / "mine.py").write_text("def net(**_):\n    raise RuntimeError('not today')\n")
    grid.write_text(grid.read_text().replace("model: mlp", "model: mine:net"))


def test_a_trial_that_fails_is_4_then_and_ever_after(cli, grid, tmp_path, monkeypatch):
    broken(grid, tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    code, message, _ = cli("trial", grid, *ONE)
    assert (code, "state: failed" in message) == (4, True)
    code, _, errors = cli("trial", grid, *ONE)
    assert (code, "has already finished" in errors) == (4, True)


def test_a_trial_that_completes_or_diverges_is_0(cli, grid):
    grid.write_text(grid.read_text().replace("epochs: 2", "epochs: 1"))
    code, message, _ = cli("trial", grid, *ONE)
    assert (code, "state: complete" in message) == (0, True)
    lost = grid.read_text() + "divergence: {max_loss: 0.001}\n"
    grid.write_text(lost)
    code, message, _ = cli("trial", grid, *ONE)
    assert (code, "state: diverged" in message) == (0, True)


def test_a_job_of_slurm_is_not_told_to_go_on_after_too_many_failures(
    cli_without_ray, grid, tmp_path, monkeypatch
):
    mark = tmp_path / "cut-short"
    monkeypatch.setenv("ADALOSS_CUT_SHORT", str(mark))
    grid.write_text(grid.read_text() + "execution: {max_failed: 0}\n")
    step = without_ray.Worker.step

    def failing(worker, configuration):
        report = step(worker, configuration)
        if "end" not in report:
            return report
        ended = TrialResult.model_validate_json(report["end"])
        no = Failure(kind=FailureKind.CODE, message="no", traceback="")
        ended = ended.model_copy(update={"state": TrialState.FAILED, "failure": no})
        trial = trial_from(json.loads(configuration["trial"]))
        Store(Path(configuration["store"])).write_result(trial, ended)
        return report | {"end": ended.model_dump_json()}

    monkeypatch.setattr(without_ray.Worker, "step", failing)
    run = ("run", grid, "--wandb", "disabled", "--quiet")
    assert cli_without_ray(*run).returncode == 4
    assert not mark.exists()

    def lose_ray(*_):
        raise RayLostError("Ray's raylet has died")

    monkeypatch.setattr(without_ray, "run_trials", lose_ray)
    assert cli_without_ray(*run).returncode == 4
    assert mark.exists()


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--json",), ("--quiet",)])
def test_run_is_0_where_all_is_done_be_it_diverged(cli, grid, finished, options):
    assert cli("run", grid, "--wandb", "disabled", *options)[0] == 0


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_run_with_a_failed_trial_is_4(cli, grid, failed, options):
    code, message, _ = cli("run", grid, "--wandb", "disabled", *options)
    assert code == 4
    assert not options or json.loads(message)["failed"] == 1
    assert cli("run", grid, "--wandb", "disabled", "--only", "seed=1", *options)[0] == 0


@pytest.mark.slow
def test_a_smoke_run_that_fails_is_4_and_says_why_itself(cli, grid, failed, tmp_path):
    result = failed.read_result(chosen(grid))
    small = Store(tmp_path / "results" / "smoke" / "small")
    for trial in smoke_trials(load_sweep(grid).trials, ()):
        small.write_result(trial, result.model_copy(update={"trial_id": trial.trial_id}))
    code, _, errors = cli("run", grid, "--smoke")
    assert code == 4
    assert errors.count("code: no") == 1
    assert "failed: 4 trials, such as mlp-" in errors
    assert "to repeat them, delete results/smoke/small" in errors
    assert "adaloss-sweep status" not in errors


@pytest.mark.parametrize("command", ["status", "plan"])
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_commands_that_only_look_are_0_whatever_they_see(cli, grid, failed, command, options):
    assert cli(command, grid, *options)[0] == 0


def test_verify_of_a_trial_that_differs_is_4(cli, grid, finished):
    assert cli("verify", grid, "--sample", "1")[0] == 4


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "none.yaml"),
        ("retry", "grid.yaml"),
        ("trial", "grid.yaml"),
        ("verify", "grid.yaml"),
        ("sync", "grid.yaml"),
        ("run", "grid.yaml", "--wandb", "sometimes"),
        ("run", "grid.yaml", "--limit", "0"),
        ("run", "grid.yaml", "--smoke", "--set", "lr=fast"),
        ("show", "grid.yaml", "nothing"),
        ("fly",),
        ("table",),
    ],
)
def test_a_mistake_is_2(cli, grid, arguments):
    assert cli(*arguments)[0] == 2


def test_a_trial_that_is_stopped_is_130(cli, grid, monkeypatch):
    monkeypatch.setattr(
        "runners.trials.in_process.execute_here", lambda *_: os.kill(os.getpid(), signal.SIGTERM)
    )
    assert cli("trial", grid, *ONE)[0] == 130


def test_a_run_without_all_trials_is_3_and_tells_a_job_of_slurm_whether_it_was_cut_short(
    cli_without_ray, grid, tmp_path, monkeypatch
):
    mark, told = tmp_path / "cut-short", tmp_path / "told"
    monkeypatch.setenv("ADALOSS_CUT_SHORT", str(mark))
    run = ("run", grid, "--wandb", "disabled", "--quiet", "--notify", f"cat > {told}")
    run_trials = without_ray.run_trials

    def lose_ray(trials, *others):
        run_trials(trials[:2], *others)
        raise RayLostError("Ray's raylet has died")

    assert cli_without_ray(*run, "--limit", 1).returncode == 3
    assert not mark.exists()
    grid.write_text(grid.read_text() + "run_cap: 1\n")
    assert cli_without_ray(*run).returncode == 3
    assert not mark.exists()
    assert told.read_text().startswith("small: 2 of 8 trials are done")
    monkeypatch.setattr(without_ray, "run_trials", lose_ray)
    grid.write_text(grid.read_text().replace("run_cap: 1", "run_cap: 3"))
    assert cli_without_ray(*run).returncode == 3
    assert mark.exists()
    said = "small: ended by an error: Ray's raylet has died; 4 of 8 trials are done"
    assert told.read_text().startswith(said)
