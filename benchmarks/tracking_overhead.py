"""Compare the cost of the W&B mirror with W&B inside the trials.

    python benchmarks/tracking_overhead.py [--quick] [--json]

First, a sweep of quarter-second trials runs with the mirror off, offline, and online with a server
that accepts connections and never answers. Each run has its own process; the runs are repeated in
random order, and the ratios of the medians to "off" are printed. Then a few of the trials run as
functions of ``tune.Tuner``: without W&B, with Ray's WandbLoggerCallback, and with ``wandb.init`` in
each trial, all offline; the workers' time per trial is printed, which is the wall time times the
trials at a time, divided by the trials.
"""

import argparse
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from adaloss.grid.schema.schema import WandbMode
from adaloss.tasks.images.fields import ImageTrial
from runners.trials.machine import cpus_of_this_machine

OFF, OFFLINE, STALLING = "off", "offline", "stalling server"
PLAIN, CALLBACK, IN_TRIAL = "function", "WandbLoggerCallback", "wandb.init in the trial"
FINISH_TIMEOUT = 5
GRID = """\
name: overhead
parameters: {{dataset: digits, model: mlp, optimizer: adaloss, lr: 1, epochs: 12, batch_size: 32}}
seeds: {seeds}
wandb: {{finish_timeout: {timeout}}}
"""


def with_mirror(mode: str, count: int, folder: Path) -> dict[str, float]:
    """Seconds until the trials have ended, and seconds until the mirror has ended after them."""
    from rich.console import Console

    from adaloss.grid.sweep import load_sweep
    from adaloss.records.result import TrialState
    from adaloss.records.store import Store
    from runners.on_ray.trials import run_trials
    from runners.pages.progress import SweepProgress
    from runners.planning import make_plan
    from runners.tracking.sync import Mirroring, mirrored
    from runners.trials.machine import worker_settings
    from runners.trials.timeline import Timeline

    grid = folder / "grid.yaml"
    grid.write_text(GRID.format(seeds=count, timeout=FINISH_TIMEOUT))
    sweep = load_sweep(grid)
    store = Store(folder / "results")
    store.write_text(store.root / "grid.yaml", sweep.text)
    modes: dict[str, WandbMode] = {OFF: "disabled", OFFLINE: "offline", STALLING: "online"}
    observer = SweepProgress(
        make_plan(sweep.name, sweep.trials, store), sweep.trials, Console(quiet=True)
    )
    said: list[str] = []
    started = time.perf_counter()
    with mirrored(sweep, store, Mirroring(modes[mode], "sync"), said.append):
        run_trials(sweep.trials, store, worker_settings(sweep), {}, observer, Timeline())
        ended = time.perf_counter()
    figures = {"trials": ended - started, "end": time.perf_counter() - ended}
    for line in said:
        print(line, file=sys.stderr)
    for trial in sweep.trials:
        result = store.read_result(trial)
        if result is None or result.state is not TrialState.COMPLETE:
            why = result.failure.message if result and result.failure else "it has no result"
            sys.exit(f"{trial.readable_name}: {why}")
    if mode == OFFLINE and f"W&B: {count} runs written" not in said:
        sys.exit("the mirror has not written all runs: see its lines above")
    return figures


def train_function(config: dict[str, Any]) -> None:
    """The trial as in the documentation of Ray Tune and W&B."""
    import wandb
    from ray import tune

    from adaloss.tasks.images.data.splits import load_splits, spec_of
    from adaloss.tasks.images.training import Training

    trial = ImageTrial.model_validate_json(config["trial"])
    run = None
    if config["wandb"]:
        run = wandb.init(project="overhead", mode="offline", dir=config["folder"])
    training = Training(trial, load_splits(spec_of(trial), Path(), "cpu"))
    for _ in range(trial.epochs):
        metrics = training.run_epoch()
        if run is not None:
            run.log(metrics)
        tune.report({"loss": metrics["train/loss"]})
    if run is not None:
        run.finish()


