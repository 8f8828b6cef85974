"""Which trial a free worker takes: one for which no other worker is being started."""

from typing import Any

from ray.tune.schedulers import FIFOScheduler

from runners.on_ray.private import has_free_worker, has_worker


class LeavesStartingWorkers(FIFOScheduler):
    """Runs trials in their order, but a trial whose worker is being started waits for that worker.

    Stock Tune gives a free worker the first waiting trial and ends the worker that was being
    started for it. With trials shorter than the start of a worker, a worker that died then has no
    successor while trials are left (decisions/017).
    """

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        """The first waiting trial without a worker, or None if there is none.

        Trials that a free worker can take come first. If this returns None, Tune gives a free
        worker any waiting trial.
        """
        waiting = [
            trial
            for trial in tune_controller.get_trials()
            if trial.status == trial.PENDING and not has_worker(tune_controller, trial)
        ]
        # Tune offers a free worker to this trial first, then to any trial that fits the worker.
        fitting = (trial for trial in waiting if has_free_worker(tune_controller, trial))
        return next(fitting, waiting[0] if waiting else None)
