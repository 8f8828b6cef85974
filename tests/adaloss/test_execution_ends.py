"""How a trial ends whatever the user's own code does, and in which order its end is recorded."""

import signal
import sys

import pytest
import torch

from adaloss.errors import GpuLostError
from adaloss.records.places import Places
from adaloss.records.result import FailureKind, TrialState
from adaloss.records.writing import synchronise

MODEL = """
import os, signal, sys, time
from torch import nn

class Own(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.layer = nn.Linear(inputs, outputs)

    def forward(self, images):
        BODY
        return self.layer(images.flatten(1))

def net(channels, image_size, classes):
    return Own(channels * image_size**2, classes)
"""
OPTIMIZER = """
import sys
from torch.optim import SGD

class Own(SGD):
    def step(self, closure=None):
        sys.exit(1)
"""


@pytest.fixture
def written(tmp_path):
    """Write a module of the user's; return its name, which no other test has, and the places."""

    def write(source):
        name = f"own_{tmp_path.name}"
        (tmp_path / f"{name}.py").write_text(source)
        return name, Places(data_root=tmp_path / "data", own=(tmp_path,))

    return write


def run(execution):
    while execution.advance() is not None:
        pass
    return execution.result


@pytest.mark.parametrize("what", ["model", "optimizer"])
def test_code_of_ones_own_that_exits_has_failed(start, store, make_trial, written, what):
    is_model = what == "model"
    name, places = written(MODEL.replace("BODY", "sys.exit(1)") if is_model else OPTIMIZER)
    trial = make_trial(**{what: f"{name}:{'net' if is_model else 'Own'}"}, lr=0.01)
    result = run(start(trial, places=places))
    assert result.state is TrialState.FAILED
    assert (result.failure.kind, result.failure.message) == (FailureKind.CODE, "sys.exit(1)")
    assert f'{name}.py", line' in result.failure.traceback
    assert "SystemExit: 1" in store.log_path(trial).read_text()


def test_a_worker_that_is_asked_to_end_is_no_failure_of_its_trial(
    start, store, make_trial, written
):
    def as_ray_does(number, frame):
        sys.exit(1)

    name, places = written(
        MODEL.replace("BODY", "os.kill(os.getpid(), signal.SIGTERM); time.sleep(0.5)")
    )
    trial = make_trial(model=f"{name}:net", lr=0.01)
    before = signal.signal(signal.SIGTERM, as_ray_does)
    try:
        with pytest.raises(SystemExit):
            run(start(trial, places=places))
        assert signal.getsignal(signal.SIGTERM) is as_ray_does
    finally:
        signal.signal(signal.SIGTERM, before)
    assert store.read_result(trial) is None


def test_an_interrupt_is_no_failure_of_the_trial(start, store, make_trial, written):
    name, places = written(MODEL.replace("BODY", "raise KeyboardInterrupt"))
    trial = make_trial(model=f"{name}:net", lr=0.01)
    with pytest.raises(KeyboardInterrupt):
        run(start(trial, places=places))
    assert store.read_result(trial) is None


@pytest.mark.parametrize(
    ("replaceable", "answer", "is_lost"),
    [
        (True, "CUDA error: device-side assert triggered", True),
        (True, "CUDA error: out of memory", False),
        (True, None, False),
        # Nobody else would say what has happened.
        (False, "CUDA error: device-side assert triggered", False),
    ],
)
def test_a_failure_that_costs_the_process_its_gpu_may_be_anothers(
    start, store, make_trial, monkeypatch, replaceable, answer, is_lost
):
    def refused():
        raise RuntimeError("CUDA error: device-side assert triggered")

    def synchronize():
        if answer is not None:
            raise RuntimeError(answer)

    trial = make_trial()
    execution = start(trial, replaceable=replaceable)
    execution.run = execution.prepare()
    monkeypatch.setattr(execution.run, "run_epoch", refused)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "synchronize", synchronize)
    if not is_lost:
        assert run(execution).failure.kind is FailureKind.CODE
    else:
        with pytest.raises(GpuLostError, match=r"has ended its worker: .*: device-side assert"):
            execution.advance()
        assert store.read_result(trial) is None
    assert "device-side assert triggered" in store.log_path(trial).read_text()


def test_a_checkpoint_that_cannot_be_removed_does_not_change_the_result(start, store, make_trial):
    trial = make_trial(epochs=1)
    store.open_trial(trial)
    store.checkpoint_path(trial).mkdir()
    result = run(start(trial))
    assert result.state is TrialState.COMPLETE
    assert store.read_result(trial) == result
    assert "checkpoint.pt" in store.log_path(trial).read_text().splitlines()[-1]


def test_the_epochs_are_on_the_disk_before_the_result_that_counts_them(
    start, store, make_trial, monkeypatch
):
    order = []

    def synchronised(path):
        order.append(path.name)
        synchronise(path)

    for module in ("store", "writing"):
        monkeypatch.setattr(f"adaloss.records.{module}.synchronise", synchronised)
    trial = make_trial(epochs=3)
    run(start(trial))
    # Once, not after each epoch.
    epochs, result, folder = order
    assert epochs == "metrics.jsonl"
    assert result.startswith(".result.json.")
    assert folder == store.trial_folder(trial).name
