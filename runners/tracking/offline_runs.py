"""Runs of W&B on disk, written without a network: the only module that imports wandb."""

from pathlib import Path
from typing import Any

import wandb

from adaloss.result import EpochMetrics
from runners.tracking.labels import Labels

EPOCH = "epoch"


def lean_settings() -> wandb.Settings:
    """Nothing captured but what is logged: capture is what makes a run cost a second."""
    return wandb.Settings(
        console="off",
        silent=True,
        disable_git=True,
        disable_code=True,
        x_disable_stats=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
    )


def write_run(
    labels: Labels,
    config: dict[str, Any],
    history: tuple[EpochMetrics, ...],
    summary: dict[str, Any],
    state: str,
    folder: Path,
) -> Path:
    """Write a whole run below ``folder`` and finish it; returns W&B's folder of the run.

    Metrics are logged with the epoch as their step. A trial that has not failed is a finished run,
    one that has is a crashed one, with exit code 1.
    """
    folder.mkdir(parents=True, exist_ok=True)
    run = wandb.init(
        mode="offline",
        dir=str(folder),
        id=labels.run_id,
        project=labels.project,
        entity=labels.entity,
        group=labels.group,
        job_type=labels.job_type,
        name=labels.name,
        notes=labels.notes,
        tags=(*labels.tags, *([state] if state != "complete" else [])),
        config=config,
        resume="allow",
        reinit="create_new",
        settings=lean_settings(),
    )
    run.define_metric(EPOCH)
    run.define_metric("*", step_metric=EPOCH)
    for metrics in history:
        record = metrics.model_dump()
        run.log(
            {name: value for name, value in record.items() if value is not None}, step=metrics.epoch
        )
    run.summary.update(summary)
    # Its directory of files lies in the run's own.
    written = Path(run.dir).parent
    run.finish(exit_code=1 if state == "failed" else 0)
    return written
