"""Ray Tune executes a list of trials.

Ray schedules trials on workers, nothing more: the queue says what starts, and starts again, and the
records on disk are the truth, so nothing of Tune's own state is kept or restored.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from ray import tune
from ray._private import serialization
from ray.exceptions import RayActorError
from ray.tune.search import Searcher

from adaloss.records.result import DeviceMemory, Failure, FailureKind, TrialResult
from adaloss.records.store import Store
from adaloss.tasks.table import trial_from
from adaloss.trial import Trial
from runners.interrupt import sigterm_as_interrupt
from runners.on_ray.forget import forget_ended
from runners.on_ray.free_worker import SparesStartingWorkers
from runners.on_ray.loss import stopped_when
from runners.on_ray.session import capacity_for, ray_running
from runners.trials.ends import TrialEnds
from runners.trials.events import SweepObserver
from runners.trials.machine import WorkerSettings
from runners.trials.queue import TrialQueue
from runners.trials.timeline import TRIALS, Timeline
from runners.trials.worker import Worker

# What Ray says when it has killed a worker to save the machine's memory.
SIGN_OF_NO_MEMORY = "low on memory"


class OutOfMemoryError(RayActorError):
    """Ray has ended a worker to save the machine's memory."""

    def __init__(self, message: str) -> None:
        super().__init__(error_msg=message)


# Ray's own error of this name is not among those by which a worker is known to be dead, and at any
# other error Tune ends the sweep.
serialization.OutOfMemoryError = OutOfMemoryError  # type: ignore


