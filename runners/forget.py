"""Tune keeps all that a trial reported, and each trial's configuration, until the sweep's end."""

from typing import Any


def forget(trial: Any) -> None:
    """Empty one of Tune's trials that has ended; its records on the disk are what counts.

    Ten thousand of them would take hundreds of megabytes.
    """
    trial.metric_analysis.clear()
    trial.metric_n_steps.clear()
    trial.run_metadata.last_result = {"done": True}
    trial.evaluated_params.clear()
    trial.config.clear()
    trial.experiment_tag = ""
