"""Compare the overhead per trial with that of Ray Tune's function trainable.

    python benchmarks/runner_overhead.py [--quick] [--json]

The same trials run twice, each time in a new process: with this tool's runner, and as a function
that is passed to ``tune.Tuner`` and calls ``tune.report`` after every epoch, with Tune's defaults.
The overhead per trial is (wall time × workers − time inside epochs) / trials. It is computed from
the last two thirds of the trials, so that starting Ray and the workers is excluded. The trials are
the quickstart's.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adaloss.records.places import NOWHERE
from adaloss.tasks.images.fields import ImageTrial
from adaloss.trial import Trial
from runners.trials.machine import cpus_of_this_machine

OURS, FUNCTION = "adaloss-sweep", "function trainable"


def train_function(config: dict[str, Any]) -> None:
    """The trial as a function trainable, as in Ray Tune's documentation."""
    from ray import tune

    from adaloss.tasks.images.data.splits import load_splits, spec_of
    from adaloss.tasks.images.training import Training

    trial = ImageTrial.model_validate_json(config["trial"])
    training = Training(trial, load_splits(spec_of(trial), Path(), "cpu"))
    seconds = 0.0
    for _ in range(trial.epochs):
        started = time.perf_counter()
        metrics = training.run_epoch()
        seconds += time.perf_counter() - started
        tune.report({"loss": metrics["train/loss"], "seconds": seconds})


def overhead(ends: Sequence[tuple[float, float]], workers: int) -> float:
    """Milliseconds per trial outside of epochs, after the first third of the trials.

    ``ends`` has the end time and the seconds inside epochs of each trial, ordered by end time.
    """
    first, *steady = ends[len(ends) // 3 :]
    wall = steady[-1][0] - first[0]
    return 1000 * (wall * workers - sum(seconds for _, seconds in steady)) / len(steady)


def runner_overhead(trials: list[ImageTrial], workers: int, folder: Path) -> float:
    """The overhead of this tool's runner, in milliseconds per trial."""
    from rich.console import Console

    from adaloss.records.result import TrialState
    from adaloss.records.store import Store
    from runners.on_ray.trials import run_trials
    from runners.pages.progress import SweepProgress
    from runners.planning import make_plan
    from runners.trials.machine import WorkerSettings
    from runners.trials.timeline import Timeline

    store = Store(folder)
    ends: list[tuple[float, float]] = []
    failed: list[str] = []

    class EndTimes(SweepProgress):
        """Record when each trial ends."""

        def trial_ended(self, trial: Trial, state: TrialState, message: str) -> None:
            """Record the time."""
            super().trial_ended(trial, state, message)
            result = store.read_result(trial)
            ends.append((time.perf_counter(), result.seconds if result else 0.0))
            if state is not TrialState.COMPLETE:
                failed.append(f"{trial.readable_name} {state.value}: {message}")

    settings = WorkerSettings(
        places=NOWHERE,
        cpus=1, gpus=0, workers=workers, retries=0, max_failed=None, timeout=None,
        checkpoint_interval=60, keep_checkpoints=False,
    )  # fmt: skip
    observer = EndTimes(make_plan("overhead", trials, store), trials, Console(quiet=True))
    run_trials(trials, store, settings, {}, observer, Timeline())
    if failed:
        sys.exit(failed[0])
    return overhead(ends, workers)


def function_overhead(trials: list[ImageTrial], workers: int, folder: Path) -> float:
    """The overhead of the function trainable, in milliseconds per trial."""
    import ray
    from ray import tune

    end_times = folder / "ends.txt"

    class EndTimes(tune.Callback):
        """Record when each trial ends, in a file, because Tune pickles callbacks."""

        def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            """Record the time."""
            with end_times.open("a") as lines:
                lines.write(f"{time.perf_counter()} {trial.last_result['seconds']}\n")

    ray.init(num_cpus=workers, log_to_driver=False)
    configurations = [trial.model_dump_json() for trial in trials]
    results = tune.Tuner(
        tune.with_resources(train_function, {"cpu": 1}),
        param_space={"trial": tune.grid_search(configurations)},
        run_config=tune.RunConfig(storage_path=str(folder), callbacks=[EndTimes()], verbose=0),
    ).fit()
    if results.errors:
        sys.exit(str(results.errors[0]))
    ends = [line.split() for line in end_times.read_text().splitlines()]
    return overhead([(float(when), float(seconds)) for when, seconds in ends], workers)


def measured_in_new_process(way: str, trials: int) -> float:
    """Measure one method in a new process, which has not imported the other."""
    command = [sys.executable, __file__, "--way", way, "--trials", str(trials)]
    finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return float(finished.stdout.split()[-1])


def main() -> None:
    """Measure both methods and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="fewer trials")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.add_argument("--way", choices=(OURS, FUNCTION), help="measure only this method")
    parser.add_argument("--trials", type=int, help="number of trials")
    options = parser.parse_args()
    workers = cpus_of_this_machine()
    count = options.trials or (30 if options.quick else 120)
    if options.way:
        trials = [
            ImageTrial(
                dataset="digits", model="mlp", optimizer="adaloss",
                seed=seed, lr=1, epochs=8, batch_size=32,
            )
            for seed in range(count)
        ]  # fmt: skip
        measure = runner_overhead if options.way == OURS else function_overhead
        with tempfile.TemporaryDirectory() as folder:
            print(measure(trials, workers, Path(folder)))
        return
    figures = {way: measured_in_new_process(way, count) for way in (OURS, FUNCTION)}
    for way, milliseconds in figures.items():
        print(f"{way:<20} {milliseconds:8.0f} ms of overhead per trial")
    print(f"ratio                {figures[FUNCTION] / figures[OURS]:8.1f}")
    if options.json:
        print(json.dumps({"trials": count, "workers": workers, "milliseconds": figures}))


if __name__ == "__main__":
    main()
