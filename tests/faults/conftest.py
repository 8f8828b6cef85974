"""Fixtures of the fault tests: a small sweep, commands, and the numbers without faults."""

import importlib
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from adaloss.tasks.divergence import DivergedError
from adaloss.tasks.images.data.splits import Splits
from adaloss.tasks.images.training import Training
from adaloss.tasks.metrics import numbers
from adaloss.trial import Trial
from analysis.attempts import Attempts
from analysis.outputs import save_tables
from analysis.results import read_results, tables_of
from runners.trials.in_process import execute_here

sys.path.insert(0, str(Path(__file__).parent))
from kill_points import SMALL, Moment, Point, Reference, prepare, try_point
from ledger import Records
from patience import PATIENCE
from sweep_run import Ended, SweepRun

SHORT_VERSION = "test_kill_points.py"

GRID = """\
name: sweep
parameters:
  dataset: digits
  model: mlp
  optimizer: [adaloss, sgd_constant]
  b0: 1
  lr: 1
  epochs: 3
  batch_size: 128
seeds: 2
resources: {cpu: 1}
execution: {checkpoint_interval: 0.001, retries: 0}
"""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Skip the long tests of this folder unless the command line has a path in the folder."""
    here = Path(__file__).parent
    paths = (config.invocation_params.dir / argument.split("::")[0] for argument in config.args)
    requested = any(path.resolve().is_relative_to(here) for path in paths)
    is_long = collection_path.parent == here and collection_path.name != SHORT_VERSION
    return True if is_long and not requested else None


@pytest.fixture
def grid_text() -> str:
    """The text of a grid with four trials; tests replace parts of it."""
    return GRID


@pytest.fixture
def sweep(tmp_path: Path) -> Callable[[str], Records]:
    """Write a grid to the test's folder; returns the sweep's records."""

    def write(text: str) -> Records:
        return prepare(tmp_path, text)

    return write


@pytest.fixture
def begin(tmp_path: Path) -> Callable[..., SweepRun]:
    """Start a command on the grid, as a context manager."""

    def start(*arguments: str) -> SweepRun:
        verb, *rest = arguments
        return SweepRun(tmp_path, verb, "grid.yaml", "--wandb", "disabled", *rest)

    return start


@pytest.fixture
def command(begin: Callable[..., SweepRun]) -> Callable[..., Ended]:
    """Run a command on the grid and wait until it ends."""

    def run(*arguments: str) -> Ended:
        with begin(*arguments) as started:
            return started.end(PATIENCE)

    return run


@pytest.fixture
def undisturbed(
    digits: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Trial], list[dict[str, Any]]]:
    """Train a trial in this process without faults; returns its numbers."""

    def train(trial: Trial) -> list[dict[str, Any]]:
        torch.set_num_threads(1)
        monkeypatch.syspath_prepend(tmp_path)
        # Each test has a different module with this name.
        sys.modules.pop("faulty", None)
        importlib.invalidate_caches()
        training, history = Training(trial, digits), []
        try:
            while training.epoch < trial.epochs:
                metrics = numbers(training.run_epoch())
                history.append({"epoch": training.epoch, "step": training.step} | metrics)
        except DivergedError:
            pass
        return history

    return train


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """The small sweep of the kill points, executed in this process without Ray."""
    records = prepare(tmp_path_factory.mktemp("undisturbed"), SMALL)
    for trial in records.sweep.trials:
        execute_here(trial, records.sweep, records.store)
    results = read_results(records.sweep, records.sweep.trials, records.store)
    attempts = Attempts()
    save_tables(tables_of(results), records.store, attempts)
    assert attempts.written
    assert attempts.unwritten == []
    return Reference(records=records, start=0.0, trials=0.0, tables=0.0)


@pytest.fixture
def early_point(reference: Reference, tmp_path: Path) -> Callable[[str], Point]:
    """Try a kind of disturbance just after two trials have ended."""

    def try_early(kind: str) -> Point:
        moment, chance = Moment(ended=2, seconds=0.02), random.Random(0)
        return try_point(kind, moment, reference, tmp_path / "sweep", chance, PATIENCE, SMALL)

    return try_early
