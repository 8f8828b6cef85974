"""What the runner is told, apart from the module that imports ray."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """What each trial gets, and the patience with it. Times in seconds.

    ``gpus`` None is a whole one where there are any, and none where there are not.
    """

    cpus: int
    gpus: float | None
    workers: int
    retries: int
    max_failed: int | None
    timeout: float | None
    checkpoint_interval: float
    keep_checkpoints: bool
