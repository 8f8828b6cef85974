"""Ray Tune executes a list of trials; the only module that imports ray.

Ray schedules trials on workers, nothing more: the queue says what starts, and starts again, and the
records on disk are the truth, so nothing of Tune's own state is kept or restored.
"""

import logging
import os
import secrets
import shutil
import tempfile
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

# Ray reads these when it is imported: its own reports, loggers and signal handler stay out of the
# way of ours.
os.environ |= {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_COUNT_PREEMPTION_AS_FAILURE": "1",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",
}
if not os.environ.get("RAY_ADDRESS"):
    # With this off, as it is off Linux, all of Ray's servers listen on 127.0.0.1 alone; the token
    # keeps out this machine's other users, and Ray would have one that their programs may read.
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}

import ray
from ray import tune
from ray._private import node, serialization
from ray.exceptions import RayActorError
from ray.tune.execution import class_cache
from ray.tune.search import Searcher

from adaloss.result import DeviceMemory, Failure, FailureKind, TrialResult
from adaloss.store import Store
from adaloss.trial import Trial
from adaloss.user_error import UserError
from runners.events import SweepObserver
from runners.forget import forget_ended
from runners.interrupt import interrupts_kept, sigterm_as_interrupt
from runners.preflight.ray_places import ray_folder
from runners.ray_address import lost_cluster, no_answer
from runners.ray_loss import Lost, RayLostError, stopped_when
from runners.ray_processes import lost_server, marked
from runners.timeline import RAY, TRIALS, Timeline
from runners.trial_ends import TrialEnds
from runners.trial_queue import Capacity, TrialQueue
from runners.trial_worker import Worker
from runners.worker_settings import WorkerSettings

OBJECT_STORE_BYTES = 200_000_000
# What Ray says when it has killed a worker to save the machine's memory.
SIGN_OF_NO_MEMORY = "low on memory"


class OutOfMemoryError(RayActorError):
    """Ray has ended a worker to save the machine's memory."""

    def __init__(self, message: str) -> None:
        super().__init__(error_msg=message)


# Ray's own error of this name is not among those by which a worker is known to be dead, and at any
# other error Tune ends the sweep.
serialization.OutOfMemoryError = OutOfMemoryError  # type: ignore


class ResourceError(UserError):
    """A trial asks for more than the machine or the cluster has."""


