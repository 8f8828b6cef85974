"""What Tune remembers of ended trials: on its own objects, so that a new Ray is noticed."""

from unittest.mock import create_autospec, patch

import pytest

from runners.on_ray.forget import QUEUED_TASKS, forget_ended, forgets_tasks

pytest.importorskip("ray")
from ray.air.execution import ResourceManager, ResourceRequest
from ray.air.execution._internal.actor_manager import RayActorManager
from ray.tune.experiment import Trial


def tunes_trial(status):
    trial = Trial("worker", config={"trial": "its fields"}, stub=True)
    trial.resolve_config_placeholders({})  # as Tune does: from now on there are two of it
    trial.update_last_result({"loss": 1.0, "training_iteration": 1})
    trial._default_result_or_future = "a reference to what its worker said of itself"
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
        assert ended._default_result_or_future is None
        assert "its fields" not in str(vars(ended))
    assert running._default_result_or_future is not None
    assert running.config == {"trial": "its fields"}
    assert running.last_result["loss"] == 1.0


def test_the_last_one_stays():
    trials = [tunes_trial(Trial.TERMINATED), tunes_trial(Trial.TERMINATED)]
    forget_ended(trials)
    assert len(trials) == 1
    assert trials[0].config == {"trial": "its fields"}


def queued_after_removal(given):
    """What a worker that never was is still to do once it is no longer wanted."""
    # Ray's own managers of resources start Ray.
    resources = create_autospec(ResourceManager, instance=True)
    manager = RayActorManager(resource_manager=resources)
    worker = manager.add_actor(object, {}, ResourceRequest([{"CPU": 1}]))
    manager.schedule_actor_task(worker, "train")
    assert vars(manager)[QUEUED_TASKS][worker]
    positional, named = given(worker)
    assert not manager.remove_actor(*positional, **named)
    return vars(manager)[QUEUED_TASKS]


@pytest.mark.parametrize(
    "given",
    [
        lambda worker: ((worker,), {"kill": False}),
        lambda worker: ((), {"tracked_actor": worker, "kill": True}),
    ],
    ids=["as to an idle one", "as to one that does not stop"],
)
def test_a_worker_that_never_was_is_forgotten_with_its_tasks(given):
    assert queued_after_removal(given), "Ray does so by itself: forgets_tasks has no use any more"
    with patch.object(RayActorManager, "remove_actor", forgets_tasks(RayActorManager.remove_actor)):
        assert not queued_after_removal(given)
