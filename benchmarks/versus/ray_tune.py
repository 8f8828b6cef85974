"""Ray Tune's function trainable as in its documentation, optionally with WandbLoggerCallback."""

import argparse
from pathlib import Path
from typing import Any

import ray
from ray import tune
from space import Space, run_folder
from train import train_one


def trainable(config: dict[str, Any]) -> None:
    """Run a trial that reports after each epoch."""
    train_one(config, report=tune.report)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wandb", action="store_true", help="use WandbLoggerCallback")
    options = parser.parse_args()
    callbacks: list[tune.Callback] = []
    if options.wandb:
        from ray.air.integrations.wandb import WandbLoggerCallback

        callbacks.append(WandbLoggerCallback(project="versus"))
    space = Space.load(run_folder())
    ray.init(num_cpus=space.workers)
    tuner = tune.Tuner(
        tune.with_resources(trainable, {"cpu": 1}),
        param_space={name: tune.grid_search(values) for name, values in space.axes.items()},
        run_config=tune.RunConfig(
            name="versus", storage_path=str(Path.cwd() / "ray_results"), callbacks=callbacks
        ),
    )
    # The metric is set here because the tuner fails if a trial diverges before it has reported one.
    print(tuner.fit().get_best_result(metric="accuracy", mode="max").config)


if __name__ == "__main__":
    main()
