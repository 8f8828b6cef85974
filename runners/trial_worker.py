"""What a worker process does: it executes one trial after the other, a second at a time."""

import os
import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaloss.result import Provenance, TrialResult
from adaloss.store import Store
from adaloss.trial import Trial
from runners.timeline import EPOCHS, RECORD, START, Reported
from runners.trial_end import brief

if TYPE_CHECKING:
    from adaloss.execution import Execution, LoadSplits

# A worker reports this often: events of many short epochs would cost more than the epochs.
SECONDS_PER_REPORT = 1.0


class Worker:
    """Executes the trials that it is given; data and imports are kept in between.

    A trial's configuration has its ``trial``, the ``store``, its ``share`` of the machine and the
    settings of its ``execution``.
    """

    def __init__(self) -> None:
        self.execution: Execution | None = None
        self.load_splits: LoadSplits | None = None
        self.provenance: Provenance | None = None

    def forget_trial(self) -> None:
        """Make room for the next trial."""
        self.execution = None

    def step(self, configuration: dict[str, Any]) -> dict[str, Any]:
        """Run epochs for about a second, or until the trial has its result; returns the report.

        Among what it reports are the ``spans`` of the ``worker``'s time.
        """
        began = epochs_begin = epochs_end = time.time()
        is_new = self.execution is None
        if self.execution is None:
            # A worker that dies right after its trial's end has it started again.
            if (ended := ended_before(configuration)) is not None:
                return {"done": True, "end": brief(ended).model_dump_json()}
            self.execution = self.prepare(configuration)
        report: dict[str, Any] = {}
        while (metrics := self.execution.advance()) is not None:
            epochs_end = time.time()
            if not report:
                epochs_begin = epochs_end - metrics.seconds if is_new else began
            report = {"epoch": metrics.epoch, "loss": metrics.train_loss}
            if epochs_end - began > SECONDS_PER_REPORT:
                break
        spans: list[Reported] = [(START, began, epochs_begin - began)] if is_new else []
        spans.append((EPOCHS, epochs_begin, epochs_end - epochs_begin))
        if metrics is None:
            result = self.execution.result
            assert result is not None, "an execution ends with a result"
            spans.append((RECORD, epochs_end, time.time() - epochs_end))
            report |= {"done": True, "end": brief(result).model_dump_json()}
        return report | {"worker": f"worker {os.getpid()}", "spans": spans}

    def prepare(self, configuration: dict[str, Any]) -> "Execution":
        """The execution of the trial that is due, with what the worker has loaded before."""
        from adaloss.data import load_splits
        from adaloss.execution import Execution, ExecutionSettings
        from adaloss.provenance import collect_provenance

        settings = ExecutionSettings(**configuration["execution"])
        if settings.device == "cuda":
            share_memory(configuration["share"]["gpu"])
        self.load_splits = self.load_splits or lru_cache(maxsize=2)(load_splits)
        self.provenance = self.provenance or collect_provenance(settings.device, settings.threads)
        return Execution(
            trial=Trial.model_validate_json(configuration["trial"]),
            store=Store(Path(configuration["store"])),
            settings=settings,
            load_splits=self.load_splits,
            provenance=self.provenance,
        )


def ended_before(configuration: dict[str, Any]) -> TrialResult | None:
    """The result of the trial that is due, where it is on record already."""
    store = Store(Path(configuration["store"]))
    return store.read_result(Trial.model_validate_json(configuration["trial"]))


def share_memory(part: float) -> None:
    """Keep this process to its part of the GPU, so that it cannot take its neighbours' memory."""
    import torch

    # Where torch cannot use the GPU, the trial fails and says so.
    if torch.cuda.is_available():
        torch.cuda.set_per_process_memory_fraction(min(1.0, part))
