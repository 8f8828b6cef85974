"""Programs of the user's own from the command line: to a table, again, after a change, in W&B."""

import json
from pathlib import Path

import pytest

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import FailureKind, TrialState
from adaloss.records.store import Store
from runners.trials.machine import cpus_of_this_machine, workers

FUNCTION = """
import os
import torch

STARTS = []

def train(trial):
    STARTS.append(1)
    weight = torch.tensor(5.0)
    for epoch in range(3):
        weight = weight - trial["lr"] * weight
        yield {"epoch": epoch, "loss": weight**2 + trial["seed"], "starts": len(STARTS)}
    (trial.folder / "process").write_text(str(os.getpid()))
"""
LOSING_ITS_GPU = """
import os
import torch

def unusable():
    raise RuntimeError("CUDA error: device-side assert triggered")

def train(trial):
    mark = trial.folder.parents[2] / "lost"
    if not mark.exists():
        mark.touch()
        # What is left of CUDA after an error inside a kernel.
        torch.cuda.is_initialized, torch.cuda.synchronize = lambda: True, unusable
        unusable()
    yield {"loss": trial["lr"], "process": os.getpid()}
"""
# A second worker would import torch for nothing.
ONE_WORKER = "execution: {max_concurrent: 1}\n"
SCRIPT = """
import json, os, sys
values = dict(word.lstrip("-").split("=") for word in sys.argv[1:])
if values["kind"] == "broken":
    raise ValueError("no such kind")
print("working", flush=True)
with open(os.environ["ADALOSS_REPORT"], "a") as file:
    for epoch in range(3):
        loss = float(values["lr"]) * epoch if values["kind"] != "wild" else float("nan")
        print(json.dumps({"epoch": epoch, "loss": loss}), file=file, flush=True)
"""