class TrialTrainable(tune.Trainable):
    """A process of Tune's in which a worker executes trials, on a cluster.

    On this machine it is ``runners.on_ray.actor.TrialWorker``.
    """

    def setup(self, config: dict[str, Any]) -> None:
        """Nothing that takes time.

        Tune kills a worker that is still being set up for a trial where a free one takes that, as
        at the sweep's end.
        """
        self.worker = Worker()

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next trial; Tune puts it into ``self.config``."""
        self.worker.forget_trial()
        return True

    def step(self) -> dict[str, Any]:
        """Run the trial for about a second."""
        return self.worker.step(self.config)


class QueuedTrials(Searcher):
    """Hands Tune the queue's trials, each with its part of the machine."""

    def __init__(self, queue: TrialQueue, common: dict[str, Any]) -> None:
        super().__init__()
        self.queue = queue
        self.common = common
        self.own_code_trials = 0

    def set_search_properties(self, *args: Any, **kwargs: Any) -> bool:
        """Nothing to set: the trials are what they are."""
        return True

    def suggest(self, trial_id: str) -> Any:
        """The next trial's configuration; None while there is one to be waited for."""
        start = self.queue.start_next()
        if start is None:
            return Searcher.FINISHED if self.queue.exhausted else None
        share = {"cpu": start.cpus, "gpu": start.gpus, "bytes": self.bytes_for(start.trial)}
        common = self.common
        if start.alone:
            # Memory ran out, and a graph keeps some: the same numbers come without.
            common = common | {"execution": common["execution"] | {"capture": False}}
        return {"trial": start.trial.model_dump_json(), "share": share, **common}

    def bytes_for(self, trial: Trial) -> int:
        """Memory that Ray reserves for the trial: some bytes, of which each number is asked once.

        Tune gives a free worker to a trial with the same share of the machine. What code of the
        user's own sets in its process, such as torch's default dtype, would reach the next trial:
        no other trial has this one's share.
        """
        if not trial.runs_own_code:
            return 0
        self.own_code_trials += 1
        return self.own_code_trials

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Nothing: the queue learns of it from the callback, which knows why."""


class SweepCallback(tune.Callback):
    """Translates Tune's events into the sweep's."""

    def __init__(self, ends: TrialEnds, observer: SweepObserver, timeline: Timeline) -> None:
        self.ends = ends
        self.observer = observer
        self.timeline = timeline

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks for a restored run, and there is never one."""
        return {}

    def on_trial_start(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """A worker has taken the trial."""
        self.observer.trial_started(trial_of(trial))

    def on_trial_result(
        self, iteration: int, trials: Any, trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """A worker has reported."""
        if "epoch" in result:
            self.observer.epoch_ended(trial_of(trial), result["epoch"], result["loss"])
        if "end" in result:
            ended = TrialResult.model_validate_json(result["end"])
            self.ends.reported(trial_of(trial), ended)
        if "broken" in result:
            self.ends.lost(trial_of(trial), Failure.model_validate_json(result["broken"]))
        if "spans" in result:
            self.timeline.worked(result["worker"], trial_of(trial).readable_name, result["spans"])

    def on_trial_error(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """A worker has died."""
        self.ends.lost(trial_of(trial), failure_of(trial))


def failure_of(ray_trial: Any) -> Failure:
    """Of what a trial's worker died, as far as Ray knows."""
    try:
        # Tune's get_error looks where the file is copied to, some time later.
        _, _, said = Path(ray_trial.error_file).read_text("utf-8", errors="replace").partition("\n")
    except OSError:
        said = ""
    if SIGN_OF_NO_MEMORY in said:
        message = "Ray ended its worker: the machine was running out of memory"
        # Two lines have the numbers; pages of the machine's state and of advice follow.
        numbers = "\n".join(said.splitlines()[:2])
        return Failure(kind=FailureKind.OUT_OF_MEMORY, message=message, traceback=numbers)
    return Failure(kind=FailureKind.WORKER_LOST, message="its worker died", traceback=said)


class ForgetfulCallback(tune.Callback):
    """Keeps the driver's memory from growing with every trial that has ended."""

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks for a restored run, and there is never one."""
        return {}

    def on_step_end(self, iteration: int, trials: Any, **info: Any) -> None:
        """All who want to know of a trial that has ended have been told."""
        forget_ended(trials)


def trial_of(ray_trial: Any) -> Trial:
    """Our trial in Tune's."""
    return trial_from(json.loads(ray_trial.config["trial"]))


def run_trials(
    trials: Sequence[Trial],
    store: Store,
    settings: WorkerSettings,
    measured: Mapping[Hashable, DeviceMemory],
    observer: SweepObserver,
    timeline: Timeline,
) -> None:
    """Execute the trials on this machine, or on the cluster that ``RAY_ADDRESS`` names.

    ``measured`` has the GPU memory that trials of each kind were seen to take before.

    Returns when each has its result, or when more than ``max_failed`` have failed. A
    KeyboardInterrupt stops the running trials; they go on from their checkpoints the next time.

    Raises:
        ResourceError: a trial asks for more than there is.
        RayStartError: Ray does not start.
        RayLostError: Ray is no longer there; the trials stop as with a KeyboardInterrupt.
    """
    with (
        sigterm_as_interrupt(),
        ray_running(store.root, settings, timeline) as lost,
        sigterm_as_interrupt(),
        stopped_when(lost),
        scratch_folder() as scratch,
    ):
        capacity = capacity_for(settings)
        queue = TrialQueue(
            trials, capacity, measured, retries=settings.retries, max_failed=settings.max_failed
        )
        ends = TrialEnds(queue=queue, store=store, observer=observer, timeout=settings.timeout)
        # As many workers are started at once as there is room for. One more trial waits, so that
        # where one waits for the whole machine there is another for a worker that is free.
        os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(capacity.places + 1)
        common = {
            "store": str(store.root.resolve()),
            "execution": {
                "places": settings.places,
                "device": settings.device or ("cuda" if capacity.gpus else "cpu"),
                "threads": settings.cpus,
                "timeout": settings.timeout,
                "checkpoint_interval": settings.checkpoint_interval,
                "keep_checkpoints": settings.keep_checkpoints,
                "capture": settings.capture,
            },
        }
        tuner = tune.Tuner(
            tune.with_resources(TrialTrainable, placement),
            tune_config=tune.TuneConfig(
                search_alg=QueuedTrials(queue, common),
                scheduler=SparesStartingWorkers(),  # type: ignore[no-untyped-call]
                # The queue knows when there are no more: a trial may be started several times.
                num_samples=-1,
                reuse_actors=True,
                trial_name_creator=lambda trial: trial.trial_id,
                trial_dirname_creator=lambda trial: trial.trial_id,
            ),
            run_config=tune.RunConfig(
                name="sweep",
                storage_path=str(scratch),
                # Tune would start a lost trial again at once; the queue waits, and counts.
                failure_config=tune.FailureConfig(max_failures=0),
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                callbacks=[SweepCallback(ends, observer, timeline), ForgetfulCallback()],
                verbose=0,
            ),
        )
        timeline.places = min(capacity.places, len(trials))
        with timeline.span(TRIALS):
            tuner.fit()


def placement(configuration: dict[str, Any]) -> tune.PlacementGroupFactory:
    """The processors and GPUs of the trial with this configuration."""
    share = configuration["share"]
    return placement_of(share["cpu"], share["gpu"], share["bytes"])


@lru_cache
def placement_of(cpus: float, gpus: float, memory: int) -> tune.PlacementGroupFactory:
    """One object for all trials with this share: Tune keeps each trial's."""
    reserved = {"memory": memory} if memory else {}
    return tune.PlacementGroupFactory([{"CPU": cpus, "GPU": gpus, **reserved}])


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for Tune's own files, which nobody needs afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="adaloss-sweep-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
