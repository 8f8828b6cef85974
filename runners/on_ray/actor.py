"""The process that executes trials, with the interface that Tune expects, but without Tune.

Tune brings a thousand modules into every worker, among them pandas and Ray's packages for data and
training (decisions/012).
"""

from functools import cache
from typing import Any

import ray

from runners.on_ray.machines.same import step_of
from runners.trials.worker import Worker


class TrialWorker:
    """The methods of a ``ray.tune.Trainable`` that Tune calls in a sweep."""

    def __init__(self, config: dict[str, Any], storage: object = None) -> None:
        self.config = config
        self.worker = Worker()
        self.reports = 0

    def train(self) -> dict[str, Any]:
        """Run the trial for about a second."""
        self.config = with_what_was_sent(self.config)
        report = step_of(self.worker, self.config)
        self.reports += 1
        return {"done": False, "training_iteration": self.reports} | report

    def reset(self, new_config: dict[str, Any], storage: object = None) -> bool:
        """Take the next trial."""
        self.worker.forget_trial()
        self.config = new_config
        self.reports = 0
        return True

    def get_auto_filled_metrics(self, **options: Any) -> dict[str, Any]:
        """The metrics of a trial before its first report: none."""
        return {}

    def stop(self) -> None:
        """Nothing to clean up."""


def with_what_was_sent(config: dict[str, Any]) -> dict[str, Any]:
    """A trial's configuration with the objects that Ray carries besides it."""
    return {
        name: ray.get(value) if isinstance(value, ray.ObjectRef) else value
        for name, value in config.items()
    }


@cache
def trial_worker_class() -> Any:
    """TrialWorker as a class that Ray can start."""
    return ray.remote(TrialWorker)