@pytest.fixture
def without_a_mirror(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")


def write(folder: Path, grid: str, **files: str) -> Store:
    """A grid and the user's files; where its results will be."""
    (folder / "grid.yaml").write_text(grid)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return Store(folder / "results" / "grid")


@pytest.mark.slow
def test_a_function_from_a_grid_to_a_table(command, tmp_path, without_a_mirror):
    grid = (
        "program: mine:train\nmetric: {name: loss}\n"
        f"parameters: {{lr: [0.1, 0.5], typo: [1, 2]}}\nseeds: 2\n{ONE_WORKER}"
    )
    store = write(tmp_path, grid, mine=FUNCTION)
    ran = command("run", "grid.yaml", "--no-figures")
    assert ran.returncode == 0, ran.stderr
    assert "| lr / typo |" in ran.stdout
    assert "mean±standard deviation (ddof = 1) over 2 seeds" in ran.stdout
    warning = "warning: mine:train did not read the parameter typo: its value changes nothing"
    assert ran.stderr.count(warning) == 1
    trials = load_sweep(tmp_path / "grid.yaml").trials
    assert len(trials) == 8
    for trial in trials:
        result = store.read_result(trial)
        assert result.state is TrialState.COMPLETE
        assert result.last["loss"] == pytest.approx(
            25 * (1 - trial.value("lr")) ** 6 + trial.seed, rel=1e-5
        )
    # A worker is used again for the same function.
    starts = [store.read_result(trial).last["starts"] for trial in trials]
    assert max(starts) > 1
    again = command("run", "grid.yaml", "--no-figures")
    assert again.stdout == ran.stdout
    assert "0 ran now" in again.stderr

    # Another version of the function: nothing is mixed, and all of it can be run again.
    (tmp_path / "mine.py").write_text(FUNCTION.replace("5.0", "6.0"))
    (tmp_path / "grid.yaml").write_text(grid.replace("0.1, 0.5", "0.1, 0.2, 0.5"))
    refused = command("run", "grid.yaml")
    assert refused.returncode == 2
    assert "mine:train: mine.py changed after the computation of" in refused.stderr
    assert "MIXED" not in command("table", "grid.yaml").stdout
    repeated = command("retry", "grid.yaml", "--changed", "--no-figures")
    assert repeated.returncode == 0, repeated.stderr
    for trial in load_sweep(tmp_path / "grid.yaml").trials:
        expected = 36 * (1 - trial.value("lr")) ** 6 + trial.seed
        assert store.read_result(trial).last["loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_a_worker_that_lost_its_gpu_costs_a_retry_and_no_trial(command, tmp_path, without_a_mirror):
    grid = (
        "program: mine:train\nmetric: {name: loss}\n"
        f"parameters: {{lr: [0.1, 0.5]}}\nseeds: 2\n{ONE_WORKER}"
    )
    store = write(tmp_path, grid, mine=LOSING_ITS_GPU)
    ran = command("run", "grid.yaml", "--no-figures")
    assert ran.returncode == 0, ran.stderr
    lost = "worker lost: an error on the GPU has ended its worker: RuntimeError: CUDA error: device"
    assert ran.stderr.count(lost) == 1
    trials = load_sweep(tmp_path / "grid.yaml").trials
    results = [store.read_result(trial) for trial in trials]
    assert {result.state for result in results} == {TrialState.COMPLETE}
    assert len({result.last["process"] for result in results}) == 1
    (log,) = {*filter(None, (store.log_path(trial).read_text() for trial in trials))}
    assert "device-side assert triggered" in log


@pytest.mark.slow
def test_a_script_that_fails_diverges_and_completes(cli_without_ray, tmp_path, without_a_mirror):
    grid = (
        "program: train.py\nmetric: {name: loss}\nseeds: 2\n"
        f"parameters: {{lr: [0.1, 0.5], kind: [good, wild, broken]}}\n{ONE_WORKER}"
    )
    store = write(tmp_path, grid, train=SCRIPT)
    ran = cli_without_ray("run", "grid.yaml")
    assert ran.returncode == 4, ran.stderr
    assert "N/A" in ran.stdout
    assert "code: exit code 1: ValueError: no such kind" in ran.stderr
    for trial in load_sweep(tmp_path / "grid.yaml").trials:
        result = store.read_result(trial)
        kind = trial.value("kind")
        states = {"good": TrialState.COMPLETE, "wild": TrialState.DIVERGED}
        assert result.state is states.get(kind, TrialState.FAILED)
        if kind == "broken":
            assert result.failure.kind is FailureKind.CODE
            assert 'raise ValueError("no such kind")' in result.failure.traceback
        else:
            assert store.log_path(trial).read_text() == "working\n" + (
                "diverged: the loss is nan at step 1 (epoch 1)\n" if kind == "wild" else ""
            )
    status = cli_without_ray("status", "grid.yaml", "--json")
    counts = json.loads(status.stdout)
    assert (counts["complete"], counts["diverged"], counts["failed"]) == (4, 4, 4)
    # The script is corrected.
    (tmp_path / "train.py").write_text(SCRIPT.replace('== "broken"', '== "other"'))
    fixed = cli_without_ray("retry", "grid.yaml", "--failed", "--changed")
    assert fixed.returncode == 0, fixed.stderr


@pytest.mark.slow
def test_an_analysis_of_any_parameters_and_metrics(cli_without_ray, tmp_path, without_a_mirror):
    grid = (
        "program: train.py\nmetric: {name: test/top1, goal: maximize}\nseeds: 2\n"
        "parameters: {optimizer: {parameters: {lr: {values: [0.1, 0.5]}}}, task: [a, b], état: 1}\n"
        "overrides: [{match: {optimizer.lr: 0.1, parameters.task: a}, set: {état: 2}}]\n"
        "tables:\n"
        "  - {rows: optimizer.lr, columns: parameters.task, only: {état: 1}}\n"
        "  - {rows: parameters.task, columns: optimizer.lr, per: état, metric: state}\n"
        f"labels: {{parameters.task: {{a: Task A}}}}\n{ONE_WORKER}"
    )
    script = (
        "import json, os, sys\n"
        "values = json.loads(sys.argv[1])\n"
        "row = {'test/top1': values['optimizer']['lr'] + values['seed'] / 10,"
        " 'state': values['état']}\n"
        "open(os.environ['ADALOSS_REPORT'], 'a').write(json.dumps(row))\n"
    )
    with_command = f"command: ['${{interpreter}}', '${{program}}', '${{args_json}}']\n{grid}"
    write(tmp_path, with_command, train=script)
    ran = cli_without_ray("run", "grid.yaml")
    assert ran.returncode == 0, ran.stderr
    assert "Task A" in ran.stdout
    assert "0.550±0.071" in ran.stdout
    assert "%" not in ran.stdout
    only = cli_without_ray("table", "grid.yaml", "--only", "optimizer.lr=0.5,parameters.task=b")
    assert "0.550±0.071" in only.stdout
    shown = cli_without_ray("stats", "grid.yaml")
    assert shown.returncode == 0, shown.stderr
    report = cli_without_ray("report", "grid.yaml")
    assert report.returncode == 0, report.stderr
    compared = cli_without_ray("compare", "grid.yaml", "--with", "results/grid")
    assert compared.returncode == 0, compared.stderr


@pytest.mark.slow
def test_each_trial_is_one_run_of_wandb(command, tmp_path):
    grid = (
        "program: mine:train\nmetric: {name: loss}\nparameters: {lr: [0.1, 0.5]}\nseeds: 1\n"
        f"wandb: {{mode: offline, project: own, name: 'lr {{lr}}'}}\n{ONE_WORKER}"
    )
    write(tmp_path, grid, mine=FUNCTION)
    ran = command("run", "grid.yaml", "--no-figures")
    assert ran.returncode == 0, ran.stderr
    assert "W&B: 2 runs written" in ran.stderr
    runs = list((tmp_path / "results" / "grid" / "wandb").rglob("run-*.wandb"))
    assert len(runs) == 2 + 1  # The third has the sweep's files.


@pytest.mark.slow
def test_the_shipped_example_gives_its_table(cli_without_ray, tmp_path, without_a_mirror):
    ran = cli_without_ray("run", "your-own-code", "--only", "seed=0,learning-rate=0.1")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("your-own-code") >= 2
    for name in ("sgd", "momentum", "adam"):
        assert name in ran.stdout
    assert "did not read" not in ran.stderr


def test_trials_that_write_one_file_run_one_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(4), raising=False)
    grid = "program: train.py\nmetric: {name: loss}\nparameters: {lr: [1, 2, 3, 4, 5]}\n"
    write(tmp_path, grid, train="")
    assert workers(load_sweep(tmp_path / "grid.yaml")) == cpus_of_this_machine() == 4
    write(tmp_path, f"{grid}metrics: {{file: results.json}}\n")
    assert workers(load_sweep(tmp_path / "grid.yaml")) == 1


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("gone.py", "there is no program gone.py"),
        ("gone:train", "there is no module gone in"),
        ("train.sh", "train.sh is no file of Python, which the default command would start"),
    ],
)
def test_a_plan_says_what_a_run_would_refuse(cli, tmp_path, program, message):
    (tmp_path / "train.sh").touch()
    grid = f"program: {program}\nmetric: {{name: loss}}\nparameters: {{lr: 1}}\n"
    write(tmp_path, grid)
    code, planned, errors = cli("plan", "grid.yaml")
    assert code == 0, errors
    assert message in planned
    code, _, errors = cli("run", "grid.yaml")
    assert code == 2
    assert message in errors


