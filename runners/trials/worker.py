"""What a worker process does: it executes one trial after the other, a second at a time."""

import json
import os
import platform
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaloss.records.result import Failure, FailureKind, Provenance, TrialResult
from adaloss.records.store import Store
from adaloss.tasks.table import task_of, trial_from
from adaloss.time_limit import Watchdog
from adaloss.trial import Trial
from runners.trials.packing import fraction_for_tensors
from runners.trials.timeline import EPOCHS, RECORD, START, Reported, steady_clock

if TYPE_CHECKING:
    from adaloss.execution import Execution
    from adaloss.tasks.task import TaskCode

# A worker reports this often: events of many short epochs would cost more than the epochs.
SECONDS_PER_REPORT = 1.0


class WorkerUsedUpError(OSError):
    """A worker was given a trial after one that ran code of the user's own."""


class Worker:
    """Executes the trials that it is given; data and imports are kept in between.

    A trial's configuration has its ``trial``, the ``store``, its ``share`` of the machine and the
    settings of its ``execution``.
    """

    def __init__(self) -> None:
        self.execution: Execution | None = None
        self.watchdog: Watchdog | None = None
        self.codes: dict[str, TaskCode] = {}
        self.provenance: Provenance | None = None
        self.has_run_own_code = False

    def forget_trial(self) -> None:
        """Make room for the next trial."""
        self.execution = None
        if self.watchdog is not None:
            self.watchdog.release()
            self.watchdog = None

    def step(self, configuration: dict[str, Any]) -> dict[str, Any]:
        """Run epochs for about a second, or until the trial has its result; returns the report.

        A report has ``epoch`` and ``loss`` where one has ended, the trial's ``end`` where it has,
        what is ``broken`` where this worker cannot go on with it, and the ``spans`` of the
        ``worker``'s time.
        """
        try:
            return self.run_epochs(configuration)
        except Exception as error:
            # Not of the trial, whose errors are its result: of the storage, say.
            self.forget_trial()
            return {"done": True, "broken": broken(error).model_dump_json()}

    def run_epochs(self, configuration: dict[str, Any]) -> dict[str, Any]:
        """Run epochs for about a second; returns the report."""
        now = steady_clock()
        began = epochs_begin = epochs_end = now()
        is_new = self.execution is None
        if self.execution is None:
            # The driver may not have seen what a worker wrote on another machine as it died.
            if (ended := ended_before(configuration)) is not None:
                return {"done": True, "end": brief(ended).model_dump_json()}
            self.execution = self.prepare(configuration)
            self.arm(self.execution)
        report: dict[str, Any] = {}
        while (metrics := self.execution.advance()) is not None:
            epochs_end = now()
            if not report:
                epochs_begin = epochs_end - metrics.seconds if is_new else began
            report = {"epoch": metrics.epoch, "loss": metrics[self.execution.task.objective]}
            if epochs_end - began > SECONDS_PER_REPORT:
                break
        spans: list[Reported] = [(START, began, epochs_begin - began)] if is_new else []
        spans.append((EPOCHS, epochs_begin, epochs_end - epochs_begin))
        if metrics is None:
            result = self.execution.result
            assert result is not None, "an execution ends with a result"
            spans.append((RECORD, epochs_end, now() - epochs_end))
            self.forget_trial()
            report |= {"done": True, "end": brief(result).model_dump_json()}
        return report | {"worker": f"worker {platform.node()} {os.getpid()}", "spans": spans}

    def arm(self, execution: "Execution") -> None:
        """Have this process ended with the trial's time, where that is limited."""
        limit = execution.settings.timeout
        if limit is not None:
            self.watchdog = Watchdog(execution.store.stack_path(execution.trial), limit)

    def prepare(self, configuration: dict[str, Any]) -> "Execution":
        """The execution of the trial that is due, with what the worker has loaded before."""
        from adaloss.execution import Execution, ExecutionSettings
        from adaloss.records.provenance import collect_provenance

        trial = trial_of(configuration)
        if self.has_run_own_code:
            raise WorkerUsedUpError("it has run code of the user's own, which may have changed it")
        self.has_run_own_code = trial.runs_own_code
        settings = ExecutionSettings(**configuration["execution"])
        if settings.device == "cuda":
            share_memory(configuration["share"]["gpu"])
        task = task_of(trial)
        code = self.codes.get(task.name) or self.codes.setdefault(task.name, task.load())
        self.provenance = self.provenance or collect_provenance(settings.device, settings.threads)
        return Execution(
            trial=trial,
            store=Store(Path(configuration["store"])),
            settings=settings,
            code=code,
            provenance=self.provenance,
        )


def brief(result: TrialResult) -> TrialResult:
    """The result without what is long: Tune keeps reports in memory."""
    failure = result.failure and result.failure.model_copy(update={"traceback": ""})
    return result.model_copy(update={"failure": failure, "provenance": None})


def broken(error: Exception) -> Failure:
    """What the driver is told of an error that is not the trial's own."""
    kind = FailureKind.WORKER_LOST if isinstance(error, OSError) else FailureKind.CODE
    return Failure(
        kind=kind,
        message=f"its worker cannot go on: {type(error).__name__}: {error}",
        traceback="".join(traceback.format_exception(error)),
    )


def ended_before(configuration: dict[str, Any]) -> TrialResult | None:
    """The result of the trial that is due, where it is on record already."""
    store = Store(Path(configuration["store"]))
    return store.read_result(trial_of(configuration))


def trial_of(configuration: dict[str, Any]) -> Trial:
    """The trial of a configuration."""
    return trial_from(json.loads(configuration["trial"]))


def share_memory(part: float) -> None:
    """Keep this process to its part of the GPU, so that it cannot take its neighbours' memory."""
    import torch

    # Where torch cannot use the GPU, the trial fails and says so.
    if torch.cuda.is_available():
        total = torch.cuda.get_device_properties("cuda").total_memory
        torch.cuda.set_per_process_memory_fraction(fraction_for_tensors(part, total))
