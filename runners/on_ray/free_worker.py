"""Which trial a worker takes that has become free: one for which no worker is being started."""

from typing import Any

from ray.tune.schedulers import FIFOScheduler

# Private names of Tune's; a test says so where a version has others, which goes on as Tune would.
CONTROLLER = "_tune_controller"
WORKER_OF = "_trial_to_actor"
WORKERS = "_actor_manager"


class SparesStartingWorkers(FIFOScheduler):
    """Trials in their order, save that those with a worker that is being started wait for it.

    Tune would give a free worker the first trial there is and end the worker that was started for
    it: with trials shorter than a start, one that has died has no successor while trials are left.
    """

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        """The first that waits for a worker; None where there is none, and Tune takes any."""
        controller = vars(tune_controller).get(CONTROLLER)
        return next(
            (
                trial
                for trial in tune_controller.get_trials()
                if trial.status == trial.PENDING and not has_worker(controller, trial)
            ),
            None,
        )


def has_worker(controller: Any, trial: Any) -> bool:
    """Whether a worker has been started for the trial that waits, or is about to take it."""
    try:
        worker = vars(controller)[WORKER_OF].get(trial)
        return worker is not None and vars(controller)[WORKERS].is_actor_started(worker)
    except (AttributeError, KeyError, TypeError):
        return False