@pytest.mark.slow
def test_a_plan_times_a_whole_trial_and_keeps_none_of_its_files(command, tmp_path):
    grid = "program: mine.py:train\nmetric: {name: loss}\nparameters: {lr: [0.1, 0.5]}\n"
    write(tmp_path, grid, mine=FUNCTION)
    planned = command("plan", "grid.yaml", "--calibrate")
    assert planned.returncode == 0, planned.stderr
    assert "measured: the trial train-lr=0.1-seed0 takes" in planned.stdout
    assert "the missing trials will take about" in planned.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["grid.yaml", "mine.py"]


@pytest.mark.slow
def test_seeds_without_effect_and_other_axes_of_a_table(
    cli_without_ray, tmp_path, without_a_mirror
):
    grid = (
        "program: mine.py:train\nmetric: {name: loss}\n"
        f"parameters: {{lr: [0.1, 0.7], width: [3, 4]}}\nseeds: 3\n{ONE_WORKER}"
    )
    mine = "def train(trial):\n    return {'loss': trial['lr'], 'acc': trial['width']}\n"
    write(tmp_path, grid, mine=mine)
    ran = cli_without_ray("run", "grid.yaml")
    assert ran.returncode == 0, ran.stderr
    remark = "All seeds of a cell gave equal numbers: does the program use its seed?"
    assert remark in ran.stdout
    turned = cli_without_ray(
        "table", "grid.yaml", "--rows", "width", "--columns", "lr", "--metric", "acc"
    )
    assert turned.returncode == 0, turned.stderr
    assert "| width / lr |" in turned.stdout
    (tmp_path / "mine.py").write_text(mine.replace("trial['lr']", "trial['lr'] + trial['seed']"))
    repeated = cli_without_ray("retry", "grid.yaml", "--changed")
    assert repeated.returncode == 0, repeated.stderr
    assert remark not in repeated.stdout


@pytest.mark.slow
def test_a_sweep_that_stops_early_counts_what_ran(cli_without_ray, tmp_path):
    (tmp_path / "train.sh").write_text('echo "no file /data/$1/x"; exit 3\n')
    (tmp_path / "grid.yaml").write_text(
        "name: stops\nprogram: train.sh\ncommand: [sh, '${program}', '${args}']\n"
        "metric: {name: loss}\n"
        f"parameters: {{lr: {{values: {list(range(60))}}}}}\n"
    )
    ended = cli_without_ray("run", "grid.yaml", "--json")
    assert ended.returncode == 4, ended.stderr
    said = json.loads(ended.stdout)
    assert 10 <= said["failed"] < 60
    assert said["started"] == said["failed"]
    assert said["missing"] == 60 - said["failed"]
