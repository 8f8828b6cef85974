"""Scripts and functions of one's own on a GPU: measured, packed, ended with their memory."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from patience import PATIENCE, until

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import TrialState
from adaloss.records.store import Store
from runners.preflight.machine.gpus import visible_gpus

sys.path.insert(0, str(Path(__file__).parents[2] / "faults"))
from kill_points import INTERRUPTED, start

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(visible_gpus() == 0, reason="there is no GPU here"),
]

HELD = 2 * 2**30
SCRIPT = f"""\
import argparse, json, os, time, torch

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--seed", type=int)
parser.add_argument("--seconds", type=float)
given = parser.parse_args()
held = torch.zeros({HELD}, dtype=torch.uint8, device="cuda")
weight = torch.tensor(5.0 + given.seed, device="cuda")
for epoch in range(4):
    weight -= given.lr * weight
    time.sleep(given.seconds / 4)
    with open(os.environ["ADALOSS_REPORT"], "a") as file:
        file.write(json.dumps({{"loss": weight.item() ** 2}}) + "\\n")
"""
FUNCTION = f"""\
import torch


def train(trial):
    held = torch.zeros({HELD}, dtype=torch.uint8, device="cuda")
    weight = torch.tensor(5.0 + trial["seed"], device="cuda")
    for epoch in range(4):
        weight -= trial["lr"] * weight
        yield {{"loss": weight.item() ** 2}}
"""
GRID = """\
name: held
program: {program}
metric: {{name: loss, goal: minimize}}
parameters:
  lr: [0.1, 0.2]
{more}seeds: 3
"""


def write(folder, program, text, more=""):
    path = folder / program.partition(":")[0]
    path.write_text(text)
    grid = folder / "grid.yaml"
    grid.write_text(GRID.format(program=program, more=more))
    return grid


def used():
    """The memory in use on the GPUs in MiB."""
    line = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    answer = subprocess.run(line, capture_output=True, text=True, check=True)
    return sum(map(int, answer.stdout.split()))


@pytest.mark.parametrize(
    ("program", "text", "more"),
    [("train.py", SCRIPT, "  seconds: 8\n"), ("train.py:train", FUNCTION, "")],
)
def test_the_memory_of_a_program_is_measured(command, tmp_path, monkeypatch, program, text, more):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    grid = write(tmp_path, program, text, more)
    run = command("run", grid)
    assert run.returncode == 0, run.stderr
    store = Store(tmp_path / "results" / "held")
    for trial in load_sweep(grid).trials:
        result = store.read_result(trial)
        assert result.state is TrialState.COMPLETE
        assert HELD <= result.memory.peak < result.memory.total
        expected = (5.0 + trial.seed) * (1 - dict(trial.parameters)["lr"]) ** 4
        assert result.last.values["loss"] == pytest.approx(expected**2, rel=1e-5)


def test_ctrl_c_gives_the_memory_of_scripts_back(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    before = used()
    write(tmp_path, "train.py", SCRIPT, "  seconds: 3000\n")
    with start(tmp_path) as run:
        until(lambda: used() > before + HELD // 2**20)
        os.killpg(run.process.pid, signal.SIGINT)
        ended = run.end(PATIENCE)
    assert ended.code == INTERRUPTED, ended.output
    until(lambda: used() <= before + 64)
    assert not list(tmp_path.rglob("result.json"))
