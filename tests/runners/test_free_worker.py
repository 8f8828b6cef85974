"""What a worker that has become free takes, and that one that has died has a successor soon."""

from collections import Counter
from types import SimpleNamespace

import pytest

from runners.on_ray.free_worker import SparesStartingWorkers

GRID = """\
name: short
parameters:
  dataset: digits
  model: "short:network"
  optimizer: adaloss
  b0: 1
  lr: 1
  epochs: 1
  batch_size: 512
seeds: 40
resources: {cpu: 1, gpu: 0}
execution: {max_concurrent: 2, retries: 1}
"""

MODEL = '''\
import os
import signal
import time
from pathlib import Path

from torch import nn

HERE = Path(__file__).parent
WORKERS = HERE / "workers"
DEATH = HERE / "death"
SUCCESSOR = HERE / "successor"
TRIALS = HERE / "trials.txt"


def network(channels, image_size, classes):
    """Once there are two workers one dies, and trials take half a second until there is a third.

    That is shorter than a worker's start.
    """
    worker = WORKERS / str(os.getpid())
    if DEATH.exists() and not worker.exists():
        SUCCESSOR.touch()
    worker.touch()
    if len(list(WORKERS.iterdir())) == 2 and not DEATH.exists():
        DEATH.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    ends = time.monotonic() + 0.5
    while not SUCCESSOR.exists() and time.monotonic() < ends:
        time.sleep(0.01)
    with TRIALS.open("a") as trials:
        trials.write(f"{os.getpid()}\\n")
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * image_size**2, classes))
'''


@pytest.fixture
def controller():
    """Tune's, with these trials, each waiting or not, with a worker of some state or none."""

    def of(*trials):
        started = [worker for _, worker in trials if worker == "started"]
        ours = [SimpleNamespace(status=status, PENDING="PENDING") for status, _ in trials]
        workers = {id(ours[i]): worker for i, (_, worker) in enumerate(trials) if worker}
        inner = SimpleNamespace(
            _trial_to_actor=SimpleNamespace(get=lambda trial: workers.get(id(trial))),
            _actor_manager=SimpleNamespace(is_actor_started=lambda worker: worker in started),
        )
        return SimpleNamespace(_tune_controller=inner, get_trials=lambda: ours)

    return of


@pytest.mark.parametrize(
    ("trials", "chosen"),
    [
        ([("PENDING", "started"), ("PENDING", "asked for"), ("PENDING", None)], 1),
        ([("PENDING", "started"), ("PENDING", None)], 1),
        ([("RUNNING", "started"), ("TERMINATED", None), ("PENDING", None)], 2),
        ([("PENDING", "asked for"), ("PENDING", "asked for")], 0),
        ([("RUNNING", "started"), ("PENDING", "started")], None),
        ([], None),
    ],
)
def test_a_free_worker_takes_the_first_trial_for_which_none_is_being_started(
    controller, trials, chosen
):
    given = controller(*trials)
    expected = None if chosen is None else given.get_trials()[chosen]
    assert SparesStartingWorkers().choose_trial_to_run(given) is expected


def test_where_tune_has_other_names_it_takes_the_first_of_all():
    pending = SimpleNamespace(status="PENDING", PENDING="PENDING")
    for names in ({}, {"_tune_controller": SimpleNamespace()}, {"_tune_controller": 3}):
        given = SimpleNamespace(get_trials=lambda: [pending], **names)
        assert SparesStartingWorkers().choose_trial_to_run(given) is pending


@pytest.mark.slow
def test_a_worker_that_died_has_a_successor_while_short_trials_are_left(command_in, tmp_path):
    (tmp_path / "grid.yaml").write_text(GRID)
    (tmp_path / "short.py").write_text(MODEL)
    (tmp_path / "workers").mkdir()
    ended = command_in(tmp_path)("run", "grid.yaml", "--wandb", "disabled")
    assert ended.returncode == 0, ended.stderr
    assert "worker lost: its worker died" in ended.stderr
    shares = Counter((tmp_path / "trials.txt").read_text().split())
    (_, most), (_, second) = shares.most_common(2)
    assert most >= second > 5
