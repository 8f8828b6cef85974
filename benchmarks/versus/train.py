"""The training function of all ways except adaloss-sweep; as a script it runs one trial.

python train.py --optimizer adaloss --b0 1 --seed 0
"""

import argparse
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from outcomes import Outcome, write_outcome
from space import FIXED, Space, run_folder

Report = Callable[[dict[str, float | None]], object]


def no_report(metrics: dict[str, float | None]) -> None:
    """The report function for tools that need no reports."""


def train_one(trial: Mapping[str, Any], report: Report = no_report) -> float:
    """Run a trial; returns the test accuracy of the last epoch, or 0 if the trial diverged.

    ``trial`` contains optimizer, b0 and seed. ``report`` is called after each epoch.
    """
    # Imported here, so that launchers that train in other processes do not import torch.
    import torch

    from adaloss.tasks.divergence import DivergedError
    from adaloss.tasks.images.data.splits import load_splits, spec_of
    from adaloss.tasks.images.fields import ImageTrial
    from adaloss.tasks.images.training import Training

    torch.set_num_threads(1)
    folder = run_folder()
    configured = ImageTrial(**FIXED, **trial, epochs=Space.load(folder).epochs)
    training = Training(configured, load_splits(spec_of(configured), Path(), "cpu"))
    accuracy: float | None = None
    loss: float | None = None
    seconds = 0.0
    try:
        for _ in range(configured.epochs):
            started = time.perf_counter()
            try:
                metrics = training.run_epoch()
            finally:
                seconds += time.perf_counter() - started
            accuracy, loss = metrics["test/top1"], metrics["test/loss"]
            report({"accuracy": accuracy, "loss": metrics["train/loss"]})
    except DivergedError:
        accuracy = loss = None
    write_outcome(folder, Outcome(**trial, accuracy=accuracy, loss=loss, seconds=seconds))
    return accuracy or 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--optimizer", required=True)
    parser.add_argument("--b0", required=True, type=float)
    parser.add_argument("--seed", required=True, type=int)
    options = parser.parse_args()
    print(options, train_one(vars(options)))


if __name__ == "__main__":
    main()
