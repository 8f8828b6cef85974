"""``adaloss-sweep verify``: the records again, bit for bit, or where they part and why."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest
import torch
import typer
from epochs import changed_epoch
from patience import PATIENCE, until
from typer.testing import CliRunner

from adaloss.errors import UserError
from adaloss.grid.sweep import load_sweep
from adaloss.records.result import (
    DeviceMemory,
    Failure,
    FailureKind,
    Provenance,
    TrialResult,
    TrialState,
)
from adaloss.records.store import Store
from adaloss.tasks.images import training
from adaloss.tasks.seeding import named_generator
from runners.cli.verify import verify
from runners.trials.in_process import execute_here
from runners.verify import verify as verification
from runners.verify.compare import about_equal, identical
from runners.verify.verify import choose

GRID = """\
name: small
parameters:
  dataset: digits
  model: mlp
  optimizer: [adaloss, sgd_constant]
  b0: [0.001, 1]
  lr: 1
  epochs: 3
  batch_size: 128
seeds: 2
resources: {gpu: 0}
"""
ONE = ("--only", "b0=1,optimizer=adaloss,seed=0")


class Records:
    """A sweep that has finished, whose records can be altered."""

    def __init__(self, grid):
        self.grid = grid
        self.trials = load_sweep(grid).trials
        self.store = Store(grid.parent / "results" / "small")

    def trial(self, **values):
        (found,) = [trial for trial in self.trials if values.items() <= trial.values.items()]
        return found

    @property
    def one(self):
        return self.trial(b0=1.0, optimizer="adaloss", seed=0)

    def change_epoch(self, trial, number, **values):
        history = list(self.store.read_metrics(trial))
        history[number - 1] = changed_epoch(history[number - 1], **values)
        self.store.keep_metrics(trial, tuple(history))

    def change_result(self, trial, **values):
        result = self.store.read_result(trial).model_copy(update=values)
        self.store.write_result(trial, result)

    def change_provenance(self, trial, **values):
        provenance = self.store.read_result(trial).provenance
        self.change_result(trial, provenance=provenance.model_copy(update=values))

    def files(self):
        root = self.store.root
        return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    (folder / "grid.yaml").write_text(GRID)
    sweep = load_sweep(folder / "grid.yaml")
    for trial in sweep.trials:
        execute_here(trial, sweep, Store(folder / "results" / "small"))
    return folder


@pytest.fixture
def records(finished, tmp_path, monkeypatch):
    folder = shutil.copytree(finished, tmp_path / "work")
    monkeypatch.chdir(folder)
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    verification.provenance_here.cache_clear()
    return Records(folder / "grid.yaml")


@pytest.fixture
def audit(records):
    """The command in this process; a user's mistake is raised, as the program's main expects."""
    app = typer.Typer()
    app.command()(verify)

    def run(*arguments):
        finished = CliRunner().invoke(app, ["grid.yaml", *arguments])
        if finished.exception and not isinstance(finished.exception, SystemExit):
            raise finished.exception
        return finished

    return run


def test_the_same_code_gives_every_bit_again_and_leaves_the_records_alone(audit, records, tmp_path):
    before = records.files()
    found = audit("--sample", "all")
    assert found.exit_code == 0, found.output
    assert "verified 8 of 8 finished trials (seed 0): 8 the same, 0 differ" in found.output
    assert found.output.count("bit for bit, 3 epochs, complete") == 6
    assert found.output.count("bit for bit, 0 epochs, diverged") == 2
    assert "not as recorded" not in found.output
    assert records.files() == before
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_last_bit_is_found_with_its_epoch_and_field_and_both_values(audit, records):
    true = records.store.read_metrics(records.one)[1]["val/loss"]
    altered = math.nextafter(true, math.inf)
    records.change_epoch(records.one, 2, val_loss=altered)
    found = audit("--sample", "all")
    assert found.exit_code == 4
    assert f"epoch 2, val/loss: recorded {altered}, now {true}" in found.output
    assert "7 the same, 1 differs" in found.output
    (line,) = [line for line in found.output.splitlines() if line.startswith("differs")]
    assert records.one.trial_id in line
    # Nothing on record explains it, and that is said.
    assert "are as recorded: check the records, the data set and the weights" in found.output


@pytest.mark.parametrize(
    ("name", "field"),
    [("last", "test_top1"), ("best_val", "test_loss")],
)
def test_a_result_that_does_not_repeat_its_history_is_found(audit, records, name, field):
    metrics = getattr(records.store.read_result(records.one), name)
    wrong = changed_epoch(metrics, **{field: 99.5})
    records.change_result(records.one, **{name: wrong})
    found = audit(*ONE)
    assert found.exit_code == 4
    metric = field.replace("_", "/")
    printed = f"at the end, {name} {metric}: recorded 99.5, now "
    assert f"{printed}{metrics[metric]}" in found.output


def test_an_epoch_that_is_not_on_record_is_a_difference(audit, records):
    history = records.store.read_metrics(records.one)
    records.store.keep_metrics(records.one, history[:2])
    found = audit(*ONE)
    assert found.exit_code == 4
    assert "at the end, epochs in metrics.jsonl: recorded 2, now 3" in found.output


def test_other_code_gives_other_numbers(audit, monkeypatch):
    monkeypatch.setattr(
        training, "named_generator", lambda seed, purpose: named_generator(seed + 1, purpose)
    )
    found = audit(*ONE)
    assert found.exit_code == 4
    assert "epoch 1, train/loss: recorded " in found.output
    assert "test/top1 after the last epoch: recorded " in found.output


def test_what_was_another_version_or_machine_explains_a_difference(audit, records):
    made = records.store.read_result(records.one).provenance
    records.change_epoch(records.one, 1, train_loss=2.5)
    records.change_provenance(
        records.one,
        code_version="0.0.1+gabc.dirty",
        python="3.9.1",
        packages=made.packages | {"torch": "1.0", "apex": "0.1"},
        device="another processor",
    )
    found = audit(*ONE)
    assert found.exit_code == 4
    assert f"code version 0.0.1+gabc.dirty, now {made.code_version}" in found.output
    assert f"Python 3.9.1, now {made.python}" in found.output
    assert f"torch 1.0, now {made.packages['torch']}" in found.output
    assert "apex 0.1, now none" in found.output
    assert f"device another processor, now {made.device}" in found.output
    assert "had uncommitted changes" in found.output
    assert "numpy" not in found.output
    assert "are as recorded" not in found.output


@pytest.mark.slow
def test_other_arguments_of_the_optimizer_are_told(audit, tmp_path, monkeypatch):
    folder = tmp_path / "named"
    folder.mkdir()
    (folder / "grid.yaml").write_text(GRID.replace("[adaloss, sgd_constant]", "adamw"))
    monkeypatch.chdir(folder)
    records = Records(folder / "grid.yaml")
    trial = records.trials[0]
    execute_here(trial, load_sweep(records.grid), records.store)
    assert "not as recorded" not in audit().output
    recorded = records.store.read_result(trial).optimizer
    assert "amsgrad=False" in recorded
    changed = recorded.replace("amsgrad=False", "amsgrad=True\x1b")
    records.change_result(trial, optimizer=changed)
    output = audit().output
    assert "not as recorded: the optimizer's arguments AdamW(" in output
    assert "amsgrad=True\\x1b" in output
    assert f"now {recorded}" in output
    records.change_result(trial, optimizer=None)
    assert "not as recorded" not in audit().output


def test_a_version_that_made_no_difference_is_told_as_well(audit, records):
    records.change_provenance(records.one, python="3.9.1")
    found = audit(*ONE)
    assert found.exit_code == 0
    assert "not as recorded: Python 3.9.1, now" in found.output


@pytest.mark.slow
def test_threads_are_those_on_record_as_far_as_there_are_processors(audit, records, monkeypatch):
    monkeypatch.setattr(verification, "cpus_of_this_machine", lambda: 3)
    records.change_provenance(records.one, threads=64)
    assert "threads 64, now 3" in audit(*ONE).output
    assert torch.get_num_threads() == 3
    records.change_provenance(records.one, threads=2)
    assert "threads" not in audit(*ONE).output.replace("machine and threads", "")
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize(("field", "wrong"), [("step", 7), ("loss", 5e8)])
def test_where_a_trial_diverged_is_compared(audit, records, field, wrong):
    trial = records.trial(b0=0.001, optimizer="sgd_constant", seed=1)
    divergence = records.store.read_result(trial).divergence
    records.change_result(trial, divergence=divergence.model_copy(update={field: wrong}))
    found = audit("--only", "b0=0.001,optimizer=sgd_constant,seed=1")
    assert found.exit_code == 4
    printed = f"at the end, divergence {field}: recorded {wrong}, now {getattr(divergence, field)}"
    assert printed in found.output


def test_a_trial_that_fails_now_differs(audit, records, monkeypatch):
    def broken(*arguments, **named):
        raise RuntimeError("no such kernel")

    monkeypatch.setattr("adaloss.tasks.steps.optimizer_of", broken)
    found = audit(*ONE)
    assert found.exit_code == 4
    assert (
        "at the end, state: recorded complete, now failed (code: RuntimeError: no such kernel)"
        in found.output
    )


def on_a_gpu(records, **values):
    """The record says that it was made on a GPU."""
    records.change_result(records.one, memory=DeviceMemory(peak=1, total=2))
    history = records.store.read_metrics(records.one)
    last = changed_epoch(history[-1], **values)
    records.change_epoch(records.one, len(history), **values)
    best = max((*history[:-1], last), key=lambda metrics: metrics["val/top1"])
    records.change_result(records.one, last=last, best_val=best)


@pytest.mark.parametrize(("apart", "code"), [(0.9, 0), (1.1, 4)])
def test_a_record_of_a_gpu_is_held_to_a_stated_tolerance(audit, records, monkeypatch, apart, code):
    # Where there is a GPU its own numbers would be a part of the difference.
    monkeypatch.setattr("runners.calibrate.device_here", lambda: "cpu")
    metrics = records.store.read_metrics(records.one)[-1]
    on_a_gpu(records, test_top1=metrics["test/top1"] - 2.0 * apart)
    found = audit(*ONE)
    assert found.exit_code == code, found.output
    assert "accuracies within 2 percentage points" in found.output
    assert ("within the tolerance, 3 epochs" in found.output) == (code == 0)
    assert ("epoch 3, test/top1: recorded" in found.output) == (code == 4)


def test_what_agrees_to_the_bit_and_what_about():
    assert identical("val/loss", math.nan, math.nan)
    assert not identical("val/loss", 0.0, -0.0)
    assert about_equal("train/loss", 2.0, 2.09)
    assert not about_equal("train/loss", 2.0, 2.2)
    assert about_equal("train/loss", 0.001, 0.009)
    assert not about_equal("effective_lr", 0.001, 0.009)
    assert about_equal("val/top5", 97.0, 98.9)
    assert not about_equal("val/top5", 97.0, 99.1)
    assert not about_equal("step", 10, 11)
    assert not about_equal("b", None, 1.0)
    assert not about_equal("val/loss", math.nan, 1.0)


def test_deterministic_on_a_gpu_is_bit_for_bit(records):
    result = records.store.read_result(records.one)
    on_gpu = result.model_copy(update={"memory": DeviceMemory(peak=1, total=2)})
    deterministic = records.one.model_copy(update={"deterministic": True})
    assert verification.bit_for_bit(records.one, result, "cpu")
    assert not verification.bit_for_bit(records.one, on_gpu, "cuda")
    assert verification.bit_for_bit(deterministic, on_gpu, "cuda")
    # Not even then does a processor give the bits of a GPU.
    assert not verification.bit_for_bit(deterministic, on_gpu, "cpu")


def test_a_sample_is_spread_over_the_cells_and_the_same_every_time(records):
    trials = records.trials
    for seed in range(5):
        assert len({trial.cell for trial in choose(trials, 4, seed)}) == 4
        assert choose(trials, 3, seed) == choose(tuple(reversed(trials)), 3, seed)
        assert choose(trials, 3, seed) == choose(trials, 5, seed)[:3]
        assert {trial.trial_id for trial in choose(trials, None, seed)} == {
            trial.trial_id for trial in trials
        }
    assert len({choose(trials, 3, seed) for seed in range(20)}) > 10


def test_three_are_chosen_and_a_seed_chooses_others(audit):
    assert "verified 3 of 8 finished trials (seed 0): 3 the same" in audit().output
    chosen = [
        [entry["trial_id"] for entry in json.loads(audit(*options, "--json").output)["trials"]]
        for options in ((), (), ("--seed", "1"), ("--sample", "2"))
    ]
    assert chosen[0] == chosen[1]
    assert set(chosen[0]) != set(chosen[2])
    assert chosen[3] == chosen[0][:2]


def test_json_has_every_trial_with_its_difference_and_changes(audit, records):
    trial = records.trial(b0=0.001, optimizer="sgd_constant", seed=0)
    divergence = records.store.read_result(trial).divergence
    records.change_result(trial, divergence=divergence.model_copy(update={"loss": math.inf}))
    records.change_provenance(records.one, python="3.9.1")
    found = audit("--sample", "all", "--json")
    assert found.exit_code == 4
    message = json.loads(found.output)
    counts = {key: message[key] for key in ("sweep", "seed", "finished", "failed", "verified")}
    assert counts == {"sweep": "small", "seed": 0, "finished": 8, "failed": 0, "verified": 8}
    assert message["differ"] == 1
    by_id = {entry["trial_id"]: entry for entry in message["trials"]}
    diverged, one = by_id[trial.trial_id], by_id[records.one.trial_id]
    assert diverged["difference"] == {
        "epoch": None,
        "field": "divergence loss",
        "recorded": "inf",
        "now": divergence.loss,
    }
    assert (diverged["same"], diverged["state"]) == (False, "diverged")
    assert (one["same"], one["compared"], one["difference"]) == (True, "bit for bit", None)
    last = records.store.read_metrics(records.one)[-1]["test/top1"]
    assert one["test/top1"] == {"recorded": last, "now": last}
    (change,) = one["changes"]
    assert (change["what"], change["recorded"]) == ("Python", "3.9.1")


def test_failed_trials_are_counted_and_not_verified(audit, records):
    failure = Failure(kind=FailureKind.CODE, message="no")
    records.change_result(records.one, state=TrialState.FAILED, failure=failure)
    found = audit("--sample", "all")
    assert found.exit_code == 0
    assert "verified 7 of 7" in found.output
    assert "1 failed, which were not verified" in found.output
    assert records.one.trial_id not in found.output
    with pytest.raises(UserError, match=r"is complete or diverged \(1 failed, 0 missing\)"):
        audit(*ONE)


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["--storage", "elsewhere"], "nothing to verify. First run: adaloss-sweep run grid.yaml"),
        (["--only", "b0=7"], "no trial has b0=7"),
        (["--sample", "0"], "--sample 0: write a number of at least 1, or all"),
        (["--sample", "some"], "--sample some: write a number"),
    ],
)
def test_a_users_mistake_is_explained(audit, arguments, printed):
    with pytest.raises(UserError) as refused:
        audit(*arguments)
    assert printed in str(refused.value)


def made_record(grid, **fields):
    """A record that says that the grid's only trial is complete."""
    provenance = Provenance(
        code_version="", python="", packages={}, platform="", device="", threads=1
    )
    (trial,) = load_sweep(grid).trials
    result = TrialResult(
        trial_id=trial.trial_id,
        state=TrialState.COMPLETE,
        epochs=trial.epochs,
        seconds=1.0,
        finished_at="2026-01-01T00:00:00+00:00",
        provenance=provenance,
    )
    Store(grid.parent / "results" / "small").write_result(trial, result)


