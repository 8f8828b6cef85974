"""A sweep that is about to start: the input of the checks."""

from dataclasses import dataclass
from pathlib import Path

from adaloss.grid.schema.schema import WandbMode
from adaloss.grid.sweep import Sweep
from adaloss.records.store import Store
from adaloss.tasks.images.fields import ImageTrial
from adaloss.trial import Trial
from runners.trials.machine import MachineError, workers


@dataclass(frozen=True, kw_only=True)
class Planned:
    """The trials that are to run, and where and how they are recorded."""

    sweep: Sweep
    trials: tuple[Trial, ...]
    store: Store
    mode: WandbMode

    @property
    def workers(self) -> int:
        """Trials at a time; 1 if not even one fits, which another check reports."""
        try:
            return min(workers(self.sweep), max(1, len(self.trials)))
        except MachineError:
            return 1

    @property
    def longest_folder(self) -> Path:
        """The trials' folder with the longest path."""
        if not self.trials:
            return self.store.trials_folder
        longest = max(self.trials, key=lambda trial: len(trial.readable_name))
        return self.store.trial_folder(longest)

    @property
    def image_trials(self) -> tuple[ImageTrial, ...]:
        """The trials that train on images."""
        return tuple(trial for trial in self.trials if isinstance(trial, ImageTrial))

    @property
    def datasets(self) -> tuple[str, ...]:
        """The sets of images, each once."""
        return tuple(dict.fromkeys(trial.dataset for trial in self.image_trials))

    @property
    def starts(self) -> tuple[tuple[str, bool | str], ...]:
        """Each model with its ``pretrained`` value, once."""
        return tuple(dict.fromkeys((trial.model, trial.pretrained) for trial in self.image_trials))
