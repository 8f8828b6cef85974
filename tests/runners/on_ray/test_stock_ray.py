"""A sweep with ``ADALOSS_STOCK_RAY=1``, which uses no private name of Ray."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from patience import PATIENCE

from adaloss.grid.sweep import load_sweep
from runners.on_ray.private import STOCK_RAY
from runners.on_ray.processes import MARK, RayProcesses

pytest.importorskip("ray")

RUN = ("run", "grid.yaml", "--wandb", "disabled", "--no-figures")
GRID = """\
name: stock
parameters:
  dataset: digits
  model: mlp
  optimizer: adaloss
  b0: [1, 10]
  lr: 1
  epochs: 30
  batch_size: 64
seeds: 4
resources: {cpu: 1, gpu: 0}
execution: {max_concurrent: 2, retries: 1}
"""


def run_stock(folder):
    """``adaloss-sweep run`` in this folder."""
    (folder / "grid.yaml").write_text(GRID)
    environment = {key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"}
    return subprocess.Popen(
        [sys.executable, "-m", "runners", *RUN],
        cwd=folder,
        env=environment | {STOCK_RAY: "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_results(process, results, count):
    """Wait until the sweep has this many results."""
    while process.poll() is None and len(list(results.glob("trials/*/result.json"))) < count:
        time.sleep(0.02)
    assert process.poll() is None, process.communicate()


def workers_of(results):
    """The processes that execute trials of these results, by their names in stock Tune."""
    mark = f"{MARK}={hashlib.sha256(os.fsencode(results.resolve())).hexdigest()}".encode()
    return [
        int(folder.name)
        for folder in RayProcesses(mark).alive()
        if b"Trainable.train" in (folder / "cmdline").read_bytes()
    ]


def metrics(results):
    """Every trial's epochs, without what a clock measured."""
    measured = {"seconds", "examples_per_second"}
    return {
        file.parent.name: [
            {key: value for key, value in json.loads(line).items() if key not in measured}
            for line in file.read_text().splitlines()
        ]
        for file in results.glob("trials/*/metrics.jsonl")
    }


@pytest.mark.slow
def test_a_sweep_survives_a_lost_worker_and_a_ctrl_c(tmp_path, start, store):
    results = tmp_path / "results" / "stock"

    process = run_stock(tmp_path)
    wait_for_results(process, results, 1)
    # One that is between two trials would take no trial with it.
    while not (busy := workers_of(results)):
        assert process.poll() is None
    os.kill(busy[0], signal.SIGKILL)
    wait_for_results(process, results, 3)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, errors
    assert "worker lost: its worker died" in errors

    process = run_stock(tmp_path)
    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output + errors

    found = metrics(results)
    assert len(found) == 8
    for trial in load_sweep(tmp_path / "grid.yaml").trials:
        execution = start(trial)
        while execution.advance() is not None:
            pass
    assert found == metrics(store.root)
