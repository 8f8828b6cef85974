"""What a trial of one's own program costs over the program itself.

    python benchmarks/programs.py [--quick] [--json]

A function that does nothing runs in many trials on all processors: milliseconds per trial, beside
those of the shortest trial that this tool trains itself. A script that takes some seconds and logs
with wandb runs as a trial and by hand, in turn, one at a time: the ratio of the medians.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from adaloss.execution import Execution, ExecutionSettings
from adaloss.records.places import Places
from adaloss.records.result import Provenance, TrialState
from adaloss.records.store import Store
from adaloss.tasks.program.code import ProgramCode
from adaloss.tasks.program.fields import ProgramTrial

FUNCTION = """
def train(trial):
    return {"loss": trial["x"]}
"""
SCRIPT = """
import argparse, time
import wandb

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int)
parser.parse_args()
wandb.init(project="benchmark")
for epoch in range(20):
    time.sleep(0.1)
    wandb.log({"epoch": epoch, "loss": 1 / (1 + epoch)})
"""
GRIDS = {
    "a function": """
program: noop.py:train
metric: {name: loss}
parameters: {x: [1, 2, 3, 4, 5, 6, 7, 8]}
""",
    "linear regression": """
task: linear_regression
parameters:
  {optimizer: adaloss, lr: [1, 2, 3, 4, 5, 6, 7, 8], epochs: 1, batch_size: 4, rows: 4,
   dimensions: 2, steps_per_epoch: 1}
""",
}
WORKING = ("start", "epochs", "record")


def milliseconds_per_trial(grid: str, seeds: int) -> float:
    """The median time that a worker spends on a trial, from its start to its result."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "noop.py").write_text(FUNCTION)
        (place / "grid.yaml").write_text(f"{grid}seeds: {seeds}\n")
        line = [sys.executable, "-m", "runners", "run", "grid.yaml", "--yes", "--quiet"]
        line += ["--profile", "--wandb", "disabled"]
        subprocess.run(line, cwd=place, stdout=subprocess.DEVNULL, check=True)
        events = json.loads((place / "results" / "grid" / "profile.json").read_text())
    spans = {name: [event["dur"] for event in events if event["name"] == name] for name in WORKING}
    medians = [float(statistics.median(found)) for found in spans.values()]
    return sum(medians) / 1000


def by_hand(folder: Path, seed: int) -> float:
    """The seconds of the script, started as one would start it."""
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "train.py", f"--seed={seed}"],
        cwd=folder,
        env=os.environ | {"WANDB_MODE": "offline", "WANDB_SILENT": "true"},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - started


def as_trial(folder: Path, seed: int, code: ProgramCode) -> float:
    """The seconds of the script as a trial, from the beginning to the written result."""
    fields = {"task": "program", "program": "train.py", "metric": "loss", "seed": seed}
    settings = ExecutionSettings(
        places=Places(data_root=folder, own=(folder,)), device="cpu", threads=1, timeout=None,
        checkpoint_interval=60, keep_checkpoints=False,
    )  # fmt: skip
    made = Provenance(code_version="", python="", packages={}, platform="", device="cpu", threads=1)
    started = time.perf_counter()
    trial = ProgramTrial.model_validate(fields)
    execution = Execution(trial, Store(folder / "results"), settings, code, made)
    while execution.advance() is not None:
        pass
    assert execution.result is not None
    assert execution.result.state is TrialState.COMPLETE, execution.result.failure
    return time.perf_counter() - started


def script_seconds(pairs: int) -> dict[str, float]:
    """The median seconds of the script both ways."""
    found: dict[str, list[float]] = {"as a trial": [], "by hand": []}
    code = ProgramCode()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "train.py").write_text(SCRIPT)
        by_hand(folder, 0)
        for seed in range(pairs):
            found["as a trial"].append(as_trial(folder, seed, code))
            found["by hand"].append(by_hand(folder, seed))
    return {way: statistics.median(seconds) for way, seconds in found.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="fewer trials")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    options = parser.parse_args()
    seeds, pairs = (5, 3) if options.quick else (40, 9)
    milliseconds = {name: milliseconds_per_trial(grid, seeds) for name, grid in GRIDS.items()}
    for name, value in milliseconds.items():
        print(f"{name:<20} {value:8.1f} ms per trial")
    seconds = script_seconds(pairs)
    for way, value in seconds.items():
        print(f"a script {way:<11} {value:8.2f} s")
    ratio = seconds["as a trial"] / seconds["by hand"]
    print(f"ratio                {ratio:8.3f}")
    if options.json:
        print(json.dumps({"milliseconds": milliseconds, "seconds": seconds, "ratio": ratio}))


if __name__ == "__main__":
    main()
