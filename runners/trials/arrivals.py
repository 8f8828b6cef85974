"""Writes the records that arrive with the reports of workers on other machines."""

import time
from dataclasses import dataclass, field
from typing import Any

from adaloss.records.result import Failure, FailureKind
from adaloss.records.store import Store
from adaloss.trial import Trial
from runners.trials.away import FILES, write_parts


@dataclass(frozen=True)
class Arrivals:
    """The records that arrive in ``store``.

    ``began`` says when the first came, ``failures`` which could not be written.
    """

    store: Store
    began: dict[str, float] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)

    def trial_starts(self, trial: Trial) -> None:
        """Its worker sends everything from the beginning."""
        self.began.pop(trial.trial_id, None)
        self.failures.pop(trial.trial_id, None)

    def seconds_of(self, trial: Trial) -> float:
        """How long its worker has had the trial; 0 if its records do not come with reports."""
        now = time.monotonic()
        return now - self.began.get(trial.trial_id, now)

    def write(self, trial: Trial, report: dict[str, Any]) -> None:
        """Write the files of a report and take them out of it.

        After a failure nothing of the trial is written until it starts again.
        """
        parts = report.pop(FILES, None)
        if parts is None or trial.trial_id in self.failures:
            return
        try:
            if trial.trial_id not in self.began:
                self.began[trial.trial_id] = time.monotonic()
                # A worker that sees the folder may have had the trial before, and run on or died
                # while it wrote a file: its claim and its partial files go.
                self.store.clear_temporary(trial)
            write_parts(self.store.trial_folder(trial), parts)
        except OSError as error:
            message = f"its records arrived and cannot be written: {error}"
            failure = Failure(kind=FailureKind.WORKER_LOST, message=message)
            self.failures[trial.trial_id] = failure
