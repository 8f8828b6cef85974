"""Tune keeps all its trials until the sweep's end, and looks at each of them at every step."""

from typing import Any


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
        trial.run_metadata.last_result = {"done": True}
        trial.config.clear()
        trial.evaluated_params.clear()
        trial.experiment_tag = ""
        trial.storage = None
