"""Ray Tune executes a list of trials; the only module that imports ray.

Ray schedules and restarts workers, nothing more: the records on disk are the truth, so nothing of
Tune's own state is kept or restored.
"""

import logging
import os
import shutil
import tempfile
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Ray reads these when it is imported: its own reports, loggers and signal handler stay out of the
# way of ours.
os.environ |= {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",
}

import ray
from ray import tune
from ray.tune.search import Searcher

from adaloss.result import DeviceMemory, Failure, FailureKind, TrialResult, TrialState
from adaloss.store import Store
from adaloss.trial import Trial
from adaloss.user_error import UserError
from runners.events import SweepObserver
from runners.interrupt import sigterm_as_interrupt
from runners.lost_trial import record_lost
from runners.timeline import TRIALS, Timeline
from runners.trial_end import end_of, reason
from runners.trial_queue import Capacity, TrialQueue
from runners.trial_worker import Worker
from runners.worker_settings import WorkerSettings

OBJECT_STORE_BYTES = 200_000_000


class ResourceError(UserError):
    """A trial asks for more than the machine or the cluster has."""


class TrialWorker(tune.Trainable):
    """A process of Tune's in which a worker executes trials."""

    def setup(self, config: dict[str, Any]) -> None:
        """Nothing that takes time.

        When a trial ends, Tune gives its worker the trial of one that is still being set up, and
        kills that one: with long set-ups and short trials there would only ever be one worker.
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

    def __init__(self, queue: TrialQueue, store: Store, common: dict[str, Any]) -> None:
        super().__init__()
        self.queue = queue
        self.store = store
        self.common = common
        self.trials: dict[str, Trial] = {}

    def set_search_properties(self, *args: Any, **kwargs: Any) -> bool:
        """Nothing to set: the trials are what they are."""
        return True

    def suggest(self, trial_id: str) -> Any:
        """The next trial's configuration; None while there is one to be waited for."""
        start = self.queue.start_next()
        if start is None:
            return Searcher.FINISHED if self.queue.exhausted else None
        self.trials[trial_id] = start.trial
        share = {"cpu": start.cpus, "gpu": start.gpus}
        return {"trial": start.trial.model_dump_json(), "share": share, **self.common}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Tell the queue; a trial that runs again leaves its records behind."""
        trial, end = self.trials.pop(trial_id), end_of(result or {})
        if self.queue.runs_again(trial, end):
            self.store.set_aside(trial)
        self.queue.ended(trial, end)


class ObserverCallback(tune.Callback):
    """Translates Tune's events into the sweep's, and records trials whose workers keep dying."""

    def __init__(
        self, store: Store, queue: TrialQueue, observer: SweepObserver, timeline: Timeline
    ) -> None:
        self.store = store
        self.queue = queue
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
        if "spans" in result:
            self.timeline.worked(result["worker"], trial_of(trial).readable_name, result["spans"])
        if "epoch" in result:
            self.observer.epoch_ended(trial_of(trial), result["epoch"], result["loss"])
        if "end" not in result:
            return
        ended = TrialResult.model_validate_json(result["end"])
        if self.queue.runs_again(trial_of(trial), end_of(result)):
            self.observer.out_of_memory(trial_of(trial))
        else:
            self.observer.trial_ended(trial_of(trial), ended.state, reason(ended))

    def on_trial_recover(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """A worker has died; Tune starts the trial again."""
        self.observer.worker_lost(trial_of(trial))

    def on_trial_error(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """A worker has died once too often."""
        lost = trial_of(trial)
        if self.store.read_result(lost) is not None:
            return
        failure = Failure(
            kind=FailureKind.WORKER_LOST,
            message=f"its worker died {trial.num_failures} times",
            traceback=str(trial.get_error() or ""),
        )
        said = f"{failure.kind}: {failure.message}"
        try:
            record_lost(lost, failure, self.store)
        except OSError as error:
            # Without a result the trial is missing.
            said = f"{said}, and that cannot be recorded: {error}"
        self.observer.trial_ended(lost, TrialState.FAILED, said)


def trial_of(ray_trial: Any) -> Trial:
    """Our trial in Tune's."""
    return Trial.model_validate_json(ray_trial.config["trial"])


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
    """
    with ray_running(settings), sigterm_as_interrupt(), scratch_folder() as scratch:
        capacity = capacity_for(settings)
        queue = TrialQueue(trials, capacity, measured, settings.max_failed)
        # As many workers are started at once as there is room for; more would only wait.
        os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(capacity.places)
        common = {
            "store": str(store.root.resolve()),
            "execution": {
                "data_root": settings.data_root,
                "device": settings.device or ("cuda" if capacity.gpus else "cpu"),
                "threads": settings.cpus,
                "timeout": settings.timeout,
                "checkpoint_interval": settings.checkpoint_interval,
                "keep_checkpoints": settings.keep_checkpoints,
            },
        }
        tuner = tune.Tuner(
            tune.with_resources(TrialWorker, placement),
            tune_config=tune.TuneConfig(
                search_alg=QueuedTrials(queue, store, common),
                # The queue knows when there are no more: a trial may run twice.
                num_samples=-1,
                reuse_actors=True,
                trial_name_creator=lambda trial: trial.trial_id,
                trial_dirname_creator=lambda trial: trial.trial_id,
            ),
            run_config=tune.RunConfig(
                name="sweep",
                storage_path=str(scratch),
                failure_config=tune.FailureConfig(max_failures=settings.retries),
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                callbacks=[ObserverCallback(store, queue, observer, timeline)],
                verbose=0,
            ),
        )
        with timeline.span(TRIALS):
            tuner.fit()


def placement(configuration: dict[str, Any]) -> tune.PlacementGroupFactory:
    """The processors and GPUs of the trial with this configuration."""
    share = configuration["share"]
    return tune.PlacementGroupFactory([{"CPU": share["cpu"], "GPU": share["gpu"]}])


def capacity_for(settings: WorkerSettings) -> Capacity:
    """What there is for the trials, once Ray has counted it.

    Raises:
        ResourceError: a trial asks for more than there is; Tune would wait for it for ever.
    """
    there: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    for name, wanted in (("CPU", settings.cpus), ("GPU", settings.gpus or 0.0)):
        if wanted > there.get(name, 0.0):
            raise ResourceError(
                f"resources.{name.lower()}: a trial asks for {wanted:g} {name}s, "
                f"and there are {there.get(name, 0.0):g}"
            )
    return Capacity(
        cpus=there["CPU"],
        gpus=0.0 if settings.gpus == 0 else there.get("GPU", 0.0),
        cpus_per_trial=settings.cpus,
        gpus_per_trial=settings.gpus,
    )


@contextmanager
def ray_running(settings: WorkerSettings) -> Iterator[None]:
    """Ray on this machine with room for the workers, or the user's cluster; shut down after."""
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    try:
        if os.environ.get("RAY_ADDRESS"):
            ray.init(log_to_driver=False, logging_level=logging.CRITICAL)
        else:
            ray.init(
                address="local",
                num_cpus=settings.workers * settings.cpus,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
                object_store_memory=OBJECT_STORE_BYTES,
            )
        yield
    finally:
        ray.shutdown()


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for Tune's own files, which nobody needs afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="adaloss-sweep-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
