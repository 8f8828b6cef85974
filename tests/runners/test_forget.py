"""What Tune remembers of ended trials: on its own trials, so that a new Ray is noticed."""

import pytest

from runners.on_ray.forget import forget_ended

pytest.importorskip("ray")
from ray.tune.experiment import Trial


def tunes_trial(status):
    trial = Trial("worker", config={"trial": "its fields"}, stub=True)
    trial.update_last_result({"loss": 1.0, "training_iteration": 1})
    trial.set_status(status)
    return trial


def test_trials_that_have_ended_leave_tunes_list_and_hold_nothing():
    running, complete, failed = map(tunes_trial, (Trial.RUNNING, Trial.TERMINATED, Trial.ERROR))
    assert complete.metric_analysis
    trials = [complete, running, failed]
    forget_ended(trials)
    assert trials == [running]
    for ended in (complete, failed):
        assert ended.metric_analysis == ended.metric_n_steps == ended.config == {}
        assert "loss" not in ended.last_result
    assert running.config == {"trial": "its fields"}
    assert running.last_result["loss"] == 1.0


def test_the_last_one_stays():
    trials = [tunes_trial(Trial.TERMINATED), tunes_trial(Trial.TERMINATED)]
    forget_ended(trials)
    assert len(trials) == 1
    assert trials[0].config == {"trial": "its fields"}
