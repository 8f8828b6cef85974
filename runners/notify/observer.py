"""An observer of a sweep that passes the ends of trials on to the notifier as well."""

from dataclasses import dataclass

from adaloss.records.result import TrialState
from adaloss.trial import Trial
from runners.notify.notifier import Notifier
from runners.trials.events import SweepObserver


@dataclass(frozen=True)
class AndNotifier(SweepObserver):
    """Passes events on to an observer, and the ends of trials then to a notifier."""

    observer: SweepObserver
    notifier: Notifier

    def trial_started(self, trial: Trial) -> None:
        """A worker has started the trial."""
        self.observer.trial_started(trial)

    def epoch_ended(self, trial: Trial, epoch: int, loss: float | None) -> None:
        """The trial has recorded an epoch."""
        self.observer.epoch_ended(trial, epoch, loss)

    def trial_ended(self, trial: Trial, state: TrialState, message: str) -> None:
        """The trial has a result."""
        self.observer.trial_ended(trial, state, message)
        self.notifier.trial_ended(trial, state, message)

    def warned(self, message: str) -> None:
        """Something about the sweep is suspicious."""
        self.observer.warned(message)

    def told(self, message: str) -> None:
        """Something about the sweep that a user should know."""
        self.observer.told(message)

    def starts_again(self, trial: Trial, reason: str, retry: str) -> None:
        """The trial failed and is retried."""
        self.observer.starts_again(trial, reason, retry)
