"""Ray Tune executes a list of trials; the only module that imports ray.

Ray schedules and restarts workers, nothing more: the records on disk are the truth, so nothing of
Tune's own state is kept or restored.
"""

import logging
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

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

from adaloss.result import Failure, FailureKind, TrialResult, TrialState
from adaloss.store import Store
from adaloss.trial import Trial
from adaloss.user_error import UserError
from runners.events import SweepObserver
from runners.worker_settings import WorkerSettings

if TYPE_CHECKING:
    from adaloss.execution import Execution, LoadSplits

OBJECT_STORE_BYTES = 200_000_000
# A worker reports this often: events of many short epochs would cost more than the epochs.
SECONDS_PER_REPORT = 1.0


class ResourceError(UserError):
    """A trial asks for more than the machine or the cluster has."""


class TrialWorker(tune.Trainable):
    """A process that executes one trial after the other; data and imports are kept in between."""

    def setup(self, config: dict[str, Any]) -> None:
        """Nothing that takes time.

        When a trial ends, Tune gives its worker the trial of one that is still being set up, and
        kills that one: with long set-ups and short trials there would only ever be one worker.
        """
        self.execution: Execution | None = None
        self.load_splits: LoadSplits | None = None

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next trial; Tune puts it into ``self.config``."""
        self.execution = None
        return True

    def step(self) -> dict[str, Any]:
        """Run epochs for about a second, or until the trial has its result."""
        started = time.monotonic()
        self.execution = self.execution or self.prepare()
        report: dict[str, Any] = {}
        while (metrics := self.execution.advance()) is not None:
            report = {"epoch": metrics.epoch, "loss": metrics.train_loss}
            if time.monotonic() - started > SECONDS_PER_REPORT:
                return report
        result = self.execution.result
        assert result is not None, "an execution ends with a result"
        return report | {"done": True, "state": result.state.value, "message": reason(result)}

    def prepare(self) -> "Execution":
        """The execution of the trial that is due, with what the worker has loaded before."""
        from adaloss.data import load_splits
        from adaloss.execution import Execution, ExecutionSettings
        from adaloss.provenance import collect_provenance

        settings = ExecutionSettings(**self.config["execution"])
        if self.load_splits is None:
            self.load_splits = lru_cache(maxsize=2)(load_splits)
            self.provenance = collect_provenance(settings.device, settings.threads)
        return Execution(
            trial=Trial.model_validate_json(self.config["trial"]),
            store=Store(Path(self.config["store"])),
            settings=settings,
            load_splits=self.load_splits,
            provenance=self.provenance,
        )


def reason(result: TrialResult) -> str:
    """Why a trial is not complete, in one line."""
    if result.divergence is not None:
        return result.divergence.reason
    if result.failure is not None:
        return f"{result.failure.kind}: {result.failure.message}"
    return ""


class PlannedTrials(Searcher):
    """Hands Tune the trials in their order, and no more once too many have failed."""

    def __init__(self, configurations: Iterator[dict[str, Any]], max_failed: int | None) -> None:
        super().__init__()
        self.configurations = configurations
        self.max_failed = max_failed
        self.failed = 0

    def set_search_properties(self, *args: Any, **kwargs: Any) -> bool:
        """Nothing to set: the trials are what they are."""
        return True

    def suggest(self, trial_id: str) -> Any:
        """The next trial's configuration."""
        if self.max_failed is not None and self.failed > self.max_failed:
            return Searcher.FINISHED
        return next(self.configurations, Searcher.FINISHED)

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Count the failures."""
        if error or (result or {}).get("state") == TrialState.FAILED:
            self.failed += 1


class ObserverCallback(tune.Callback):
    """Translates Tune's events into the sweep's, and records trials whose workers keep dying."""

    def __init__(self, store: Store, observer: SweepObserver) -> None:
        self.store = store
        self.observer = observer

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
        if "state" in result:
            state = TrialState(result["state"])
            self.observer.trial_ended(trial_of(trial), state, result["message"])

    def on_trial_recover(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """A worker has died; Tune starts the trial again."""
        self.observer.worker_lost(trial_of(trial))

    def on_trial_error(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """A worker has died once too often."""
        lost = trial_of(trial)
        if self.store.read_result(lost) is not None:
            return
        history = self.store.read_metrics(lost)
        failure = Failure(
            kind=FailureKind.WORKER_LOST,
            message=f"its worker died {trial.num_failures} times",
            traceback=str(trial.get_error() or ""),
        )
        result = TrialResult(
            trial_id=lost.trial_id,
            state=TrialState.FAILED,
            epochs=len(history),
            failure=failure,
            seconds=sum(metrics.seconds for metrics in history),
            finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        self.store.write_result(lost, result)
        self.observer.trial_ended(lost, TrialState.FAILED, reason(result))


def trial_of(ray_trial: Any) -> Trial:
    """Our trial in Tune's."""
    return Trial.model_validate_json(ray_trial.config["trial"])