def single(tmp_path, old, new):
    """A grid of one trial, with something replaced."""
    grid = tmp_path / "grid.yaml"
    text = GRID.replace("[adaloss, sgd_constant]", "adaloss").replace("[0.001, 1]", "1")
    grid.write_text(text.replace("seeds: 2", "seeds: 1").replace(old, new))
    return grid


def test_missing_data_is_the_usual_message(command, tmp_path):
    dataset = "imagefolder:pets\n  image_size: 8"
    grid = single(tmp_path, "digits", dataset)
    grid.write_text(f"{grid.read_text()}data: {{root: {tmp_path / 'data'}}}\n")
    made_record(grid)
    refused = command("verify", grid)
    assert refused.returncode == 2
    assert f", {tmp_path / 'data' / 'pets'}; expected a folder per class" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.slow
def test_an_interrupt_leaves_nothing_behind(tmp_path):
    grid = single(tmp_path, "epochs: 3", "epochs: 1000000")
    made_record(grid)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "runners", "verify", str(grid)],
        cwd=tmp_path,
        env=os.environ | {"TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until(lambda: process.poll() is not None or any(scratch.rglob("metrics.jsonl")))
        process.send_signal(signal.SIGINT)
        _, printed = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 130, printed
    assert "stopped; 0 of 1 trials were verified" in printed
    assert "Traceback" not in printed
    assert list(scratch.iterdir()) == []


FUNCTION = """\
def train(trial):
    for epoch in range(3):
        yield {"epoch": epoch, "loss": trial["lr"] * epoch}
    yield {"accuracy": 0.5}
"""
SCRIPT = """\
import sys, wandb
lr = float(sys.argv[1].partition("=")[2])
run = wandb.init()
for epoch in range(3):
    wandb.log({"epoch": epoch, "loss": lr * epoch})
run.summary["accuracy"] = 0.5
"""


@pytest.mark.slow
@pytest.mark.parametrize(("program", "text"), [("train.py:train", FUNCTION), ("train.py", SCRIPT)])
def test_the_trials_of_a_program_are_verified(tmp_path, cli, capsys, program, text):
    (tmp_path / "train.py").write_text(text)
    grid = tmp_path / "grid.yaml"
    grid.write_text(
        f"name: small\nprogram: {program}\nmetric: {{name: loss}}\nparameters: {{lr: [0.5]}}\n"
    )
    sweep = load_sweep(grid)
    for trial in sweep.trials:
        execute_here(trial, sweep, Records(grid).store)
    capsys.readouterr()
    code, output, errors = cli("verify", "grid.yaml")
    assert (code, errors) == (0, ""), output
    assert "bit for bit" in output
    (tmp_path / "train.py").write_text(text.replace("0.5", "0.75"))
    code, output, _ = cli("verify", "grid.yaml")
    assert code == 4
    assert "accuracy: recorded 0.5, now 0.75" in output
