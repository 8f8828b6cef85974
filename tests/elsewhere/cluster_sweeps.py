"""A small sweep on a cluster, the further machines of which have none of the first's files."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster import Cluster, machines

from adaloss.grid.sweep import load_sweep
from adaloss.records.store import Store
from adaloss.tasks.metrics import numbers
from adaloss.trial import Trial

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


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two machines with one processor each."""
    with machines(2) as both:
        yield both


@pytest.fixture
def folder(cluster: Cluster, request: pytest.FixtureRequest) -> Path:
    """A folder with a grid, which only the first machine has."""
    own = cluster.folder / request.node.name
    own.mkdir()
    for machine in cluster.machines[1:]:
        machine.hide(own)
    (own / "grid.yaml").write_text(GRID)
    return own


@pytest.fixture
def command(cluster: Cluster, folder: Path) -> Callable[..., tuple[int, str]]:
    """``adaloss-sweep`` on the first machine: its exit code and output."""

    def run(*words: str) -> tuple[int, str]:
        process = cluster.start(cluster.machines[0], PROGRAM, *words, cwd=folder)
        output, _ = process.communicate()
        return process.returncode, output

    return run


def recorded(folder: Path) -> dict[Trial, list[Any]]:
    """Each trial with the numbers of its epochs, all of which are complete."""
    sweep, store = load_sweep(folder / "grid.yaml"), Store(folder / "results" / "small")
    for trial in sweep.trials:
        assert store.read_result(trial).state == "complete"
    return {trial: [numbers(e) for e in store.read_metrics(trial)] for trial in sweep.trials}


def workers_of(folder: Path) -> Counter[str]:
    """How many trials each worker ran, by the name of its machine and its process."""
    profile = json.loads((folder / "results" / "small" / "profile.json").read_text())
    names = {e["tid"]: e["args"]["name"] for e in profile if e.get("name") == "thread_name"}
    ran = Counter(names[e["tid"]] for e in profile if e.get("name") == "epochs")
    return Counter(name.split()[1] for name in ran.elements())
