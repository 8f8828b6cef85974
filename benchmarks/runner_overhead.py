"""What running a trial costs beside training it, against Ray Tune's documented function trainable.

    python benchmarks/runner_overhead.py [--quick] [--json]

The same trials run twice in one process: through this tool's runner, and as a function given to
``tune.Tuner`` with ``tune.report`` after every epoch, with Tune's defaults. The overhead of a trial
is (wall time × workers − time inside epochs) / trials, from the end of the first trial to the end
of the last: starting Ray and the workers is not counted.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from ray import tune
from rich.console import Console

from adaloss.result import TrialState
from adaloss.store import Store
from adaloss.trial import Trial
from runners.machine import cpus_of_this_machine
from runners.plan import make_plan
from runners.progress import SweepProgress
from runners.tune import ray_running, run_trials
from runners.worker_settings import WorkerSettings


class EndTimes(SweepProgress):
    """Notes when each trial ended."""

    ends: tuple[float, ...] = ()

    def trial_ended(self, trial: Trial, state: TrialState, message: str) -> None:
        """Note the time."""
        super().trial_ended(trial, state, message)
        self.ends = (*self.ends, time.perf_counter())


class FunctionEndTimes(tune.Callback):
    """Notes when each trial of the function trainable ended, in a file: Tune pickles callbacks."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """Note the time."""
        with self.path.open("a") as lines:
            lines.write(f"{time.perf_counter()}\n")


def train_function(config: dict[str, Any]) -> None:
    """The trial as Ray Tune's documentation writes one."""
    from adaloss.data import load_splits
    from adaloss.training import Training

    trial = Trial.model_validate_json(config["trial"])
    training = Training(trial, load_splits(trial.dataset, trial.split_seed, "cpu"))
    for _ in range(trial.epochs):
        metrics = training.run_epoch()
        tune.report({"loss": metrics.train_loss, "seconds": metrics.seconds})


def overhead(ends: list[float], seconds_in_epochs: float, trials: int, workers: int) -> float:
    """Milliseconds per trial that went elsewhere, once the first ``workers`` trials had ended."""
    counted = trials - workers
    wall = ends[-1] - ends[workers - 1]
    return 1000 * (wall * workers - seconds_in_epochs * counted / trials) / counted


def ours(trials: list[Trial], settings: WorkerSettings, folder: Path) -> float:
    """The overhead of this tool's runner."""
    store = Store(folder / "ours")
    plan = make_plan("overhead", trials, store)
    observer = EndTimes(plan, trials, Console(quiet=True))
    run_trials(trials, store, settings, observer)
    results = make_plan("overhead", trials, store).results.values()
    seconds = sum(result.seconds for result in results)
    return overhead(list(observer.ends), seconds, len(trials), settings.workers)


def function_trainable(trials: list[Trial], settings: WorkerSettings, folder: Path) -> float:
    """The overhead of the documented way."""
    ends = folder / "ends.txt"
    configurations = [trial.model_dump_json() for trial in trials]
    with ray_running(settings):
        results = tune.Tuner(
            tune.with_resources(train_function, {"cpu": settings.cpus}),
            param_space={"trial": tune.grid_search(configurations)},
            run_config=tune.RunConfig(
                storage_path=str(folder / "function"),
                callbacks=[FunctionEndTimes(ends)],
                verbose=0,
            ),
        ).fit()
    frame = results.get_dataframe()
    seconds = float(frame["seconds"].sum()) * trials[0].epochs
    times = [float(line) for line in ends.read_text().split()]
    return overhead(times, seconds, len(trials), settings.workers)


def main() -> None:
    """Run both and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="fewer trials")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    options = parser.parse_args()
    workers = cpus_of_this_machine()
    trials = [
        Trial(
            dataset="digits", model="mlp", optimizer="adaloss",
            seed=seed, lr=1, epochs=4, batch_size=64,
        )
        for seed in range(12 if options.quick else 60)
    ]  # fmt: skip
    settings = WorkerSettings(
        cpus=1, gpus=0, workers=workers, retries=0, max_failed=None, timeout=None,
        checkpoint_interval=60, keep_checkpoints=False,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        figures = {
            "adaloss-sweep": ours(trials, settings, Path(folder)),
            "function trainable": function_trainable(trials, settings, Path(folder)),
        }
    for name, milliseconds in figures.items():
        print(f"{name:<20} {milliseconds:8.0f} ms of overhead per trial")
    ratio = figures["function trainable"] / figures["adaloss-sweep"]
    print(f"ratio                {ratio:8.1f}")
    if options.json:
        print(json.dumps({"trials": len(trials), "workers": workers, "milliseconds": figures}))


if __name__ == "__main__":
    main()
