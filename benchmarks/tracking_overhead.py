"""What W&B costs a sweep: the mirror beside it, against W&B inside the trials, on the same trials.

    python benchmarks/tracking_overhead.py [--quick] [--json]

First the same sweep of quarter-second trials with the mirror off, writing offline, and online to a
server that takes connections and never answers, each in a process of its own, in random order,
several times; the medians' ratios to "off" are printed. Then a few of the trials as functions for
``tune.Tuner``: without W&B, with Ray's WandbLoggerCallback, and with ``wandb.init`` in each trial,
W&B always offline; the cost of a trial is printed.
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
from adaloss.trial import Trial
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
    """Seconds until the trials had ended, and those that were waited after that."""
    from rich.console import Console

    from adaloss.grid.sweep import load_sweep
    from adaloss.records.store import Store
    from runners.on_ray.trials import run_trials
    from runners.pages.progress import SweepProgress
    from runners.plan import make_plan
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
    began = time.perf_counter()
    with mirrored(sweep, store, Mirroring(modes[mode], "sync"), lambda line: None):
        run_trials(sweep.trials, store, worker_settings(sweep), {}, observer, Timeline())
        ended = time.perf_counter()
    return {"trials": ended - began, "end": time.perf_counter() - ended}


def train_function(config: dict[str, Any]) -> None:
    """The trial as Ray Tune's and W&B's documentation write one."""
    import wandb
    from ray import tune

    from adaloss.tasks.images.data.splits import load_splits, spec_of
    from adaloss.tasks.images.training import Training

    trial = Trial.model_validate_json(config["trial"])
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


def in_functions(way: str, count: int, folder: Path) -> dict[str, float]:
    """Seconds per trial as a function trainable."""
    import ray
    from ray import tune
    from ray.air.integrations.wandb import WandbLoggerCallback

    os.environ["WANDB_MODE"] = "offline"
    callback = WandbLoggerCallback(project="overhead", dir=str(folder)) if way == CALLBACK else None
    trials = [
        Trial(
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
    began = time.perf_counter()
    tuner.fit()
    return {"trial": (time.perf_counter() - began) / count}


def measured_apart(way: str, count: int, url: str) -> dict[str, float]:
    """One measurement, in a process that has nothing of another."""
    command = [sys.executable, __file__, "--way", way, "--trials", str(count)]
    environment = os.environ | {"WANDB_BASE_URL": url, "WANDB_API_KEY": "0" * 40}
    finished = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, env=environment
    )
    return dict(json.loads(finished.stdout.splitlines()[-1]))


def main() -> None:
    """Measure all and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="fewer trials, once")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.add_argument("--way", help="measure only this one")
    parser.add_argument("--trials", type=int, help="how many")
    options = parser.parse_args()
    if options.way:
        measure = with_mirror if options.way in (OFF, OFFLINE, STALLING) else in_functions
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measure(options.way, options.trials, Path(folder))))
        return
    count, rounds, few = (40, 1, 4) if options.quick else (options.trials or 120, 3, 8)
    # The system takes the connections; nobody ever reads what comes.
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        seen: dict[str, list[dict[str, float]]] = {OFF: [], OFFLINE: [], STALLING: []}
        for _ in range(rounds):
            for mode in random.sample(list(seen), len(seen)):
                seen[mode].append(measured_apart(mode, count, url))
        trials = {mode: statistics.median(run["trials"] for run in seen[mode]) for mode in seen}
        ends = {mode: statistics.median(run["end"] for run in seen[mode]) for mode in seen}
        for mode, seconds in trials.items():
            ratio = seconds / trials[OFF]
            print(
                f"{mode:<24} {seconds:7.1f} s for {count} trials, {ratio:.3f} of off; "
                f"{ends[mode]:.1f} s at the end"
            )
        each = {way: measured_apart(way, few, url)["trial"] for way in (PLAIN, CALLBACK, IN_TRIAL)}
    ours = (trials[OFFLINE] + ends[OFFLINE] - trials[OFF] - ends[OFF]) / count
    for way in (CALLBACK, IN_TRIAL):
        print(
            f"{way:<24} {each[way] - each[PLAIN]:7.2f} s per trial more than the function without"
        )
    print(f"{'mirror, offline':<24} {ours:7.3f} s per trial more than the sweep without")
    if options.json:
        print(json.dumps({"trials": trials, "end": ends, "functions": each, "mirror": ours}))


if __name__ == "__main__":
    main()
