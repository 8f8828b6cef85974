"""A worker process: executes one trial after the other, a second at a time."""

import json
import os
import platform
import traceback
from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaloss.errors import GpuLostError, UserError
from adaloss.records.places import Places
from adaloss.records.result import Failure, FailureKind, Provenance, TrialResult
from adaloss.records.store import Store
from adaloss.tasks.program.errors import ProgramLostError
from adaloss.tasks.table import task_of, trial_from
from adaloss.time_limit import Watchdog
from adaloss.trial import Trial
from runners.trials.away import (
    MARK,
    RECORDS,
    AwayRecords,
    folder_of_run,
    lock_of_this_machine,
    remove_old_records,
    store_of,
)
from runners.trials.own_files import OWN, placed
from runners.trials.packing import fraction_for_tensors
from runners.trials.timeline import EPOCHS, RECORD, START, Reported, steady_clock

if TYPE_CHECKING:
    from adaloss.execution import Execution
    from adaloss.tasks.task import TaskCode

# The interval of reports: one per epoch would cost more than many short epochs. The reports of
# more workers than this would keep the driver busy, so each reports less often.
SECONDS_PER_REPORT = 1.0
WORKERS_AT_THIS_INTERVAL = 100
PLACES = "places"


class WorkerUsedUpError(OSError):
    """A worker received a trial after one that ran other code of the user's."""


class MachineLacksDataError(OSError):
    """A machine of the cluster has not got the data or weights of a trial."""


class Worker:
    """Executes trials one after the other; data and imports are kept in between.

    A configuration has the ``trial``, the ``store``, the trial's ``share`` of the machine, the
    number of ``places`` for trials and the settings of its ``execution``; on a cluster also the
    ``mark`` of the results, and the ``records`` of a trial that continues.
    """

    def __init__(self) -> None:
        self.execution: Execution | None = None
        self.watchdog: Watchdog | None = None
        self.away: AwayRecords | None = None
        self.codes: dict[str, TaskCode[Any]] = {}
        self.provenance: Provenance | None = None
        # Kinds of trials, whose data and weights are on this machine.
        self.fetched: set[Hashable] = set()
        self.kind = ""
        self.is_used_up = False

    def forget_trial(self) -> None:
        """Drop the current trial."""
        if self.execution is not None:
            self.execution.abandon()
        self.execution = self.away = None
        if self.watchdog is not None:
            self.watchdog.release()
            self.watchdog = None

    def step(self, configuration: dict[str, Any]) -> dict[str, Any]:
        """Run epochs for about a second, or until the trial has its result; return a report.

        A report has ``epoch`` and ``loss`` of the last epoch, ``end`` with the trial's result,
        ``broken`` with a failure if this worker cannot continue, and the ``spans`` of the
        ``worker``'s time. Where this machine does not see the results, ``files`` are what changed
        in the trial's folder, and ``kept`` says which files are too large for that.

        Raises:
            GpuLostError: every further trial would fail in this process, so it must end.
        """
        try:
            report = self.run_epochs(configuration)
            if self.away is not None:
                report |= self.away.report(ended="end" in report)
        except GpuLostError:
            raise
        except Exception as error:
            # The trial's own errors are its result; this is another one, such as a full disk.
            end_if_gpu_is_lost(error)
            report = {"done": True, "broken": broken(error).model_dump_json()}
        if report.get("done"):
            self.forget_trial()
        return report

    def run_epochs(self, configuration: dict[str, Any]) -> dict[str, Any]:
        """Run epochs for about a second; return the report."""
        now = steady_clock()
        began = epochs_begin = epochs_end = now()
        is_new = self.execution is None
        if self.execution is None:
            trial, store = trial_of(configuration), store_of(configuration)
            if store.root != Path(configuration["store"]):
                remove_old_records()
                self.away = AwayRecords(store, trial)
                self.away.begin(configuration.get(RECORDS) or ())
            # A worker on another machine may have died after it wrote the result.
            elif (ended := store.read_result(trial)) is not None:
                return {"done": True, "end": brief(ended).model_dump_json()}
            self.execution = self.prepare(configuration)
            self.arm(self.execution)
            if self.away is not None:
                # With this report the trial's time begins for the driver as well.
                return {}
        interval = SECONDS_PER_REPORT * max(
            1.0, configuration.get(PLACES, 1) / WORKERS_AT_THIS_INTERVAL
        )
        report: dict[str, Any] = {}
        while (metrics := self.execution.advance()) is not None:
            epochs_end = now()
            if not report:
                epochs_begin = epochs_end - metrics.seconds if is_new else began
            loss = metrics.values.get(self.execution.task.objective)
            report = {"epoch": metrics.epoch, "loss": loss}
            if epochs_end - began > interval:
                break
        spans: list[Reported] = [(START, began, epochs_begin - began)] if is_new else []
        spans.append((EPOCHS, epochs_begin, epochs_end - epochs_begin))
        if metrics is None:
            result = self.execution.result
            assert result is not None, "an execution ends with a result"
            spans.append((RECORD, epochs_end, now() - epochs_end))
            report |= {"done": True, "end": brief(result).model_dump_json()}
        return report | {"worker": f"worker {platform.node()} {os.getpid()}", "spans": spans}

    def arm(self, execution: "Execution") -> None:
        """Start the watchdog that ends this process at the trial's time limit, if there is one."""
        limit = execution.settings.timeout
        if limit is not None:
            self.watchdog = Watchdog(execution.store.stack_path(execution.trial), limit)

    def prepare(self, configuration: dict[str, Any]) -> "Execution":
        """The execution of the configured trial, with data that the worker has loaded before."""
        from adaloss.execution import Execution, ExecutionSettings
        from adaloss.records.provenance import collect_provenance

        trial = trial_of(configuration)
        if self.kind and (trial.worker_kind != self.kind or self.is_used_up):
            raise WorkerUsedUpError("it has run the user's own code, which may have changed it")
        self.kind = trial.worker_kind
        # The next trial of a function is one of the same function; a model's code is not.
        self.is_used_up = self.kind == trial.trial_id
        settings = ExecutionSettings(**configuration["execution"], replaceable=True)
        if MARK in configuration:
            places = self.places_here(trial, configuration)
            settings = replace(settings, places=places, claims=self.away is None)
        if settings.device == "cuda" and trial.trains_here:
            share_memory(configuration["share"]["gpu"])
        code = self.code_of(trial)
        self.provenance = self.provenance or collect_provenance(settings.device, settings.threads)
        return Execution(
            trial=trial,
            store=self.away.store if self.away else Store(Path(configuration["store"])),
            settings=settings,
            code=code,
            provenance=self.provenance,
        )

    def code_of(self, trial: Trial) -> "TaskCode[Any]":
        """The code of the trial's task, which is loaded once."""
        task = task_of(trial)
        return self.codes.get(task.name) or self.codes.setdefault(task.name, task.load())

    def places_here(self, trial: Trial, configuration: dict[str, Any]) -> Places:
        """The places on a machine of a cluster, with the trial's data and the user's code."""
        places = configuration["execution"]["places"]
        places = placed(configuration.get(OWN) or {}, places, folder_of_run(configuration[MARK]))
        kind = (trial.memory_kind, trial.starts_from)
        if trial.needs_files and kind not in self.fetched:
            try:
                with lock_of_this_machine():
                    self.code_of(trial).fetch([trial], places)
            except UserError as error:
                # Another machine may have it.
                raise MachineLacksDataError(f"{platform.node()}: {error}") from error
            self.fetched.add(kind)
        return places


