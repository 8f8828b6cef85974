"""What a model's own code sets in its process reaches no other trial."""

import pytest

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import TrialState
from adaloss.records.store import Store
from runners.pages.own_frames import own_frames

MODELS = """
import torch
from torch import nn

calls = 0

def linear(channels, image_size, classes, dropout=0.0):
    width = channels * image_size**2
    return nn.Sequential(nn.Flatten(), nn.Dropout(dropout), nn.Linear(width, classes))

def careless(channels, image_size, classes):
    global calls
    calls += 1
    torch.set_default_dtype(torch.float64)
    module = linear(channels, image_size, classes, dropout=0.9 if calls > 1 else 0.0)
    torch.nn.init.kaiming_uniform_ = lambda tensor, *rest, **named: tensor.fill_(0.5)
    return module
"""
GRID = """
name: isolated
parameters:
  dataset: digits
  model: ["models_of_isolation:careless", mlp]
  optimizer: adaloss
  b0: 1
  lr: 1
  epochs: 1
  batch_size: 256
seeds: 2
execution: {max_concurrent: 1}
wandb: {mode: disabled}
"""


@pytest.mark.slow
def test_a_worker_that_ran_code_of_the_users_own_runs_no_other_trial(tmp_path, command):
    (tmp_path / "models_of_isolation.py").write_text(MODELS)
    grid = tmp_path / "grid.yaml"
    grid.write_text(GRID)
    done = command("run", "grid.yaml", "--quiet", "--no-figures")
    assert done.returncode == 0, done.stderr
    store = Store(tmp_path / "results" / "isolated")
    for trial in load_sweep(grid).trials:
        together = store.read_result(trial)
        assert together.state is TrialState.COMPLETE
    # Each trial run again in a process of its own has the same numbers.
    verified = command("verify", "grid.yaml", "--sample", "all")
    assert "4 the same, 0 differ" in verified.stdout, verified.stdout


def test_the_users_own_frames_of_a_traceback():
    traceback = "\n".join(
        (
            "Traceback (most recent call last):",
            '  File "/nowhere/mine.py", line 3, in net',
            "    return layers(2)",
            f'  File "{pytest.__file__}", line 1, in installed',
            "    pass",
            '  File "<frozen importlib>", line 9, in load',
            '  File "/nowhere/layers.py", line 7, in layers',
            "    raise ValueError",
            "ValueError",
        )
    )
    assert own_frames(traceback) == (
        "/nowhere/mine.py:3 in net: return layers(2)",
        "/nowhere/layers.py:7 in layers: raise ValueError",
    )
