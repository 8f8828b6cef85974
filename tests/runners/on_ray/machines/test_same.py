"""A worker on a machine that joined late refuses trials if its code is not the driver's."""

import pytest

pytest.importorskip("ray")
from adaloss.records.result import Failure, FailureKind
from runners.on_ray.machines.same import VERSIONS, step_of, versions_here
from runners.trials.worker import Worker


class Recorder(Worker):
    """A worker that only says that it was given the trial."""

    def step(self, configuration):
        return {"given": configuration}


def refused(versions):
    report = step_of(Recorder(), {VERSIONS: versions})
    assert report["done"]
    return Failure.model_validate_json(report["broken"])


@pytest.mark.parametrize("configuration", [{}, {VERSIONS: versions_here()}])
def test_a_trial_is_given_to_a_worker_with_the_drivers_code(configuration):
    assert step_of(Recorder(), configuration) == {"given": configuration}


@pytest.mark.parametrize(
    ("package", "sentence"),
    [("adaloss-sweep", "has another adaloss-sweep: install"), ("torch", ", not 0.1: install")],
)
def test_a_worker_with_other_code_refuses_it_and_another_machine_may_take_it(package, sentence):
    failure = refused(versions_here() | {package: "0.1"})
    assert failure.kind is FailureKind.WORKER_LOST
    assert sentence in failure.message
