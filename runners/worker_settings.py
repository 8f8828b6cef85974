"""What the runner is told, apart from the module that imports ray."""

from dataclasses import dataclass

from adaloss.places import Places
from adaloss.trial import Capture


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """What each trial gets, and the patience with it. Times in seconds.

    ``gpus`` None packs the trials on the GPUs by the memory that they take, where there are any.
    ``device`` None is the GPU where a trial gets one, else the processor.
    """

    places: Places
    cpus: int
    gpus: float | None
    workers: int
    retries: int
    max_failed: int | None
    timeout: float | None
    checkpoint_interval: float
    keep_checkpoints: bool
    capture: Capture = "auto"
    device: str | None = None
