"""Tune keeps all its trials until the sweep's end, and looks at each of them at every step."""

from collections.abc import Callable
from typing import Any

ENDED = {"done": True}
# Private names of Tune's and Ray's; a test says so where a version has others, which keeps more.
UNRESOLVED_CONFIG = "_Trial__unresolved_config"
QUEUED_TASKS = "_pending_actors_to_enqueued_actor_tasks"


def forget_ended(trials: list[Any]) -> None:
    """Take Tune's trials that have ended off its list, emptied; the records on disk are kept.

    Ten thousand of them would take hundreds of megabytes. One stays: of an empty list Tune would
    think that it has to read its trials from the disk.
    """
    for trial in [trial for trial in trials if trial.is_finished()]:
        if len(trials) == 1:
            return
        trials.remove(trial)
        trial.metric_analysis.clear()
        trial.metric_n_steps.clear()
        trial.run_metadata.last_result = ENDED
        trial.run_metadata.checkpoint_manager = None
        trial.config.clear()
        vars(trial).get(UNRESOLVED_CONFIG, {}).clear()
        trial.evaluated_params.clear()
        trial.experiment_tag = ""
        trial.storage = None
        # What its worker said of itself: Ray keeps an answer as long as there is a reference to it.
        trial._default_result_or_future = None


def forgets_tasks(remove: Callable[..., bool]) -> Callable[..., bool]:
    """Ray's method that removes a worker, which then forgets what was queued for it as well.

    For each trial Tune asks for a worker, gives it the worker of one that has ended, and keeps the
    first, which never was, with what it was to do.
    """

    # Tune gives the worker by this name, too.
    def remove_actor(manager: Any, tracked_actor: Any, *arguments: Any, **options: Any) -> bool:
        has_to_stop = remove(manager, tracked_actor, *arguments, **options)
        vars(manager).get(QUEUED_TASKS, {}).pop(tracked_actor, None)
        return has_to_stop

    return remove_actor
