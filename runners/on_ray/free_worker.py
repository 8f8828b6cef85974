"""Which trial a worker that has become free takes: one for which no worker is being started."""

from typing import Any

from ray.tune.schedulers import FIFOScheduler

# Private names of Tune's. Where a version has others a test says so, and trials come in order.
CONTROLLER = "_tune_controller"
WORKER_OF = "_trial_to_actor"
WORKERS = "_actor_manager"
FREE_WORKERS = "_actor_cache"
OTHER_NAMES = AttributeError, KeyError, TypeError


class SparesStartingWorkers(FIFOScheduler):
    """Trials in their order, save that those with a worker that is being started wait for it.

    Tune would give a free worker the first trial there is and end the worker that was started for
    it: with trials shorter than a start, one that has died has no successor while trials are left.
    """

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        """The first without a worker, of those that a free worker may take if there are such.

        None where there is none: then Tune gives a free worker any.
        """
        waiting = [
            trial
            for trial in tune_controller.get_trials()
            if trial.status == trial.PENDING and not has_worker(tune_controller, trial)
        ]
        # Tune offers free workers to what is chosen, and after that to any with their share.
        fitting = (trial for trial in waiting if has_share_of_a_free_worker(tune_controller, trial))
        return next(fitting, waiting[0] if waiting else None)


def has_worker(tune_controller: Any, trial: Any) -> bool:
    """Whether a worker has been started for the trial that waits, or is about to take it."""
    try:
        controller = vars(vars(tune_controller)[CONTROLLER])
        worker = controller[WORKER_OF].get(trial)
        return worker is not None and bool(controller[WORKERS].is_actor_started(worker))
    except OTHER_NAMES:
        return False


def has_share_of_a_free_worker(tune_controller: Any, trial: Any) -> bool:
    """Whether a worker with the trial's processors and GPUs is free."""
    try:
        controller = vars(vars(tune_controller)[CONTROLLER])
        return bool(controller[FREE_WORKERS].has_cached_object(trial.placement_group_factory))
    except OTHER_NAMES:
        return False
