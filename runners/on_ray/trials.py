"""Executes a list of trials with Ray Tune.

Tune only schedules trials on workers. The queue decides which trial starts and which is retried,
and the records on disk are the truth, so none of Tune's own state is saved or restored.
"""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.search import Searcher

from adaloss.errors import GpuLostError
from adaloss.records.result import DeviceMemory, Failure, FailureKind, TrialResult
from adaloss.records.store import Store
from adaloss.tasks.table import trial_from
from adaloss.trial import Trial
from runners.interrupt import sigterm_as_interrupt
from runners.on_ray.actor import with_what_was_sent
from runners.on_ray.machines.findings import check, smallest_gpu, ways
from runners.on_ray.machines.look import machines_of_cluster
from runners.on_ray.machines.same import REFUSED, VERSIONS, step_of, versions_here
from runners.on_ray.private import forget_ended
from runners.on_ray.ray_lost import stopped_when
from runners.on_ray.scheduler import LeavesStartingWorkers
from runners.on_ray.session import capacity_for, on_a_cluster, ray_running
from runners.trials.arrivals import Arrivals
from runners.trials.away import KEPT, MARK, RECORDS, marked_results, parts_of
from runners.trials.ends import TrialEnds
from runners.trials.events import SweepObserver
from runners.trials.machine import WorkerSettings
from runners.trials.own_files import OWN, own_code, own_data, sent_code
from runners.trials.queue import TrialQueue
from runners.trials.timeline import TRIALS, Timeline
from runners.trials.worker import PLACES, Worker

# Part of Ray's message if it has killed a worker to save the machine's memory.
SIGN_OF_NO_MEMORY = "low on memory"
# The line of a traceback of Ray's that says why a worker has lost its GPU.
GPU_LOST = re.compile(rf"{GpuLostError.__name__}: (.+)")


