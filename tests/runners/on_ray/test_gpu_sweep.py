"""``adaloss-sweep run`` on a GPU: shared by trials, freed of what does not fit, verified after."""

import json
import subprocess
import sys
from itertools import pairwise

import pytest
import torch
from patience import PATIENCE

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import FailureKind, TrialState
from adaloss.records.store import Store
from runners.preflight.machine.gpus import visible_gpus
from runners.trials.timeline import EPOCHS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(visible_gpus() == 0, reason="there is no GPU here"),
]

MODELS = '''\
from pathlib import Path

import torch
from torch import nn

BUILT = Path(__file__).with_name("built")
# Before a sweep a model is tried in a process of its own.
SMALL = 2


class Holding(nn.Sequential):
    """Holds this part of the GPU's memory from its first batch on."""

    def __init__(self, part, channels, image_size, classes):
        super().__init__(nn.Flatten(), nn.Linear(channels * image_size**2, classes))
        self.part, self.held = part, None

    def forward(self, images):
        if images.is_cuda and self.held is None:
            total = torch.cuda.get_device_properties(images.device).total_memory
            self.held = torch.empty(int(self.part * total), dtype=torch.uint8, device="cuda")
        return super().forward(images)


def grows(**sizes):
    """Little in the first trial, by which the others' share is measured, then 0.6 of a GPU."""
    with BUILT.open("a") as file:
        file.write(".")
    return Holding(0.01 if BUILT.stat().st_size <= SMALL else 0.6, **sizes)


def too_large(**sizes):
    return Holding(1.5, **sizes)
'''


@pytest.fixture
def command(all_processors, tmp_path):
    """``adaloss-sweep`` with more than one worker, in a process with all processors."""

    def run(*words):
        line = [sys.executable, "-m", "runners", *map(str, words)]
        return subprocess.run(
            line, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    return run


@pytest.fixture
def sweep(grid, tmp_path, monkeypatch):
    """Write the grid with these changes; returns its trials and where their records will be."""
    monkeypatch.setenv("WANDB_MODE", "disabled")
    (tmp_path / "greedy.py").write_text(MODELS)

    def write(*changes, more=""):
        text = grid.read_text()
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        grid.write_text(text + more)
        return load_sweep(grid).trials, Store(tmp_path / "results" / "small")

    return write


def attempts(store, trial):
    """How many tries were given up before the one on record."""
    return len(list((store.trial_folder(trial) / "attempts").glob("*")))


def overlap(events):
    """Whether two workers trained at the same moment."""
    spans = sorted(
        (event["ts"], event["ts"] + event["dur"], event["tid"])
        for event in events
        if event["name"] == EPOCHS
    )
    return any(later[0] < earlier[1] for earlier, later in pairwise(spans))


def test_trials_share_the_gpu_and_are_verified(sweep, command, grid):
    trials, store = sweep(
        ("epochs: 2", "epochs: 30"),
        ("[adaloss, sgd_constant]", "adaloss"),
        more="execution: {retries: 0}\n",
    )
    run = command("run", grid, "--profile")
    assert run.returncode == 0, run.stderr
    results = [store.read_result(trial) for trial in trials]
    assert {result.state for result in results} == {TrialState.COMPLETE}
    assert {result.provenance.device for result in results} == {torch.cuda.get_device_name()}
    assert all(0 < result.memory.peak < result.memory.total for result in results)
    events = json.loads((store.root / "profile.json").read_text())
    assert overlap(events), "a GPU takes more than one such trial"
    verified = command("verify", grid, "--sample", "3")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_a_deterministic_sweep_is_the_same_bit_for_bit(sweep, command, grid):
    sweep(("epochs: 2", "epochs: 2\n  deterministic: true"))
    assert command("run", grid).returncode == 0
    verified = command("verify", grid, "--sample", "all")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_a_trial_that_outgrows_its_share_runs_again_with_the_gpu_to_itself(sweep, command, grid):
    trials, store = sweep(
        ("model: mlp", "model: greedy:grows"),
        ("[adaloss, sgd_constant]", "adaloss"),
        more="execution: {retries: 2}\n",
    )
    run = command("run", grid)
    assert run.returncode == 0, run.stderr
    assert {store.read_result(trial).state for trial in trials} == {TrialState.COMPLETE}
    # The first measured the share; each of the others did not fit into it, once.
    assert sorted(attempts(store, trial) for trial in trials) == [0, 1, 1, 1]
    assert run.stderr.count("out of memory: ") == 3
    assert run.stderr.count(", alone, in ") == 3
    assert "Traceback" not in run.stderr


def test_what_no_gpu_holds_fails_and_the_others_are_finished(sweep, command, grid):
    trials, store = sweep(
        ("model: mlp", "model: [mlp, greedy:too_large]"),
        ("[adaloss, sgd_constant]", "adaloss"),
        ("seeds: 2", "seeds: 1"),
        more="execution: {retries: 2}\n",
    )
    run = command("run", grid)
    assert run.returncode == 4, run.stderr
    for trial in trials:
        result = store.read_result(trial)
        if trial.model == "mlp":
            assert result.state is TrialState.COMPLETE
        else:
            assert result.failure.kind is FailureKind.OUT_OF_MEMORY
            assert attempts(store, trial) == 1, "alone, and only once"
    assert "Traceback" not in run.stderr


def test_more_gpus_than_there_are_are_refused_with_the_numbers(sweep, command, grid):
    there = visible_gpus()
    sweep(more=f"resources: {{gpu: {there + 1}}}\n")
    run = command("run", grid)
    assert run.returncode == 2
    assert f"a trial asks for {there + 1}, and this machine has {there}" in run.stderr