def end_if_gpu_is_lost(error: Exception) -> None:
    """Raise a GpuLostError if the worker's error has cost it its GPU, or comes from that."""
    from adaloss.tasks.failures import gpu_is_lost, lost_gpu

    if gpu_is_lost():
        raise lost_gpu(f"{type(error).__name__}: {error}") from error


def brief(result: TrialResult) -> TrialResult:
    """The result without its long parts, because Tune keeps reports in memory."""
    failure = result.failure and result.failure.model_copy(update={"traceback": ""})
    return result.model_copy(update={"failure": failure, "provenance": None})


def broken(error: Exception) -> Failure:
    """The failure that reports an error of the worker to the driver."""
    from adaloss.tasks.failures import lacks_memory

    kind = FailureKind.WORKER_LOST if isinstance(error, OSError) else FailureKind.CODE
    kind = FailureKind.OUT_OF_MEMORY if lacks_memory(error) else kind
    message = f"its worker cannot continue: {type(error).__name__}: {error}"
    return Failure(
        kind=kind,
        message=str(error) if isinstance(error, ProgramLostError) else message,
        traceback="".join(traceback.format_exception(error)),
    )


def trial_of(configuration: dict[str, Any]) -> Trial:
    """The trial of a configuration."""
    return trial_from(json.loads(configuration["trial"]))


def share_memory(part: float) -> None:
    """Limit this process to its part of the GPU's memory."""
    import torch

    # If torch cannot use the GPU, the trial fails with that reason.
    if torch.cuda.is_available():
        total = torch.cuda.get_device_properties("cuda").total_memory
        torch.cuda.set_per_process_memory_fraction(fraction_for_tensors(part, total))