class TrialTrainable(tune.Trainable):
    """Tune's interface to a worker: with stock Ray, or with an unknown Tune.

    Otherwise workers are ``runners.on_ray.actor.TrialWorker``.
    """

    def setup(self, config: dict[str, Any]) -> None:
        """Do nothing that takes time.

        If a free worker takes a trial, Tune kills the worker that is being set up for it, for
        example at the end of a sweep.
        """
        self.worker = Worker()

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next trial, which Tune has put into ``self.config``."""
        self.worker.forget_trial()
        return True

    def step(self) -> dict[str, Any]:
        """Run the trial for about a second."""
        self.config = with_what_was_sent(self.config)
        return step_of(self.worker, self.config)


class QueuedTrials(Searcher):
    """Suggests the queue's trials to Tune, each with its resources."""

    def __init__(self, queue: TrialQueue, common: dict[str, Any], store: Store) -> None:
        super().__init__()
        self.queue = queue
        self.common = common
        self.store = store
        self.kinds: dict[str, int] = {}
        self.numbers = 0

    def set_search_properties(self, *args: Any, **kwargs: Any) -> bool:
        """Do nothing: the queue decides which trials run."""
        return True

    def suggest(self, trial_id: str) -> Any:
        """The configuration of the next trial; None while a trial waits to be retried."""
        start = self.queue.start_next()
        if start is None:
            return Searcher.FINISHED if self.queue.exhausted else None
        share = {"cpu": start.cpus, "gpu": start.gpus, "bytes": self.bytes_for(start.trial)}
        common = self.common
        if start.alone:
            # Memory ran out. A captured graph takes memory; the numbers are the same without.
            common = common | {"execution": common["execution"] | {"capture": False}}
        if MARK in common and (parts := parts_of(self.store, start.trial)):
            common = common | {RECORDS: ray.put(parts)}
        return {"trial": start.trial.model_dump_json(), "share": share, **common}

    def bytes_for(self, trial: Trial) -> int:
        """Memory that Ray reserves for the trial: a few bytes, another number for each kind.

        Tune gives a free worker to a trial with the same resources. With a number of bytes of their
        own, trials of one ``worker_kind`` have processes to themselves; a kind that is the trial's
        own id has a new number for each start, so that no process is used twice.
        """
        kind = trial.worker_kind
        if not kind:
            return 0
        if kind == trial.trial_id:
            self.kinds.pop(kind, None)
        if kind not in self.kinds:
            self.numbers += 1
            self.kinds[kind] = self.numbers
        return self.kinds[kind]

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Do nothing: the callback reports the end and its reason to the queue."""


class SweepCallback(tune.Callback):
    """Translates Tune's events into events of the sweep."""

    def __init__(self, ends: TrialEnds, observer: SweepObserver, timeline: Timeline) -> None:
        self.ends = ends
        self.arrivals = Arrivals(ends.store)
        self.observer = observer
        self.timeline = timeline

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks to restore a run, which never happens."""
        return {}

    def on_trial_start(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """A worker has taken the trial."""
        self.arrivals.trial_starts(trial_of(trial))
        self.observer.trial_started(trial_of(trial))

    def on_trial_result(
        self, iteration: int, trials: Any, trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """A worker has reported."""
        # The answer is emptied, because Tune keeps it.
        self.arrivals.write(trial_of(trial), result)
        for note in result.pop(KEPT, ()):
            self.ends.warn(note)
        if "epoch" in result:
            self.observer.epoch_ended(trial_of(trial), result["epoch"], result["loss"])
        if "end" in result:
            ended = TrialResult.model_validate_json(result["end"])
            if (failure := self.arrivals.failures.get(ended.trial_id)) is not None:
                self.ends.lost(trial_of(trial), failure)
            else:
                self.ends.reported(trial_of(trial), ended)
        if "broken" in result:
            self.ends.lost(trial_of(trial), Failure.model_validate_json(result["broken"]))
        if REFUSED in result:
            self.ends.refused(trial_of(trial), result[REFUSED])
        if "spans" in result:
            self.timeline.worked(result["worker"], trial_of(trial).readable_name, result["spans"])

    def on_trial_error(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """A worker has died."""
        after = self.arrivals.seconds_of(trial_of(trial))
        self.ends.lost(trial_of(trial), failure_of(trial), after=after)


def failure_of(ray_trial: Any) -> Failure:
    """Why a trial's worker died, as far as Ray knows."""
    try:
        # Tune's get_error reads a copy of this file, which is written later.
        _, _, reason = (
            Path(ray_trial.error_file).read_text("utf-8", errors="replace").partition("\n")
        )
    except OSError:
        reason = ""
    if SIGN_OF_NO_MEMORY in reason:
        message = "Ray killed its worker because the machine was running out of memory"
        # The first two lines have the numbers; pages of details and advice follow.
        numbers = "\n".join(reason.splitlines()[:2])
        return Failure(kind=FailureKind.OUT_OF_MEMORY, message=message, traceback=numbers)
    lost_gpu = GPU_LOST.search(reason)
    message = lost_gpu[1] if lost_gpu else "its worker died"
    return Failure(kind=FailureKind.WORKER_LOST, message=message, traceback=reason)


class ForgetfulCallback(tune.Callback):
    """Keeps the driver's memory from growing with every trial that has ended."""

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks to restore a run, which never happens."""
        return {}

    def on_step_end(self, iteration: int, trials: Any, **info: Any) -> None:
        """All callbacks have received the trials that have ended."""
        forget_ended(trials)


def trial_of(ray_trial: Any) -> Trial:
    """The trial that a trial of Tune's stands for."""
    return trial_from(json.loads(ray_trial.config["trial"]))


