"""What a worker that has become free takes, and that one that has died has a successor soon."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from types import SimpleNamespace

import pytest

from runners.on_ray.processes import processes_of
from runners.on_ray.scheduler import LeavesStartingWorkers
from runners.trials.machine import cpus_of_this_machine

pytest.importorskip("ray")
from ray.air.execution._internal.tracked_actor import TrackedActor
from ray.train._internal.storage import StorageContext
from ray.tune import PlacementGroupFactory
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial

# Each trial is much shorter than the start of a worker, all of them together much longer.
GRID = """\
name: short
parameters:
  dataset: digits
  model: mlp
  optimizer: adaloss
  b0: 1
  lr: 1
  epochs: 20
  batch_size: 512
seeds: 150
resources: {cpu: 1, gpu: 0}
execution: {max_concurrent: 2, retries: 1}
"""

ONE, WHOLE = ({"CPU": cpus} for cpus in (1, 8))


@pytest.fixture
def chosen(monkeypatch, tmp_path):
    """The number of the trial that is chosen by Tune's own controller, which has these.

    Each is a status, the state of its worker, which is none, asked for or started, and its share.
    ``free`` are the shares of workers that are free.
    """
    # Otherwise it asks Ray.
    monkeypatch.setenv("TUNE_MAX_PENDING_TRIALS_PG", "3")
    storage = StorageContext(storage_path=tmp_path, experiment_dir_name="sweep")
    controller = TuneController(storage=storage, reuse_actors=True)

    def of(trials, free=()):
        for number, (status, worker, share) in enumerate(trials):
            trial = Trial("worker", stub=True)
            trial.update_resources(PlacementGroupFactory([share]))
            trial.set_status(status)
            controller.get_trials().append(trial)
            if worker != "none":
                actor = controller._trial_to_actor[trial] = TrackedActor(number)
            if worker == "started":
                live = controller._actor_manager._live_actors_to_ray_actors_resources
                live[actor] = ("an actor", "its resources")
        for number, share in enumerate(free, start=len(trials)):
            key = PlacementGroupFactory([share])
            controller._actor_cache.increase_max(key)
            assert controller._actor_cache.cache_object(key, TrackedActor(number))
        given = LeavesStartingWorkers().choose_trial_to_run(controller._wrapped())
        return None if given is None else controller.get_trials().index(given)

    return of


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        ([("PENDING", "started"), ("PENDING", "asked for"), ("PENDING", "none")], 1),
        ([("PENDING", "started"), ("PENDING", "none")], 1),
        ([("RUNNING", "started"), ("TERMINATED", "none"), ("PENDING", "none")], 2),
        ([("PENDING", "asked for"), ("PENDING", "asked for")], 0),
        ([("RUNNING", "started"), ("PENDING", "started")], None),
        ([], None),
    ],
)
@pytest.mark.parametrize("free", [[], [ONE]])
def test_a_free_worker_takes_the_first_trial_for_which_none_is_being_started(
    chosen, trials, expected, free
):
    assert chosen([(*trial, ONE) for trial in trials], free) == expected


@pytest.mark.parametrize(("free", "expected"), [([ONE], 2), ([WHOLE], 1), ([], 1)])
def test_a_trial_that_waits_for_the_whole_machine_is_not_in_the_others_way(chosen, free, expected):
    trials = [
        ("PENDING", "started", ONE),
        ("PENDING", "asked for", WHOLE),
        ("PENDING", "none", ONE),
    ]
    assert chosen(trials, free) == expected


@pytest.mark.parametrize(
    "names", [{}, {"_tune_controller": SimpleNamespace()}, {"_tune_controller": 3}]
)
def test_where_tune_has_other_names_it_takes_the_first_of_all(names):
    trials = [SimpleNamespace(status="PENDING", PENDING="PENDING") for _ in range(2)]
    given = SimpleNamespace(get_trials=lambda: trials, **names)
    assert LeavesStartingWorkers().choose_trial_to_run(given) is trials[0]


@pytest.mark.slow
def test_a_worker_that_died_has_a_successor_while_short_trials_are_left(tmp_path, all_processors):
    if cpus_of_this_machine() < 2:
        pytest.skip("one processor has one worker")
    (tmp_path / "grid.yaml").write_text(GRID)
    words = ("run", "grid.yaml", "--wandb", "disabled", "--profile", "--no-figures")
    process = subprocess.Popen(
        [sys.executable, "-m", "runners", *words],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"},
        stderr=subprocess.PIPE,
        text=True,
    )
    results = tmp_path / "results" / "short"
    while process.poll() is None and len(list(results.glob("trials/*/result.json"))) < 5:
        time.sleep(0.02)
    # One that is still starting, or between two trials, would take no trial with it.
    while not (busy := workers_in_a_trial(results)):
        assert process.poll() is None
    os.kill(busy[0], signal.SIGKILL)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert "worker lost: its worker died" in errors
    took = Counter(
        event["tid"]
        for event in json.loads((results / "profile.json").read_text())
        if event.get("name") == "epochs"
    )
    assert len(took) >= 3, "two workers, and the successor of the one that died"
    assert sorted(took.values())[-2] > 5


def workers_in_a_trial(results):
    """The processes that execute a trial of these results now."""
    return [
        int(folder.name)
        for folder in processes_of(results).alive()
        if b"TrialWorker.train" in (folder / "cmdline").read_bytes()
    ]
