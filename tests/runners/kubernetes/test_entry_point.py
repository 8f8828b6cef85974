"""What a RayJob runs, on "machines" instead of pods: its command, on its files as in a pod."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ray")
sys.path.insert(0, str(Path(__file__).parent))
from cluster import machines, why_not
from patience import until
from pods import LAYERS, MODEL, contents_of, mount, objects_of, pods_of

from adaloss.grid.sweep import load_sweep
from adaloss.records.store import Store

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(why_not()), reason=f"no machines: {why_not()}"),
]
BIN = Path(sys.executable).parent
EPOCHS = 20
GRID = f"""\
name: small
parameters:
  {{dataset: digits, model: 'my_model:build', optimizer: adaloss, b0: [0.1, 1], lr: 1,
   epochs: {EPOCHS}, batch_size: 128}}
seeds: 4
execution: {{checkpoint_interval: 0.1}}
wandb: {{mode: disabled}}
"""


@pytest.fixture
def written(tmp_path):
    """The ConfigMap and the RayJob of a grid with a model of the user's own."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "layers.py").write_text(LAYERS)
    (tmp_path / "my_model.py").write_text(MODEL)
    (tmp_path / "grid.yaml").write_text(GRID)
    words = ["kubernetes", "grid.yaml", "--image", "sweep:1", "--claim", "results"]
    done = subprocess.run(
        [BIN / "adaloss-sweep", *words], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return objects_of(done.stdout)


def kill(pid):
    """Kill a process and all that it has started."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        kill(int(child))
    os.kill(pid, signal.SIGKILL)


def test_the_entry_point_runs_and_continues_after_its_pod_was_killed(written):
    config_map, ray_job = written
    cluster_spec = ray_job["spec"]["rayClusterSpec"]
    cpus_of_head = int(cluster_spec["headGroupSpec"]["rayStartParams"]["num-cpus"])
    cpus = pods_of(ray_job)[1]["containers"][0]["resources"]["limits"]["cpu"]
    with machines(1, cpus=cpus_of_head) as cluster:
        files, results, elsewhere = (cluster.folder / name for name in ("fi", "re", "cwd"))
        for folder in (files, results, elsewhere):
            folder.mkdir()
        mount(contents_of(config_map, ray_job), files)
        head = cluster.machines[0]
        # It has neither the files nor the results.
        cluster.add(cpus=cpus, hidden=[files, results])
        cluster.wait()
        entry_point = ray_job["spec"]["entrypoint"]
        entry_point = entry_point.replace("/sweep/", f"{files}/").replace("/results", f"{results}")

        def start():
            path = f"{BIN}:{os.environ['PATH']}"
            # As Ray runs a job, in a folder that has nothing to do with it.
            return cluster.start(head, "/bin/sh", "-c", entry_point, cwd=elsewhere, PATH=path)

        killed = start()
        until(lambda: list(results.rglob("result.json")) or killed.poll() is not None)
        assert killed.poll() is None, killed.communicate()[0]
        kill(killed.pid)
        killed.communicate()
        output, _ = (again := start()).communicate()
        assert again.returncode == 0, output
        assert "your own code (2 files, 0.3 kB) is sent to machine2" in output
        sweep, store = load_sweep(files / "grid.yaml"), Store(results / "small")
        for trial in sweep.trials:
            assert store.read_result(trial).state == "complete"
            epochs = [epoch["epoch"] for epoch in store.read_metrics(trial)]
            assert epochs == list(range(1, EPOCHS + 1))
        assert (results / "small" / "tables" / "tables.md").exists()
        # A pod's own names for the files would be other ones at the next start.
        recorded = [path.read_bytes() for path in results.rglob("*.json")]
        assert recorded
        assert not any(b"..2026" in text for text in recorded)
