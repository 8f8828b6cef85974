"""A sweep on a Ray cluster of two "machines", the second of which has none of the first's files."""

import json
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch

pytest.importorskip("ray")
from cluster import machines, why_not
from patience import until

from adaloss.grid.sweep import load_sweep
from adaloss.records.store import Store
from adaloss.tasks.metrics import numbers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(why_not()), reason=f"no machines: {why_not()}"),
]
PROGRAM = Path(sys.executable).parent / "adaloss-sweep"
GRID = """\
name: small
parameters:
  {dataset: digits, model: mlp, optimizer: adaloss, b0: [0.1, 1], lr: 1, epochs: 60,
   batch_size: 128}
seeds: 3
execution: {checkpoint_interval: 0.1}
wandb: {mode: disabled}
"""
MODEL = """\
from layers import classifier

def build(channels, image_size, classes):
    return classifier(channels * image_size * image_size, classes)
"""
LAYERS = """\
from torch import nn

def classifier(pixels, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(pixels, classes))
"""


@pytest.fixture(scope="module")
def cluster():
    with machines(2) as both:
        yield both


@pytest.fixture
def folder(cluster, request):
    """A folder with a grid, which only the first machine has."""
    own = cluster.folder / request.node.name
    own.mkdir()
    for machine in cluster.machines[1:]:
        machine.hide(own)
    (own / "grid.yaml").write_text(GRID)
    return own


@pytest.fixture
def command(cluster, folder):
    """``adaloss-sweep`` on the first machine: its exit code and output."""

    def run(*words):
        process = cluster.start(cluster.machines[0], PROGRAM, *words, cwd=folder)
        output, _ = process.communicate()
        return process.returncode, output

    return run


def recorded(folder):
    """Each trial with the numbers of its epochs, all of which are complete."""
    sweep, store = load_sweep(folder / "grid.yaml"), Store(folder / "results" / "small")
    for trial in sweep.trials:
        assert store.read_result(trial).state == "complete"
    return {trial: [numbers(e) for e in store.read_metrics(trial)] for trial in sweep.trials}


def workers_of(folder):
    """How many trials each worker ran, by the name of its machine and its process."""
    profile = json.loads((folder / "results" / "small" / "profile.json").read_text())
    names = {e["tid"]: e["args"]["name"] for e in profile if e.get("name") == "thread_name"}
    ran = Counter(names[e["tid"]] for e in profile if e.get("name") == "epochs")
    return Counter(name.split()[1] for name in ran.elements())


def test_both_machines_run_trials_with_the_numbers_of_one(cluster, folder, command, start):
    code, output = command("run", "grid.yaml", "--profile")
    assert code == 0, output
    assert "warning: trials on machine2 send their records here, with Ray" in output
    assert set(workers_of(folder)) == {"machine1", "machine2"}
    trials = recorded(folder)
    for trial in list(trials)[::3]:
        execution = start(trial)
        while execution.advance() is not None:
            pass
        assert [numbers(epoch) for epoch in execution.history] == trials[trial]
    left = cluster.machines[1].run("find", cluster.folder / "cache", "-name", "*.jsonl")
    assert left == ""


def test_a_model_of_the_users_own_goes_where_it_is_not(folder, command):
    (folder / "mine.py").write_text(MODEL)
    (folder / "layers.py").write_text(LAYERS)
    (folder / "grid.yaml").write_text(GRID.replace("mlp", "'mine:build'").replace("60", "2"))
    code, output = command("run", "grid.yaml", "--profile")
    assert code == 0, output
    assert "your own code (2 files, 0.3 kB) is sent to machine2" in output
    assert set(workers_of(folder)) == {"machine1", "machine2"}
    recorded(folder)


def test_doctor_has_a_row_for_each_machine(command):
    code, output = command("doctor", "grid.yaml")
    assert code == 0, output
    rows = [line for line in output.splitlines() if "CPUs for Ray" in line]
    assert [row.split()[1] for row in rows] == ["machine1:", "machine2:"]
    assert "sees the results" in rows[0]
    assert "sends its records to this machine" in rows[1]


def test_a_machine_that_lacks_the_users_weights_is_refused(folder, command):
    (folder / "mine.py").write_text(MODEL)
    (folder / "layers.py").write_text(LAYERS)
    torch.save({"1.weight": torch.zeros(10, 64), "1.bias": torch.zeros(10)}, folder / "weights.pt")
    own = "'mine:build', pretrained: weights.pt"
    (folder / "grid.yaml").write_text(GRID.replace("mlp", own))
    code, output = command("run", "grid.yaml")
    assert code == 2, output
    assert f"machine2: it does not have {folder / 'weights.pt'}: copy or mount it there" in output
    assert not list(folder.rglob("trial.json"))


def test_trials_of_a_machine_that_dies_continue_and_a_new_one_takes_some(cluster, folder):
    process = cluster.start(
        cluster.machines[0], PROGRAM, "run", "grid.yaml", "--profile", cwd=folder
    )
    # It joins while the sweep runs, and takes trials of its own.
    doomed = cluster.add(hidden=[folder])

    def runs_on(machine):
        listed = machine.run("find", cluster.folder / "cache", "-name", "metrics.jsonl")
        return bool(listed.strip()) or process.poll() is not None

    until(lambda: runs_on(doomed))
    assert process.poll() is None
    doomed.die()
    cluster.machines.remove(doomed)
    output, _ = process.communicate()
    assert process.returncode == 0, output
    assert "worker lost" in output
    epochs = recorded(folder)
    assert all([e["epoch"] for e in lines] == list(range(1, 61)) for lines in epochs.values())
