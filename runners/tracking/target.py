"""The interface of a place that the records are mirrored to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from adaloss.records.result import EpochMetrics, TrialState
from runners.tracking.labels import Labels


class TargetError(Exception):
    """The place does not accept a run now, but may later; the message says why."""


class OpenRun(Protocol):
    """A trial's run while it is written."""

    @property
    def next_epoch(self) -> int:
        """The first epoch that the place does not have."""

    @property
    def folder(self) -> Path | None:
        """The run's folder on this disk, or None."""

    @property
    def url(self) -> str | None:
        """The run's page, or None."""

    def log(self, metrics: EpochMetrics) -> None:
        """Write one epoch, which has not been written before."""

    def finish(
        self, state: TrialState, summary: Mapping[str, Any], config: Mapping[str, Any], log: Path
    ) -> None:
        """Write how the trial ended, and return when the place has the whole run.

        ``log`` is the file with the trial's own output, which may not exist.

        Raises:
            TargetError: a part of the run is missing there.
        """


class Target(Protocol):
    """A place where every trial has a run."""

    @property
    def name(self) -> str:
        """Its name in the ledger."""

    @property
    def at_once(self) -> int:
        """How many trials may be written at the same time."""

    def where(self, labels: Labels) -> str:
        """Where the run is written, in words; runs in two places are different runs."""

    def open(self, labels: Labels, config: Mapping[str, Any]) -> OpenRun:
        """Begin the trial's run, or continue it.

        Raises:
            TargetError: the place cannot be reached, or refuses the run.
        """

    def put_files(
        self, labels: Labels, files: Mapping[str, Path], numbers: Mapping[str, Any]
    ) -> None:
        """Write the sweep's own run: its files by name, and its numbers.

        Raises:
            TargetError: the place cannot be reached, or refuses the run.
        """


def one_line(error: BaseException) -> str:
    """The error's message on one line."""
    lines = str(error).strip().splitlines()
    return " ".join(line.strip() for line in lines[:2]) if lines else type(error).__name__