def run_trials(
    trials: Sequence[Trial],
    store: Store,
    settings: WorkerSettings,
    observer: SweepObserver,
) -> None:
    """Execute the trials on this machine, or on the cluster that ``RAY_ADDRESS`` names.

    Returns when each has its result, or when more than ``max_failed`` have failed. A
    KeyboardInterrupt stops the running trials; they go on from their checkpoints the next time.
    """
    with ray_running(settings), sigterm_as_interrupt(), scratch_folder() as scratch:
        gpus = gpus_per_trial(settings)
        # As many workers are started at once as there is room for; more would only wait.
        os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(trials_at_a_time(settings.cpus, gpus))
        common = {
            "store": str(store.root.resolve()),
            "execution": {
                "device": "cuda" if gpus else "cpu",
                "threads": settings.cpus,
                "timeout": settings.timeout,
                "checkpoint_interval": settings.checkpoint_interval,
                "keep_checkpoints": settings.keep_checkpoints,
            },
        }
        configurations = iter([{"trial": trial.model_dump_json(), **common} for trial in trials])
        tuner = tune.Tuner(
            tune.with_resources(TrialWorker, {"cpu": settings.cpus, "gpu": gpus}),
            tune_config=tune.TuneConfig(
                search_alg=PlannedTrials(configurations, settings.max_failed),
                num_samples=len(trials),
                reuse_actors=True,
                trial_name_creator=lambda trial: trial.trial_id,
                trial_dirname_creator=lambda trial: trial.trial_id,
            ),
            run_config=tune.RunConfig(
                name="sweep",
                storage_path=str(scratch),
                failure_config=tune.FailureConfig(max_failures=settings.retries),
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                callbacks=[ObserverCallback(store, observer)],
                verbose=0,
            ),
        )
        tuner.fit()


def gpus_per_trial(settings: WorkerSettings) -> float:
    """The GPUs a trial gets, once Ray has counted what there is.

    Raises:
        ResourceError: a trial asks for more than there is; Tune would wait for it for ever.
    """
    there: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    gpus = settings.gpus if settings.gpus is not None else min(1.0, there.get("GPU", 0.0))
    for name, wanted in (("CPU", settings.cpus), ("GPU", gpus)):
        if wanted > there.get(name, 0.0):
            raise ResourceError(
                f"resources.{name.lower()}: a trial asks for {wanted:g} {name}s, "
                f"and there are {there.get(name, 0.0):g}"
            )
    return gpus


def trials_at_a_time(cpus: int, gpus: float) -> int:
    """How many trials Ray has room for at once."""
    there: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    places = there["CPU"] // cpus
    return int(min(places, there["GPU"] // gpus) if gpus else places)


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


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Stop on SIGTERM as on Ctrl-C: in order, with the records safe.

    To be entered after Ray has started, which takes the signal for itself.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
