"""What happens in a running sweep, for whoever watches it."""

from typing import Protocol

from adaloss.result import TrialState
from adaloss.trial import Trial


class SweepObserver(Protocol):
    """Told about each event on the driver's thread; must return at once."""

    def trial_started(self, trial: Trial) -> None:
        """A worker has taken the trial."""

    def epoch_ended(self, trial: Trial, epoch: int, loss: float) -> None:
        """The trial has recorded an epoch with this training loss; short ones may be skipped."""

    def trial_ended(self, trial: Trial, state: TrialState, message: str) -> None:
        """The trial has a result; ``message`` says why when it is not complete."""

    def out_of_memory(self, trial: Trial) -> None:
        """The trial ran out of memory; it starts again with a GPU, or the processors, alone."""

    def worker_lost(self, trial: Trial) -> None:
        """The trial's worker died; the trial goes on from its checkpoint on another."""
