"""The interface of a target, to which the records are mirrored."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from adaloss.records.result import EpochMetrics, TrialState
from runners.tracking.labels import Labels


class TargetError(Exception):
    """The target does not accept a run at the moment; the message has the reason."""


class OpenRun(Protocol):
    """A trial's run that is being written."""

    @property
    def next_epoch(self) -> int:
        """The first epoch that the target does not have."""

    @property
    def folder(self) -> Path | None:
        """The run's folder on this disk; None if it has no folder."""

    @property
    def url(self) -> str | None:
        """The address of the run's page; None if it has no page."""

    def log(self, metrics: EpochMetrics) -> None:
        """Write an epoch that has not been written yet."""

    def finish(
        self, state: TrialState, summary: Mapping[str, Any], config: Mapping[str, Any], log: Path
    ) -> None:
        """Write the end of the trial, and wait until the target has the complete run.

        ``log`` is the file with the trial's output; it may be missing.

        Raises:
            TargetError: the target does not have the complete run.
        """


class Target(Protocol):
    """A service or folder that has a run for each trial."""

    @property
    def name(self) -> str:
        """The target's name in the ledger."""

    @property
    def at_once(self) -> int:
        """The number of runs that may be written at the same time."""

    def where(self, labels: Labels) -> str:
        """Where the run is written, in words; a different text means a different run."""

    def open(self, labels: Labels, config: Mapping[str, Any]) -> OpenRun:
        """Create the trial's run, or continue it.

        Raises:
            TargetError: the target cannot be reached, or refuses the run.
        """

    def put_files(
        self, labels: Labels, files: Mapping[str, Path], numbers: Mapping[str, Any], figure: str
    ) -> None:
        """Write the run of the sweep: its files by name, and its numbers.

        ``figure`` is the name of the figure that is shown for the sweep.

        Raises:
            TargetError: the target cannot be reached, or refuses the run.
        """


def one_line(error: BaseException) -> str:
    """The error's message on one line."""
    lines = str(error).strip().splitlines()
    return " ".join(line.strip() for line in lines[:2]) if lines else type(error).__name__