def run_trials(
    trials: Sequence[Trial],
    store: Store,
    settings: WorkerSettings,
    measured: Mapping[Hashable, DeviceMemory],
    observer: SweepObserver,
    timeline: Timeline,
) -> bool:
    """Execute the trials on this machine, or on the cluster at ``RAY_ADDRESS``.

    ``measured`` has the GPU memory that earlier trials of each kind needed.

    Returns when each trial has its result, or when too many have failed for more to start, and
    whether that is so. A KeyboardInterrupt stops the running trials; the next run continues them
    from their checkpoints.

    Raises:
        ResourceError: a trial needs more than there is.
        RayStartError: Ray does not start.
        RayLostError: Ray is lost; the trials stop as at a KeyboardInterrupt.
    """
    with (
        sigterm_as_interrupt(),
        ray_running(store.root, settings, timeline) as lost,
        sigterm_as_interrupt(),
        stopped_when(lost),
        scratch_folder() as scratch,
        for_other_machines(trials, store, settings, observer) as (others, least_gpu),
    ):
        capacity = capacity_for(settings, least_gpu)
        queue = TrialQueue(
            trials, capacity, measured, retries=settings.retries, max_failed=settings.max_failed
        )
        ends = TrialEnds(queue=queue, store=store, observer=observer, timeout=settings.timeout)
        # Tune starts as many workers at once as there is room for. One more trial waits, so that a
        # free worker has a trial to take while another waits for the whole machine.
        os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(capacity.places + 1)
        common = {
            **others,
            PLACES: capacity.places,
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
                # Tune pickles it, and nobody could pickle a store that reports to a terminal.
                search_alg=QueuedTrials(queue, common, Store(store.root)),
                scheduler=LeavesStartingWorkers(),  # type: ignore[no-untyped-call]
                # The queue ends the sweep; a trial may be started several times.
                num_samples=-1,
                reuse_actors=True,
                trial_name_creator=lambda trial: trial.trial_id,
                trial_dirname_creator=lambda trial: trial.trial_id,
            ),
            run_config=tune.RunConfig(
                name="sweep",
                storage_path=str(scratch),
                # Tune would retry a lost trial at once; the queue waits, and counts retries.
                failure_config=tune.FailureConfig(max_failures=0),
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                callbacks=[SweepCallback(ends, observer, timeline), ForgetfulCallback()],
                verbose=0,
                # In a notebook Tune's own would clear the output of the cell.
                progress_reporter=tune.CLIReporter(),
            ),
        )
        timeline.places = min(capacity.places, len(trials))
        with timeline.span(TRIALS):
            tuner.fit()
        return queue.fuse_blown


@contextmanager
def for_other_machines(
    trials: Sequence[Trial], store: Store, settings: WorkerSettings, observer: SweepObserver
) -> Iterator[tuple[dict[str, Any], int | None]]:
    """What the workers of a cluster need in their configurations; nothing on this machine.

    With it comes the size of the cluster's smallest GPU in bytes, if there is one.

    Raises:
        MachinesError: trials on a machine of the cluster would fail, or have other numbers.
    """
    if not on_a_cluster():
        yield {}, None
        return
    places = settings.places
    code, data = own_code(trials, places), own_data(trials, places)
    with marked_results(store) as mark:
        seen = store.root.resolve() / mark
        machines = machines_of_cluster(seen, data, tuple(code), places.own_folders)
        for warning in check(machines, settings):
            observer.warned(warning)
        for sentence in ways(machines, sent_code(code)):
            observer.told(sentence)
        sent = {MARK: mark, VERSIONS: versions_here(), **({OWN: ray.put(code)} if code else {})}
        yield sent, smallest_gpu(machines)


def placement(configuration: dict[str, Any]) -> tune.PlacementGroupFactory:
    """The resources of the trial with this configuration."""
    share = configuration["share"]
    return placement_of(share["cpu"], share["gpu"], share["bytes"])


@lru_cache
def placement_of(cpus: float, gpus: float, memory: int) -> tune.PlacementGroupFactory:
    """One object for all trials with these resources, because Tune keeps it for each trial."""
    reserved = {"memory": memory} if memory else {}
    return tune.PlacementGroupFactory([{"CPU": cpus, "GPU": gpus, **reserved}])


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A temporary folder for Tune's own files."""
    folder = Path(tempfile.mkdtemp(prefix="adaloss-sweep-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
