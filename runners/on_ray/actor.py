"""The process in which trials are executed, as Tune talks to it, without importing Tune there.

Tune brings a thousand modules into every worker, pandas and Ray's own of data and training among
them, and 75 MB (decisions/012).
"""

from collections.abc import Callable
from functools import cache
from inspect import signature
from typing import Any

import ray

from runners.trials.worker import Worker

# What Tune puts into a trial's configuration for itself has names like this.
TUNES_OWN = "__"
# The methods of its Trainable that Tune calls, with the arguments that this was written for.
SPOKEN = {
    "__init__": ("self", "config", "storage"),
    "train": ("self",),
    "reset": ("self", "new_config", "storage"),
    "get_auto_filled_metrics": (
        "self", "now", "time_this_iter", "timestamp", "debug_metrics_only",
    ),
    "stop": ("self",),
}  # fmt: skip


class TrialWorker:
    """What Tune asks of a ``ray.tune.Trainable``, as far as a sweep has it ask."""

    def __init__(self, config: dict[str, Any], storage: object = None) -> None:
        self.config = config
        self.worker = Worker()
        self.reports = 0

    def train(self) -> dict[str, Any]:
        """Run the trial for about a second."""
        report = self.worker.step(self.config)
        self.reports += 1
        return {"done": False, "training_iteration": self.reports} | report

    def reset(self, new_config: dict[str, Any], storage: object = None) -> bool:
        """Take the next trial."""
        self.worker.forget_trial()
        self.config = new_config
        self.reports = 0
        return True

    def get_auto_filled_metrics(self, **asked: Any) -> dict[str, Any]:
        """What a trial is known by before its first report: nothing."""
        return {}

    def stop(self) -> None:
        """Nothing is left to do."""


@cache
def ray_class() -> Any:
    """The class as Ray starts it."""
    return ray.remote(TrialWorker)


def always_ours(ask: Callable[..., Any]) -> Callable[..., Any]:
    """Tune's method that gives Ray's class for a trainable: for any trainable it is this one."""
    return lambda cache, trainable: ray_class()


def tune_speaks_so() -> bool:
    """Whether Tune's own workers have the methods that it calls here, with these arguments."""
    from ray.tune import Trainable

    has = vars(Trainable)
    return all(
        name in has and tuple(signature(has[name]).parameters) == given
        for name, given in SPOKEN.items()
    )


def started_with_configuration(ask: Callable[[Any], dict[str, Any]]) -> Callable[[Any], Any]:
    """Tune's function that says what a trial's worker is started with: its configuration alone."""

    def arguments_of(trial: Any) -> dict[str, Any]:
        return {"config": without_tunes_own(ask(trial)["config"])}

    return arguments_of


def reset_with_configuration(schedule: Callable[..., Any]) -> Callable[..., Any]:
    """Tune's method that has a worker do something: the next trial is its configuration alone."""

    def schedule_task(controller: Any, trial: Any, method_name: str, **options: Any) -> Any:
        if method_name == "reset":
            (config,) = options["args"]
            options |= {"args": (without_tunes_own(config),), "kwargs": {}}
        return schedule(controller, trial=trial, method_name=method_name, **options)

    return schedule_task


def without_tunes_own(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration as the queue gave it."""
    return {name: value for name, value in config.items() if not name.startswith(TUNES_OWN)}
