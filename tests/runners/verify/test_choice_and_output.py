"""``adaloss-sweep verify``: what it chooses, prints and refuses, and trials of programs."""

import json
import math
import os
import signal
import subprocess
import sys

import pytest
from patience import PATIENCE, until
from verified_records import GRID, ONE, Records

from adaloss.errors import UserError
from adaloss.grid.sweep import load_sweep
from adaloss.records.result import Failure, FailureKind, Provenance, TrialResult, TrialState
from adaloss.records.store import Store
from runners.trials.in_process import execute_here
from runners.verify.verify import choose


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


def test_missing_data_is_the_usual_message(cli, tmp_path):
    dataset = "imagefolder:pets\n  image_size: 8"
    grid = single(tmp_path, "digits", dataset)
    grid.write_text(f"{grid.read_text()}data: {{root: {tmp_path / 'data'}}}\n")
    made_record(grid)
    code, _, errors = cli("verify", grid)
    assert code == 2
    assert f", {tmp_path / 'data' / 'pets'}; expected a folder per class" in errors
    assert "Traceback" not in errors


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
