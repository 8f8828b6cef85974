"""``adaloss-sweep run`` with workers that hang and die, in real processes."""

import json

import pytest

from adaloss.result import FailureKind, TrialState
from adaloss.store import Store
from adaloss.sweep import load_sweep

pytestmark = pytest.mark.slow

MODELS = '''\
import ctypes
import os
from pathlib import Path

from torch import nn

DIED = Path(__file__).with_name("died")


class Faulty(nn.Sequential):
    def __init__(self, happens, channels, image_size, classes):
        super().__init__(nn.Flatten(), nn.Linear(channels * image_size**2, classes))
        self.happens = happens

    def forward(self, images):
        self.happens()
        return super().forward(images)


def hang():
    """In C, with the interpreter's lock held."""
    ctypes.PyDLL(None).sleep(600)


def die_after_an_epoch():
    """Once."""
    if not DIED.exists() and list(Path("results").glob("*/trials/*dies*/checkpoint.pt")):
        DIED.touch()
        os._exit(7)


def hangs(**sizes):
    return Faulty(hang, **sizes)


def dies(**sizes):
    return Faulty(die_after_an_epoch, **sizes)
'''


@pytest.fixture
def sweep(grid, tmp_path, monkeypatch):
    """Write the grid with a trial of each of these models; returns where its records will be."""
    monkeypatch.setenv("WANDB_MODE", "disabled")
    (tmp_path / "faulty.py").write_text(MODELS)

    def write(*models, execution):
        named = ", ".join(models)
        grid.write_text(
            grid.read_text()
            .replace("model: mlp", f"model: [{named}]")
            .replace("[adaloss, sgd_constant]", "adaloss")
            .replace("b0: [0.01, 1]", "b0: 1")
            .replace("epochs: 2", "epochs: 3")
            .replace("seeds: 2", "seeds: 1")
            + f"execution: {execution}\n"
        )
        return Store(tmp_path / "results" / "small"), {
            trial.model: trial for trial in load_sweep(grid).trials
        }

    return write


def test_a_trial_that_hangs_is_ended_by_its_time_limit_and_not_started_again(sweep, command, grid):
    store, trials = sweep("mlp", "faulty:hangs", execution="{timeout: 5s, retries: 2}")
    run = command("run", grid)
    assert run.returncode == 4, run.stderr
    assert store.read_result(trials["mlp"]).state is TrialState.COMPLETE
    hung = trials["faulty:hangs"]
    failure = store.read_result(hung).failure
    assert failure.kind is FailureKind.TIMEOUT
    assert "execution.timeout (5 s)" in failure.message
    assert "in hang" in failure.traceback
    log = store.log_path(hung).read_text()
    assert "starts after epoch" not in log, "it was started once"
    assert "in hang" in log
    assert "execution.timeout (5 s)" in run.stderr
    assert "Traceback" not in run.stderr
    assert not list(store.trial_folder(hung).glob(".*"))
    # A worker that is in time leaves no trace of its limit.
    assert not list(store.trial_folder(trials["mlp"]).glob(".*"))
    status = command("status", grid).stdout
    assert "in hang" in status
    assert "  | timeout: " in status


def test_a_trial_whose_worker_dies_goes_on_from_its_checkpoint(sweep, command, grid):
    store, trials = sweep("faulty:dies", execution="{checkpoint_interval: 0.001, retries: 1}")
    run = command("run", grid)
    assert run.returncode == 0, run.stderr
    assert (
        "worker lost: its worker died; goes on from its last checkpoint in 2 s (retry 1 of 1)"
        in run.stderr
    )
    trial = trials["faulty:dies"]
    assert [metrics.epoch for metrics in store.read_metrics(trial)] == [1, 2, 3]
    assert "starts after epoch 1" in store.log_path(trial).read_text()
    assert json.loads(command("status", grid, "--json").stdout)["complete"] == 1
