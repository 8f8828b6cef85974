"""A worker refuses trials if its code is not what the driver's was at the start of the command."""

import pytest

pytest.importorskip("ray")
from runners.on_ray.machines.same import REFUSED, VERSIONS, step_of, versions_here
from runners.trials.worker import Worker


class Recorder(Worker):
    """A worker that only says that it was given the trial."""

    def step(self, configuration):
        return {"given": configuration}


@pytest.mark.parametrize("configuration", [{}, {VERSIONS: versions_here()}])
def test_a_trial_is_given_to_a_worker_with_the_drivers_code(configuration):
    assert step_of(Recorder(), configuration) == {"given": configuration}


@pytest.mark.parametrize(
    ("package", "words"),
    [("adaloss-sweep", "has another adaloss-sweep than"), ("torch", ", not 0.1, than")],
)
def test_a_worker_with_other_code_refuses_it(package, words):
    report = step_of(Recorder(), {VERSIONS: versions_here() | {package: "0.1"}})
    assert report["done"]
    assert words in report[REFUSED]
