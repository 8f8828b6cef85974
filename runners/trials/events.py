"""What happens in a running sweep, for whoever watches it."""

from typing import Protocol

from adaloss.records.result import TrialState
from adaloss.trial import Trial


class SweepObserver(Protocol):
    """Told about each event on the driver's thread; must return at once."""

    def trial_started(self, trial: Trial) -> None:
        """A worker has taken the trial."""

    def epoch_ended(self, trial: Trial, epoch: int, loss: float) -> None:
        """The trial has recorded an epoch with this training loss; short ones may be skipped."""

    def trial_ended(self, trial: Trial, state: TrialState, message: str) -> None:
        """The trial has a result; ``message`` says why when it is not complete."""

    def starts_again(self, trial: Trial, message: str) -> None:
        """The trial failed, but not for good: ``message`` says of what, and what it does now."""
