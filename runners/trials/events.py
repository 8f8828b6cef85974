"""The events of a running sweep, for an observer."""

from typing import Protocol

from adaloss.records.result import TrialState
from adaloss.trial import Trial


class SweepObserver(Protocol):
    """Receives each event on the driver's thread; its methods must return at once."""

    def trial_started(self, trial: Trial) -> None:
        """A worker has started the trial."""

    def epoch_ended(self, trial: Trial, epoch: int, loss: float | None) -> None:
        """The trial has recorded an epoch with this training loss; short epochs may be skipped."""

    def trial_ended(self, trial: Trial, state: TrialState, message: str) -> None:
        """The trial has a result; ``message`` has the reason if it is not complete.

        The reason of a failure begins with its kind.
        """

    def warned(self, message: str) -> None:
        """Something about the sweep is suspicious: one sentence, once for each such thing."""

    def told(self, message: str) -> None:
        """One sentence about the sweep that a user should know."""

    def starts_again(self, trial: Trial, reason: str, retry: str) -> None:
        """The trial failed for this reason, which begins with its kind; how and when it runs again.

        ``retry`` is the end of a sentence.
        """
