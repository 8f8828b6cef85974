"""Trials on GPUs that are declared to Ray, on a machine that may have none."""

import gc
from collections import Counter

import pytest

from adaloss.records.places import Places
from adaloss.records.result import DeviceMemory, TrialState
from runners.trials.machine import WorkerSettings

GIB = 2**30
THIRD = DeviceMemory(peak=27 * GIB, total=80 * GIB)


class Watcher:
    """Counts what runs at the same time; ``most`` is the largest number seen."""

    def __init__(self):
        self.running = set()
        self.most = 0
        self.ended = Counter()

    def trial_started(self, trial):
        self.running.add(trial.trial_id)
        self.most = max(self.most, len(self.running))

    def epoch_ended(self, trial, epoch, loss):
        pass

    def trial_ended(self, trial, state, message):
        self.running.discard(trial.trial_id)
        self.ended[state] += 1

    def warned(self, message):
        pass

    def told(self, message):
        pass

    def starts_again(self, trial, reason, retry):
        self.running.discard(trial.trial_id)


def started_at_last(tries=4):
    """The cluster; Ray gives its start half a minute, which on a busy machine is too short."""
    from ray.cluster_utils import Cluster

    try:
        return Cluster(initialize_head=True, head_node_args={"num_cpus": 5, "num_gpus": 2})
    except Exception as error:
        if tries == 1 or "timed out during startup" not in str(error):
            raise
    return started_at_last(tries - 1)


@pytest.fixture
def two_gpus(monkeypatch):
    """A cluster that says it has two GPUs."""
    pytest.importorskip("ray")
    # Ray holds what it is told against what this says.
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    # The servers ask for a token if this process sends one; it decided that when it imported Ray.
    from ray import _raylet

    sends = _raylet.get_authentication_mode() == _raylet.AuthenticationMode.TOKEN
    monkeypatch.setenv("RAY_AUTH_MODE", "token" if sends else "disabled")
    cluster = started_at_last()
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    yield
    cluster.shutdown()
    gc.collect()


def run(trials, store, measured, **settings):
    from runners.on_ray.trials import run_trials
    from runners.trials.timeline import Timeline

    usual = {
        "places": Places(data_root=store.root), "cpus": 1, "gpus": None, "workers": 5, "retries": 0,
        "max_failed": None, "timeout": None, "checkpoint_interval": 60.0,
        "keep_checkpoints": False, "device": "cpu",
    }  # fmt: skip
    watcher = Watcher()
    given = WorkerSettings(**(usual | settings))
    run_trials(trials, store, given, measured, watcher, Timeline())
    return watcher


@pytest.mark.slow
def test_measured_trials_share_gpus_and_unmeasured_ones_do_not(two_gpus, make_trial, store):
    trials = [make_trial(seed=seed, epochs=60) for seed in range(5)]
    packed = run(trials, store, {trials[0].memory_kind: THIRD})
    assert packed.ended == {TrialState.COMPLETE: 5}
    # Two of these fit into each GPU, and Ray places no more there.
    assert 2 < packed.most <= 4

    unmeasured = [make_trial(seed=seed, epochs=25) for seed in range(5, 8)]
    alone = run(unmeasured, store, {})
    assert alone.ended == {TrialState.COMPLETE: 3}
    assert alone.most <= 2


@pytest.mark.slow
def test_no_more_run_at_a_time_than_the_grid_lets_run(two_gpus, make_trial, store):
    trials = [make_trial(seed=seed, epochs=25) for seed in range(6)]
    # There are processors for five.
    limited = run(trials, store, {}, gpus=0.0, most_at_a_time=2)
    assert limited.ended == {TrialState.COMPLETE: 6}
    assert limited.most <= 2
