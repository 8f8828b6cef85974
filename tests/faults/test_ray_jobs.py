"""``ray job submit`` on two "machines": a sweep as a job, its stop, and its next start.

Ray's dashboard takes jobs; it needs ``pip install '.[jobs]'``.
"""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("ray")
from cluster import machines, why_not
from patience import until

from adaloss.grid.sweep import load_sweep
from adaloss.records.store import Store

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(why_not()), reason=f"no machines: {why_not()}"),
    pytest.mark.skipif(find_spec("aiohttp_cors") is None, reason="no extra `jobs`"),
]
BIN = Path(sys.executable).parent
EPOCHS = 1000
GRID = f"""\
name: small
parameters:
  {{dataset: digits, model: 'mine:build', optimizer: adaloss, b0: [0.1, 1], lr: 1,
   epochs: {EPOCHS}, batch_size: 128}}
seeds: 2
execution: {{checkpoint_interval: 0.1}}
wandb: {{mode: disabled}}
"""
MODEL = """\
from torch import nn

def build(channels, image_size, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * image_size * image_size, classes))
"""
# Ray's own is 3 s.
PATIENT = json.dumps({"env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": "60"}})


@pytest.fixture(scope="module")
def cluster():
    with machines(2, jobs=True) as both:
        yield both


@pytest.fixture
def job(cluster):
    """``ray job`` with the cluster's address: its exit code and output."""

    def run(verb, *words, cwd=None):
        line = [BIN / "ray", "job", verb, "--address", cluster.dashboard, *words]
        process = cluster.start(cluster.machines[0], *line, cwd=cwd, RAY_ADDRESS="")
        output, _ = process.communicate()
        return process.returncode, output

    return run


def running(results):
    """The sweeps of this machine that write to these results."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return [line for line in listed.stdout.splitlines() if f"--storage {results}" in line]


def test_a_job_that_is_stopped_stops_in_order_and_the_next_continues(cluster, job):
    project, results = cluster.folder / "project", cluster.folder / "results"
    for folder in (project, results):
        folder.mkdir()
    for machine in cluster.machines[1:]:
        machine.hide(project, results)
    (project / "grid.yaml").write_text(GRID)
    (project / "mine.py").write_text(MODEL)
    words = ["--working-dir", ".", "--runtime-env-json", PATIENT]
    command = [BIN / "adaloss-sweep", "run", "grid.yaml", "--yes", "--storage", results]

    code, output = job(
        "submit", "--submission-id", "first", "--no-wait", *words, "--", *command, cwd=project
    )
    assert code == 0, output
    until(lambda: list(results.glob("small/trials/*/checkpoint.pt")))
    code, output = job("stop", "first")
    assert "Job 'first' was stopped" in output
    assert running(results) == []
    _, log = job("logs", "first")
    assert "of 4 trials are done" in log.partition("stopped; ")[2]
    # Compiled after the interrupt: Ray has waited for it.
    assert (results / "small" / "tables" / "tables.md").exists()

    # The results are not in the job's folder, which is another one for each job.
    (project / "grid.yaml").write_text(GRID)
    code, output = job("submit", *words, "--", *command, cwd=project)
    assert code == 0, output
    assert "4 of 4 trials are done (4 complete" in output
    sweep, store = load_sweep(project / "grid.yaml"), Store(results / "small")
    for trial in sweep.trials:
        epochs = [epoch["epoch"] for epoch in store.read_metrics(trial)]
        assert epochs == list(range(1, EPOCHS + 1))


def test_the_state_of_a_job_is_that_of_its_sweep(cluster, job):
    project = cluster.folder / "broken"
    project.mkdir()
    (project / "grid.yaml").write_text(GRID.replace(f"epochs: {EPOCHS}", "epochs: many"))
    command = [BIN / "adaloss-sweep", "run", "grid.yaml", "--yes"]
    code, output = job("submit", "--working-dir", ".", "--", *command, cwd=project)
    assert code == 1
    assert "grid.yaml:4: epochs must be" in output
    assert "failed with exit code 2" in output
