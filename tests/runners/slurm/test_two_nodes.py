"""A sweep in a job of two "nodes" with a real Ray, on this machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from stand_ins import Slurm

pytestmark = pytest.mark.slow


def has_an_address():
    """Whether other machines could reach this one; a job on several nodes needs that."""
    try:
        listed = subprocess.run(["hostname", "-I"], capture_output=True, text=True).stdout
    except OSError:
        return False
    return any("." in address for address in listed.split())


@pytest.mark.skipif(not has_an_address(), reason="this machine has no IPv4 address but its own")
def test_a_sweep_runs_on_both_nodes(grid, monkeypatch):
    # As in a process of adaloss-sweep, which submits the job.
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    programs = Path(sys.executable).parent
    words = ("run", "grid.yaml", "--no-figures")
    slurm = Slurm(folder=grid.parent, programs=programs, nodes=2, needed=(grid,), command=words)
    code, log = slurm.run()
    assert code == 0, log
    assert "8 of 8 trials are done" in log
    # Each node has one processor.
    assert "of 2 workers" in log
    assert len(list(slurm.results.rglob("result.json"))) == 8
    assert (slurm.results / "slurm-ray.log").read_text().count("Ray runtime started.") == 2
    assert not Path(f"/tmp/ray-{os.getpid()}-0").exists()
