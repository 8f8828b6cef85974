"""Compiling tables from 1,000 to 100,000 trials of 10 epochs, against Ray Tune's ResultGrid.

    python benchmarks/analysis_scale.py [--quick] [--json]

For each number of trials: ``adaloss-sweep table`` on records whose index is there (a cold start: a
process of its own), the same without the index, and a process that reads as many trials with as
many epochs and metrics from a Tune experiment into a ResultGrid and averages over the seeds. The
Tune experiment is one that Tune wrote, its two trials copied under other ids. Seconds and the
peak memory of each process; --quick stops at 1,000.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from synthetic_records import write_records

from adaloss.grid.sweep import load_sweep
from adaloss.records.store import Store
from adaloss.tasks.metrics import METRICS

SIZES = (1_000, 10_000, 100_000)
CELLS = 200
EPOCHS = 10
GRID = """\
name: scale
parameters:
  dataset: digits
  model: [mlp, small_cnn]
  optimizer: [adaloss, adagrad_norm, sgd_constant, sgd_decay_sqrt]
  b0: [0.01, 0.1, 1, 10, 100]
  lr: [0.1, 0.2, 0.5, 1, 2]
  epochs: {epochs}
  batch_size: 32
seeds: {seeds}
"""
EXPERIMENT = f"""
import ray
from ray import tune

def train(config):
    for epoch in range({EPOCHS}):
        tune.report({{name: config["b0"] + epoch for name in {tuple(METRICS)!r}}})

ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
tune.Tuner(
    train,
    param_space={{"b0": tune.grid_search([0.1, 1.0])}},
    run_config=tune.RunConfig(name="experiment", storage_path=FOLDER, verbose=0),
).fit()
"""
READ_GRID = f"""
from ray import tune
frame = tune.ResultGrid(tune.ExperimentAnalysis(FOLDER)).get_dataframe()
assert len(frame) == COUNT, len(frame)
frame["cell"] = frame.index % {CELLS}
print(frame.groupby("cell")["test/top1"].agg(["mean", "std"]))
"""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The wall time and the peak memory of a process."""

    seconds: float
    gigabytes: float


def cost_of(command: Sequence[str]) -> Cost:
    """Run a command to its end.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise subprocess.CalledProcessError(status, command)
    return Cost(seconds=seconds, gigabytes=usage.ru_maxrss / 1e6)


def ours(folder: Path, trials: int) -> Iterator[tuple[str, Cost]]:
    """Without the index, then with it."""
    grid = folder / "scale.yaml"
    grid.write_text(GRID.format(epochs=EPOCHS, seeds=trials // CELLS))
    sweep = load_sweep(grid)
    write_records(sweep.trials, Store(folder / sweep.name), np.random.default_rng(0))
    table = [
        sys.executable, "-m", "runners", "table", str(grid), "--storage", str(folder),
        "--format", "md",
    ]  # fmt: skip
    yield "table, no index yet", cost_of(table)
    yield "table", cost_of(table)


def copied(template: Path, folder: Path, trials: int) -> None:
    """A Tune experiment of so many trials: the template's two, under other ids of equal length."""
    (state_file,) = template.glob("experiment_state-*.json")
    state = json.loads(state_file.read_text())
    entries = []
    for number in range(trials):
        whole, end = state["trial_data"][number % 2]
        old = json.loads(whole)["trial_id"]
        new = f"aaaaa_{number:0{len(old) - 6}d}"
        # Where the trial's files lie is pickled, in hexadecimal digits.
        swap = ((old, new), (old.encode().hex(), new.encode().hex()))
        entries.append([replaced(whole, swap), replaced(end, swap)])
        (source,) = template.glob(f"*_{old}_*")
        target = folder / source.name.replace(old, new)
        target.mkdir(parents=True)
        for record in ("result.json", "progress.csv", "params.json"):
            (target / record).write_text(replaced((source / record).read_text(), swap))
    state["trial_data"] = entries
    (folder / state_file.name).write_text(json.dumps(state))
    for pickled in template.glob("*.pkl"):
        shutil.copy(pickled, folder)


def replaced(text: str, swaps: Sequence[tuple[str, str]]) -> str:
    """The text with these words in place of others."""
    for old, new in swaps:
        text = text.replace(old, new)
    return text


def tune_experiment(folder: Path) -> Path:
    """A finished Tune experiment of two trials."""
    script = f"FOLDER = {str(folder)!r}\n{EXPERIMENT}"
    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL)
    return folder / "experiment"


def theirs(template: Path, folder: Path, trials: int) -> Cost:
    """The cost of a ResultGrid and the means of its cells."""
    copied(template, folder, trials)
    script = f"FOLDER, COUNT = {str(folder)!r}, {trials}\n{READ_GRID}"
    return cost_of([sys.executable, "-c", script])


def measured(trials: int, template: Path, folder: Path) -> dict[str, Cost]:
    """What each way costs for so many trials."""
    costs = dict(ours(folder / "ours", trials))
    shutil.rmtree(folder / "ours" / "scale")
    costs["ResultGrid"] = theirs(template, folder / "theirs", trials)
    shutil.rmtree(folder / "theirs")
    return costs


def main() -> None:
    """Measure and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="1,000 trials only")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    options = parser.parse_args()
    figures: dict[int, dict[str, Cost]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "ours").mkdir()
        template = tune_experiment(folder / "tune")
        for trials in SIZES[:1] if options.quick else SIZES:
            figures[trials] = measured(trials, template, folder)
            fast = figures[trials]["table"].seconds
            for way, cost in figures[trials].items():
                print(
                    f"{trials:>8,} trials  {way:<20} {cost.seconds:7.2f} s "
                    f"{cost.gigabytes:6.2f} GB  {cost.seconds / fast:6.1f}",
                    flush=True,
                )
    if options.json:
        print(
            json.dumps(
                {
                    str(trials): {way: asdict(cost) for way, cost in costs.items()}
                    for trials, costs in figures.items()
                }
            )
        )


if __name__ == "__main__":
    main()