def with_functions(way: str, count: int, folder: Path) -> dict[str, float]:
    """Workers' seconds per trial with a function trainable."""
    import ray
    from ray import tune
    from ray.air.integrations.wandb import WandbLoggerCallback

    os.environ["WANDB_MODE"] = "offline"
    callback = WandbLoggerCallback(project="overhead", dir=str(folder)) if way == CALLBACK else None
    trials = [
        ImageTrial(
            dataset="digits", model="mlp", optimizer="adaloss",
            seed=seed, lr=1, epochs=12, batch_size=32,
        )
        for seed in range(count)
    ]  # fmt: skip
    ray.init(num_cpus=cpus_of_this_machine(), log_to_driver=False)
    tuner = tune.Tuner(
        tune.with_resources(train_function, {"cpu": 1}),
        param_space={
            "trial": tune.grid_search([trial.model_dump_json() for trial in trials]),
            "wandb": way == IN_TRIAL,
            "folder": str(folder),
        },
        run_config=tune.RunConfig(
            storage_path=str(folder), callbacks=[callback] if callback else [], verbose=0
        ),
    )
    started = time.perf_counter()
    results = tuner.fit()
    seconds = time.perf_counter() - started
    if results.errors:
        sys.exit(str(results.errors[0]))
    return {"trial": seconds * cpus_of_this_machine() / count}


def measured_in_new_process(way: str, count: int, url: str) -> dict[str, float]:
    """Measure one method in a new process."""
    command = [sys.executable, __file__, "--way", way, "--trials", str(count)]
    environment = os.environ | {"WANDB_BASE_URL": url, "WANDB_API_KEY": "0" * 40}
    finished = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, env=environment
    )
    return dict(json.loads(finished.stdout.splitlines()[-1]))


def main() -> None:
    """Measure all methods and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="fewer trials, one repetition")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    ways = (OFF, OFFLINE, STALLING, PLAIN, CALLBACK, IN_TRIAL)
    parser.add_argument("--way", choices=ways, help="measure only this method")
    parser.add_argument("--trials", type=int, help="number of trials")
    options = parser.parse_args()
    count, rounds, few = (40, 1, 4) if options.quick else (120, 3, 8)
    count = options.trials or count
    if options.way:
        measure = with_mirror if options.way in (OFF, OFFLINE, STALLING) else with_functions
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measure(options.way, count, Path(folder))))
        return
    # The kernel accepts the connections; no process reads from them.
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        measurements: dict[str, list[dict[str, float]]] = {OFF: [], OFFLINE: [], STALLING: []}
        for _ in range(rounds):
            for mode in random.sample(list(measurements), len(measurements)):
                measurements[mode].append(measured_in_new_process(mode, count, url))
        trials = {
            mode: statistics.median(run["trials"] for run in measurements[mode])
            for mode in measurements
        }
        ends = {
            mode: statistics.median(run["end"] for run in measurements[mode])
            for mode in measurements
        }
        for mode, seconds in trials.items():
            ratio = seconds / trials[OFF]
            print(
                f"{mode:<24} {seconds:7.1f} s for {count} trials, {ratio:.3f} × off; "
                f"{ends[mode]:.1f} s after the last trial"
            )
        each = {
            way: measured_in_new_process(way, few, url)["trial"]
            for way in (PLAIN, CALLBACK, IN_TRIAL)
        }
    ours = trials[OFFLINE] + ends[OFFLINE] - trials[OFF] - ends[OFF]
    ours *= cpus_of_this_machine() / count
    for way in (CALLBACK, IN_TRIAL):
        more = each[way] - each[PLAIN]
        print(f"{way:<24} {more:7.2f} worker seconds per trial more than without W&B")
    print(f"{'mirror, offline':<24} {ours:7.3f} worker seconds per trial more than without")
    if options.json:
        print(json.dumps({"trials": trials, "end": ends, "functions": each, "mirror": ours}))


if __name__ == "__main__":
    main()
