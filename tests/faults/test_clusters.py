"""What goes wrong on a cluster, and what has to go to its machines."""

import json
import shutil
import sys
from pathlib import Path

import pytest
import torch

pytest.importorskip("ray")
from cluster import machines, why_not
from cluster_sweeps import GRID, PROGRAM, cluster, command, folder, recorded, workers_of
from patience import until

import adaloss

__all__ = ["cluster", "command", "folder"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(why_not()), reason=f"no machines: {why_not()}"),
]


PACKAGE = Path(adaloss.__file__).parent
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


def test_a_model_of_the_users_own_goes_where_it_is_not(folder, command):
    (folder / "mine.py").write_text(MODEL)
    (folder / "layers.py").write_text(LAYERS)
    (folder / "grid.yaml").write_text(GRID.replace("mlp", "'mine:build'").replace("60", "2"))
    code, output = command("run", "grid.yaml", "--profile")
    assert code == 0, output
    assert "your own code (2 files, 0.3 kB) is sent to machine2" in output
    assert set(workers_of(folder)) == {"machine1", "machine2"}
    recorded(folder)


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


def test_a_machine_that_joins_with_other_code_runs_nothing_and_no_more_is_started():
    # Not the other tests' cluster, which may still count a machine that has died.
    with machines(1) as cluster:
        other, folder = cluster.folder / "other", cluster.folder / "sweep"
        shutil.copytree(PACKAGE, other)
        (other / "changed.py").touch()
        folder.mkdir()
        (folder / "grid.yaml").write_text(GRID.replace("60", "600"))
        process = cluster.start(cluster.machines[0], PROGRAM, "run", "grid.yaml", cwd=folder)
        until(lambda: list(folder.rglob("metrics.jsonl")) or process.poll() is not None)
        late = cluster.add(hidden=[folder])
        late.run("mount", "--bind", other, PACKAGE)
        output, _ = process.communicate()
        assert process.returncode == 3, output
        sentence = f"no more trials are started: {late.name} has another adaloss-sweep than"
        assert output.count(sentence) == 1
        states = {json.loads(path.read_text())["state"] for path in folder.rglob("result.json")}
        assert states == {"complete"}, "those that ran on the other machine"


@pytest.fixture
def bucket(cluster):
    """The variables with which the first machine alone reaches a server of S3 with a bucket."""
    head = cluster.machines[0]
    server = cluster.start(head, sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", 5000)
    variables = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:5000",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    make = "import fsspec; fsspec.filesystem('s3').mkdir('all')"

    def made():
        asked = cluster.start(head, sys.executable, "-c", make, **variables)
        asked.communicate()
        return asked.returncode == 0

    until(made, pause=1)
    yield variables
    head.run("pkill", "-f", "moto.server")
    server.communicate()


def test_results_at_a_url_need_no_access_from_the_other_machines(cluster, folder, bucket):
    words = ("run", "grid.yaml", "--storage", "s3://all/results", "--profile")
    process = cluster.start(cluster.machines[0], PROGRAM, *words, cwd=folder, **bucket)
    output, _ = process.communicate()
    assert process.returncode == 0, output
    assert "trials on machine2 send their records here" in output
    cluster.machines[0].run("rm", "-r", cluster.folder / "cache" / "adaloss-sweep")
    words = ("status", "s3://all/results/small")
    process = cluster.start(cluster.machines[0], PROGRAM, *words, cwd=folder, **bucket)
    output, _ = process.communicate()
    assert "6 of 6 trials are done (6 complete" in output, output
