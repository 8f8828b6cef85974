"""Compare compiling tables of 1,000 to 100,000 trials with Ray Tune's ResultGrid.

    python benchmarks/analysis_scale.py [--quick] [--json]

Each measurement runs in a new process: ``adaloss-sweep table`` without an index of the records, the
same command with the index, and a script that reads a Tune experiment with the same number of
trials, epochs and metrics into a ResultGrid and averages over the seeds. Trials have 10 epochs. The
Tune experiment consists of copies of two trials that Tune ran. The benchmark prints the wall time
and the peak memory of each process. With --quick, only 1,000 trials are measured.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from synthetic_records import write_records

from adaloss.grid.sweep import load_sweep
from adaloss.records.store import Store
from adaloss.tasks.metrics import METRICS

PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)
SECONDS_BETWEEN_SAMPLES = 0.01
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
    """Run a command and measure it.

    Its peak of memory is sampled: what the system says at the end is at least this process's own,
    of which the other began as a copy.

    Raises:
        subprocess.CalledProcessError: the command failed.
    """
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        with suppress(OSError):
            status = Path(f"/proc/{process.pid}/status").read_text()
            peak = max([peak, *map(int, PEAK.findall(status))])
        time.sleep(SECONDS_BETWEEN_SAMPLES)
    seconds = time.perf_counter() - start
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Cost(seconds=seconds, gigabytes=peak * 1024 / 1e9)


def table_costs(folder: Path, trials: int) -> Iterator[tuple[str, Cost]]:
    """The costs of ``adaloss-sweep table`` without the index, then with it."""
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


def copy_experiment(template: Path, folder: Path, trials: int) -> None:
    """Write a Tune experiment whose trials are copies of the template's two under other ids."""
    (state_file,) = template.glob("experiment_state-*.json")
    state = json.loads(state_file.read_text())
    entries = []
    for number in range(trials):
        whole, end = state["trial_data"][number % 2]
        old = json.loads(whole)["trial_id"]
        new = f"aaaaa_{number:0{len(old) - 6}d}"
        # The path of the trial's files is pickled and written in hexadecimal digits.
        swaps = ((old, new), (old.encode().hex(), new.encode().hex()))
        entries.append([replaced(whole, swaps), replaced(end, swaps)])
        (source,) = template.glob(f"*_{old}_*")
        target = folder / source.name.replace(old, new)
        target.mkdir(parents=True)
        for record in ("result.json", "progress.csv", "params.json"):
            (target / record).write_text(replaced((source / record).read_text(), swaps))
    state["trial_data"] = entries
    (folder / state_file.name).write_text(json.dumps(state))
    for pickled in template.glob("*.pkl"):
        shutil.copy(pickled, folder)


def replaced(text: str, swaps: Sequence[tuple[str, str]]) -> str:
    """The text after replacing the first string of each pair with the second."""
    for old, new in swaps:
        text = text.replace(old, new)
    return text


def tune_experiment(folder: Path) -> Path:
    """Run a Tune experiment of two trials; returns its folder."""
    script = f"FOLDER = {str(folder)!r}\n{EXPERIMENT}"
    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL)
    return folder / "experiment"


def result_grid_cost(template: Path, folder: Path, trials: int) -> Cost:
    """The cost of reading a ResultGrid and averaging over its cells."""
    copy_experiment(template, folder, trials)
    script = f"FOLDER, COUNT = {str(folder)!r}, {trials}\n{READ_GRID}"
    return cost_of([sys.executable, "-c", script])


def measured(trials: int, template: Path, folder: Path) -> dict[str, Cost]:
    """The cost of each method for this number of trials."""
    costs = dict(table_costs(folder / "ours", trials))
    shutil.rmtree(folder / "ours" / "scale")
    costs["ResultGrid"] = result_grid_cost(template, folder / "theirs", trials)
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
