"""What a mirror of the records asks of the place that it writes to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from adaloss.records.result import EpochMetrics, TrialState
from runners.tracking.labels import Labels


class TargetError(Exception):
    """The place does not take what it is given now; the message says why. Later it may."""


class OpenRun(Protocol):
    """A trial's run that is being written."""

    @property
    def next_epoch(self) -> int:
        """The first epoch that the place does not have."""

    @property
    def folder(self) -> Path | None:
        """Where the run lies on this disk; None where it does not."""

    @property
    def url(self) -> str | None:
        """Where to look at it, if anywhere."""

    def log(self, metrics: EpochMetrics) -> None:
        """Give one epoch, not to be given again."""

    def finish(
        self, state: TrialState, summary: Mapping[str, Any], config: Mapping[str, Any], log: Path
    ) -> None:
        """Say how the trial ended and return when the place has it all.

        ``log`` is the file with the trial's own output, which may not exist.

        Raises:
            TargetError: it does not have it all.
        """


class Target(Protocol):
    """A place where every trial has a run."""

    @property
    def name(self) -> str:
        """What the ledger calls it."""

    @property
    def at_once(self) -> int:
        """How many trials may be brought up to date at a time: waiting can be done side by side."""

    def where(self, labels: Labels) -> str:
        """The place of a run in words: a run there is another than one elsewhere."""

    def open(self, labels: Labels, config: Mapping[str, Any]) -> OpenRun:
        """Begin the trial's run, or go on with it.

        Raises:
            TargetError: the place cannot be reached, or refuses.
        """

    def put_files(
        self, labels: Labels, files: Mapping[str, Path], numbers: Mapping[str, Any]
    ) -> None:
        """Write the sweep's own run: its files, each below its name, and its numbers.

        Raises:
            TargetError: the place cannot be reached, or refuses.
        """


def one_line(error: BaseException) -> str:
    """What went wrong, on one line."""
    lines = str(error).strip().splitlines()
    return " ".join(line.strip() for line in lines[:2]) if lines else type(error).__name__
