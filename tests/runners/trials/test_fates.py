"""What becomes of trials that fail, hang, die or outgrow the memory, in real processes: one sweep
with one trial of each beside one that nothing happens to."""

import json

import pytest

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import FailureKind, TrialState
from adaloss.records.store import Store

pytestmark = pytest.mark.slow

GRID = """\
name: fates
parameters:
  dataset: digits
  model: [mlp, "faulty:fails", "faulty:hangs", "faulty:dies", "faulty:hungry"]
  optimizer: adaloss
  b0: 1
  lr: 1
  epochs: 3
  batch_size: 128
seeds: 1
execution: {timeout: 20s, retries: 2, checkpoint_interval: 0.001}
"""

QUICK = ("--wandb", "disabled", "--no-figures")
MODELS = '''\
import ctypes
import multiprocessing
import os
import signal
from pathlib import Path

from torch import nn

HERE = Path(__file__).parent


class Faulty(nn.Sequential):
    def __init__(self, happens, channels, image_size, classes):
        super().__init__(nn.Flatten(), nn.Linear(channels * image_size**2, classes))
        self.happens = happens

    def forward(self, images):
        if in_a_trial():
            self.happens()
        return super().forward(images)


def in_a_trial():
    """Not where it is tried before the sweep, in a process that Python started."""
    return multiprocessing.parent_process() is None


def first_time(what):
    marker = HERE / what
    if marker.exists():
        return False
    marker.touch()
    return True


def fail():
    raise ValueError("no such pixel")


def hang():
    """In C, with the interpreter's lock held."""
    ctypes.PyDLL(None).sleep(600)


def die_after_an_epoch():
    if list(HERE.glob("results/*/trials/*dies*/checkpoint.pt")) and first_time("died"):
        os.kill(os.getpid(), signal.SIGKILL)


def fails(**sizes):
    return Faulty(fail, **sizes)


def hangs(**sizes):
    return Faulty(hang, **sizes)


def dies(**sizes):
    return Faulty(die_after_an_epoch, **sizes)


def hungry(**sizes):
    """Out of memory the first time, as beside a neighbour; alone there is enough."""
    if in_a_trial() and first_time("tried"):
        raise MemoryError("no room")
    return Faulty(lambda: None, **sizes)
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of the sweep."""
    folder = tmp_path_factory.mktemp("fates")
    (folder / "grid.yaml").write_text(GRID)
    (folder / "faulty.py").write_text(MODELS)
    return folder


@pytest.fixture(scope="module")
def command(command_in, folder):
    return command_in(folder)


@pytest.fixture(scope="module")
def ended(command):
    """The sweep, run once."""
    return command("run", "grid.yaml", *QUICK)


@pytest.fixture(scope="module")
def status(ended, command):
    return command("status", "grid.yaml").stdout


@pytest.fixture
def store(ended, folder):
    return Store(folder / "results" / "fates")


@pytest.fixture
def trial(folder):
    """The trial whose model has this name."""
    trials = load_sweep(folder / "grid.yaml").trials
    return lambda name: next(trial for trial in trials if trial.model.endswith(name))


def test_no_trial_stops_the_others(ended, store, trial):
    assert ended.returncode == 4, ended.stderr
    assert "5 of 5 trials are done (3 complete, 0 diverged, 2 failed)" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert store.read_result(trial("mlp")).state is TrialState.COMPLETE
    assert not list(store.trial_folder(trial("mlp")).glob(".*")), "its time limit leaves no trace"


def test_one_that_fails_is_told_and_not_started_again(command, ended, status, store, trial):
    failure = store.read_result(trial("fails")).failure
    assert failure.kind is FailureKind.CODE
    assert "no such pixel" in failure.message
    assert "starts after epoch" not in store.log_path(trial("fails")).read_text()
    assert "adaloss-sweep retry" in ended.stderr
    assert "failed: faulty_fails-adaloss-b0=1-seed0" in status
    assert "Traceback" in command("show", "grid.yaml", "faulty_fails").stdout


def test_one_that_hangs_is_ended_by_its_time_limit_and_not_started_again(
    ended, status, store, trial
):
    hung = trial("hangs")
    failure = store.read_result(hung).failure
    assert failure.kind is FailureKind.TIMEOUT
    assert "execution.timeout (20 s)" in failure.message
    assert "in hang" in failure.traceback
    log = store.log_path(hung).read_text()
    assert "starts after epoch" not in log, "it was started once"
    assert "in hang" in log
    assert "execution.timeout (20 s)" in ended.stderr
    assert not list(store.trial_folder(hung).glob(".*"))
    assert "in hang" in status
    assert "  | timeout: " in status


def test_one_whose_worker_is_killed_goes_on_from_its_checkpoint(ended, store, trial):
    again = "worker lost: its worker died; continues from its last checkpoint in 2 s (retry 1 of 2)"
    assert again in ended.stderr
    assert [metrics.epoch for metrics in store.read_metrics(trial("dies"))] == [1, 2, 3]
    assert "starts after epoch 1" in store.log_path(trial("dies")).read_text()


def test_one_that_is_out_of_memory_runs_again_alone(ended, store, trial):
    assert "retried, alone" in ended.stderr
    assert store.read_result(trial("hungry")).state is TrialState.COMPLETE
    first_attempt = store.trial_folder(trial("hungry")) / "attempts" / "1" / "result.json"
    assert json.loads(first_attempt.read_text())["failure"]["kind"] == "out of memory"


def test_run_leaves_failures_alone_and_retry_repeats_them(command, ended):
    again = command("run", "grid.yaml", *QUICK)
    assert again.returncode == 4
    assert "0 ran now" in again.stderr
    chosen = ("--only", "model=faulty:fails")
    repeated = command("retry", "grid.yaml", *QUICK, *chosen)
    assert repeated.returncode == 4
    assert "1 ran now" in repeated.stderr
