"""A sweep that is about to start: the input of the checks."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from adaloss.grid.schema.schema import WandbMode
from adaloss.grid.sweep import Sweep
from adaloss.records.store import Store
from adaloss.tasks.table import common_task
from adaloss.tasks.task import Task
from adaloss.trial import Trial
from runners.trials.machine import MachineError, workers


@dataclass(frozen=True, kw_only=True)
class Planned:
    """The trials that are to run, and where and how they are recorded.

    ``missing`` are all that lack a result, or whose result is to be replaced by this run or, beyond
    ``run_cap``, a later one.
    """

    sweep: Sweep
    trials: tuple[Trial, ...]
    store: Store
    mode: WandbMode
    missing: tuple[Trial, ...] = ()

    @cached_property
    def without_result(self) -> frozenset[str]:
        """The ids of the trials whose results, if there are any, will be replaced."""
        return frozenset(trial.trial_id for trial in (*self.trials, *self.missing))

    @cached_property
    def declared(self) -> tuple[Trial, ...]:
        """The trials as the grid declares them; those of a smoke run are smaller, and not these."""
        ids = {trial.trial_id for trial in self.sweep.trials}
        return tuple(trial for trial in self.trials if trial.trial_id in ids)

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
    def task(self) -> Task:
        """The task of the trials."""
        return common_task(self.trials)

    @property
    def datasets(self) -> tuple[str, ...]:
        """The data sets of the trials, each once."""
        named = (trial.values.get("dataset") for trial in self.trials)
        return tuple(dict.fromkeys(name for name in named if name is not None))

    @property
    def starts(self) -> tuple[tuple[str, bool | str], ...]:
        """Each model with its ``pretrained`` value, once."""
        starts = dict.fromkeys(trial.starts_from for trial in self.trials)
        return tuple(start for start in starts if start is not None)
