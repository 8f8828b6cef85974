"""The user's own code and data change between runs: nothing is mixed without a word."""

import json

import pytest

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import TrialResult
from adaloss.records.store import Store

MODEL = """
from torch import nn
DROPOUT = 0.3
def net(channels, image_size, classes):
    width = channels * image_size**2
    return nn.Sequential(nn.Flatten(), nn.Dropout(DROPOUT), nn.Linear(width, classes))
"""
GRID = """
name: own
parameters:
  dataset: digits
  model: ["model_of_a_sweep:net", mlp]
  optimizer: adaloss
  b0: 1
  lr: 1
  epochs: 1
  batch_size: 256
seeds: SEEDS
"""


@pytest.fixture
def sweep(tmp_path):
    """A sweep of two seeds with results of a model that has changed since."""
    write_grid(tmp_path, 2)
    (tmp_path / "model_of_a_sweep.py").write_text(MODEL)
    return tmp_path


def write_grid(folder, seeds):
    (folder / "grid.yaml").write_text(GRID.replace("SEEDS", str(seeds)))


@pytest.fixture
def run_both(sweep, command):
    """Have the results of the model's two seeds."""
    for seed in (0, 1):
        only = f"model=model_of_a_sweep:net,seed={seed}"
        done = command("trial", "grid.yaml", "--only", only)
        assert done.returncode == 0, done.stderr
    return sweep


def change(folder):
    (folder / "model_of_a_sweep.py").write_text(MODEL.replace("0.3", "0.95"))


@pytest.mark.slow
def test_a_seed_more_is_not_averaged_with_results_of_other_code(run_both, command):
    change(run_both)
    write_grid(run_both, 3)
    planned = command("plan", "grid.yaml")
    changed = "model_of_a_sweep.py changed after the computation of 2 results"
    assert f"model_of_a_sweep:net: {changed}" in planned.stdout

    words = ("--only", "model=model_of_a_sweep:net,seed=2")
    for refused in (
        command("run", "grid.yaml", "--wandb", "disabled", *words),
        command("trial", "grid.yaml", *words),
        command("doctor", "grid.yaml"),
    ):
        assert refused.returncode == 2
        printed = refused.stderr + refused.stdout
        assert changed in printed
        assert "retry grid.yaml --changed" in printed

    # Models that are not the user's own are not held up by it.
    assert command("trial", "grid.yaml", "--only", "model=mlp,seed=0").returncode == 0

    table = command("table", "grid.yaml").stdout
    assert "All 2 results were computed with another version of model model_of_a_sweep" in table


def test_programs_are_told_of_changes_as_people_are(sweep, cli_without_ray):
    record_older(sweep)
    said = "model_of_a_sweep:net: the version used for 2 results"
    planned = cli_without_ray("plan", "grid.yaml")
    assert planned.stdout.count(f"note: {said}") == 1
    notes = json.loads(cli_without_ray("plan", "grid.yaml", "--json").stdout)["notes"]
    assert any(note.startswith(said) for note in notes)
    only = ("--only", "model=model_of_a_sweep:net", "--wandb", "disabled")
    for options in ((), ("--json",)):
        ran = cli_without_ray("run", "grid.yaml", *only, *options)
        assert "0 ran now" in ran.stderr or json.loads(ran.stdout)["started"] == 0
        assert ran.stderr.count(f"note: {said}") == 1


@pytest.mark.slow
def test_what_changed_is_computed_again(run_both, command):
    change(run_both)
    again = command("retry", "grid.yaml", "--changed", "--wandb", "disabled", "--no-figures")
    assert again.returncode == 0, again.stderr
    store = Store(run_both / "results" / "own")
    assert len(list(store.trials_folder.glob("*/attempts/1/result.json"))) == 2
    assert "changed after" not in command("plan", "grid.yaml").stdout
    nothing = command("retry", "grid.yaml", "--changed")
    assert nothing.returncode == 2
    assert "no trial of own is changed" in nothing.stderr


@pytest.mark.slow
def test_a_cell_of_two_versions_is_marked(run_both, command):
    store = Store(run_both / "results" / "own")
    trials = [t for t in load_sweep(run_both / "grid.yaml").trials if t.model != "mlp"]
    result = store.read_result(trials[0])
    other = result.fingerprint.model_copy(update={"model": {"model_of_a_sweep.py": "0" * 16}})
    store.write_result(trials[0], result.model_copy(update={"fingerprint": other}))
    for form, mark in (("md", "†"), ("latex", r"\dag{}"), ("html", "†")):
        table = command("table", "grid.yaml", "--format", form).stdout
        assert mark in table, form
        assert "Mixes 2 versions of model" in table.replace(r"\_", "_"), form
    rows = command("table", "grid.yaml", "--format", "csv").stdout
    assert rows.count(",True\n") == 1


def record_older(folder):
    """Records as they were without digests."""
    store = Store(folder / "results" / "own")
    trials = [t for t in load_sweep(folder / "grid.yaml").trials if t.model != "mlp"]
    for trial in trials:
        old = {
            "trial_id": trial.trial_id, "state": "complete", "epochs": 1, "seconds": 1.0,
            "finished_at": "2026-01-01T00:00:00+00:00",
        }  # fmt: skip
        TrialResult.model_validate_json(json.dumps(old))
        path = store.open_trial(trial) / "result.json"
        path.write_text(json.dumps(old))


def test_an_older_record_is_read_and_said_to_be_unknown(sweep, cli):
    record_older(sweep)
    code, output, _ = cli("plan", "grid.yaml")
    assert code == 0
    assert "the version used for 2 results" in output