class RayStartError(UserError):
    """Ray does not start, or the user's cluster cannot be joined."""


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

    def __init__(self, queue: TrialQueue, common: dict[str, Any]) -> None:
        super().__init__()
        self.queue = queue
        self.common = common

    def set_search_properties(self, *args: Any, **kwargs: Any) -> bool:
        """Nothing to set: the trials are what they are."""
        return True

    def suggest(self, trial_id: str) -> Any:
        """The next trial's configuration; None while there is one to be waited for."""
        start = self.queue.start_next()
        if start is None:
            return Searcher.FINISHED if self.queue.exhausted else None
        share = {"cpu": start.cpus, "gpu": start.gpus}
        return {"trial": start.trial.model_dump_json(), "share": share, **self.common}

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
        if "spans" in result:
            self.timeline.worked(result["worker"], trial_of(trial).readable_name, result["spans"])
        if "epoch" in result:
            self.observer.epoch_ended(trial_of(trial), result["epoch"], result["loss"])
        if "end" in result:
            ended = TrialResult.model_validate_json(result["end"])
            self.ends.reported(trial_of(trial), ended)
        if "broken" in result:
            self.ends.lost(trial_of(trial), Failure.model_validate_json(result["broken"]))

    def on_trial_error(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """A worker has died."""
        self.ends.lost(trial_of(trial), failure_of(trial))


def failure_of(ray_trial: Any) -> Failure:
    """Of what a trial's worker died, as far as Ray knows."""
    try:
        # Tune's get_error looks where the file is copied to, some time later.
        _, _, said = Path(ray_trial.error_file).read_text(errors="replace").partition("\n")
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

    Raises:
        ResourceError: a trial asks for more than there is.
        RayStartError: Ray does not start.
        RayLostError: Ray is no longer there; the trials stop as with a KeyboardInterrupt.
    """
    with (
        sigterm_as_interrupt(),
        ray_running(settings, timeline) as lost,
        sigterm_as_interrupt(),
        stopped_when(lost),
        scratch_folder() as scratch,
    ):
        capacity = replace(capacity_for(settings), cpus_of_a_node=cpus_of_a_node())
        queue = TrialQueue(
            trials, capacity, measured, retries=settings.retries, max_failed=settings.max_failed
        )
        ends = TrialEnds(queue=queue, store=store, observer=observer, timeout=settings.timeout)
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
                search_alg=QueuedTrials(queue, common),
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
        with timeline.span(TRIALS):
            tuner.fit()


def placement(configuration: dict[str, Any]) -> tune.PlacementGroupFactory:
    """The processors and GPUs of the trial with this configuration."""
    share = configuration["share"]
    return placement_of(share["cpu"], share["gpu"])


@lru_cache
def placement_of(cpus: float, gpus: float) -> tune.PlacementGroupFactory:
    """One object for all trials with this share: Tune keeps each trial's."""
    return tune.PlacementGroupFactory([{"CPU": cpus, "GPU": gpus}])


def cpus_of_a_node() -> float:
    """The processors of the largest node there is."""
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return max(float(node["Resources"].get("CPU", 0.0)) for node in nodes if node["Alive"])


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
def ray_running(settings: WorkerSettings, timeline: Timeline) -> Iterator[Lost]:
    """Ray on this machine with room for the workers, or the user's cluster; shut down after.

    Yields what says whether it is lost. Of what it starts on this machine nothing is alive
    afterwards: no trial writes any more.

    Raises:
        RayStartError: there is no Ray.
    """
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    with lean_ray(), marked() as processes:
        try:
            with timeline.span(RAY), interrupts_kept():
                start_ray(settings)
            yield lost_cluster(gcs_address()) if on_a_cluster() else lost_server(processes)
        except RayLostError:
            # Half of Ray cannot shut down in order, and its workers would go on meanwhile.
            processes.end()
            raise
        finally:
            ray.shutdown()


@contextmanager
def lean_ray() -> Iterator[None]:
    """Leave out what Ray on this machine would start for nothing, which it has no options for.

    Its autoscaler, its log monitor and the server of a dashboard that is off cost seconds of both
    start and end, and the environment that Tune sets for its workers, which they inherit here
    anyway, has each of them started twice. These are Ray's private names: where a version of it
    has others, it starts all of that again, and a test says so.
    """
    unneeded: tuple[tuple[Any, str, object], ...] = (
        (node.Node, "start_monitor", started_nothing),
        (node.Node, "start_log_monitor", started_nothing),
        (node.Node, "start_api_server", started_nothing),
        (class_cache, "DEFAULT_ENV_VARS", {}),
        (class_cache, "ENV_VARS_TO_PROPAGATE", frozenset()),
    )
    with ExitStack() as changes:
        if not on_a_cluster():
            for owner, name, value in unneeded:
                with suppress(AttributeError):
                    changes.enter_context(patch.object(owner, name, value))
        yield


def started_nothing(*arguments: object, **options: object) -> None:
    """In place of what would start a process."""


def on_a_cluster() -> bool:
    """Whether Ray is the user's, and not this run's own."""
    return bool(os.environ.get("RAY_ADDRESS"))


def gcs_address() -> str:
    """Where the cluster answers; Ray's client knows no more than the address it was given."""
    address = os.environ["RAY_ADDRESS"]
    return address if "://" in address else str(ray.get_runtime_context().gcs_address)


def start_ray(settings: WorkerSettings) -> None:
    """Start Ray on this machine, reachable from it alone, or join the user's cluster.

    Raises:
        RayStartError: that does not work; Ray says why with whatever exception comes along.
        KeyboardInterrupt: SIGTERM came.
    """
    address = os.environ.get("RAY_ADDRESS")
    try:
        if address and (why := no_answer(address)):
            raise ConnectionError(why)
        if address:
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
    except SystemExit:
        # Ray's own answer to SIGTERM, which it sets on its way.
        raise KeyboardInterrupt from None
    except Exception as error:
        why = next(iter(str(error).strip().splitlines()), type(error).__name__)
        if address:
            raise RayStartError(
                f"Ray cannot join the cluster that RAY_ADDRESS names, {address}: {why}; correct "
                "it, or unset it to run on this machine"
            ) from None
        raise RayStartError(
            f"Ray does not start: {why}; it keeps its files in {ray_folder()}: see that there is "
            "room and that they can be written, or set RAY_TMPDIR to another short path"
        ) from None


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for Tune's own files, which nobody needs afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="adaloss-sweep-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
