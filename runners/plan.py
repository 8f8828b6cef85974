"""Which trials of a sweep are still to run, given the records, and what that will take."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean

from adaloss.records.result import TrialResult, TrialState
from adaloss.records.store import Store
from adaloss.trial import Trial

Kind = tuple[Hashable, ...]

# What may differ between trials that take the same time per epoch.
SAME_TIME = frozenset(
    {"optimizer", "seed", "lr", "epochs", "b0", "alpha", "c", "momentum", "weight_decay"}
    | {"pretrained", "split_seed", "normalize", "mean", "std", "max_loss"}
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The distinct trials of a sweep in the order to run them, and the results there are."""

    sweep: str
    trials: tuple[Trial, ...]
    results: Mapping[str, TrialResult]

    @property
    def missing(self) -> tuple[Trial, ...]:
        """The trials without a result."""
        return tuple(trial for trial in self.trials if trial.trial_id not in self.results)

    def in_state(self, state: TrialState) -> tuple[Trial, ...]:
        """The trials that ended in this state."""
        return tuple(
            trial
            for trial in self.trials
            if trial.trial_id in self.results and self.results[trial.trial_id].state is state
        )

    @property
    def ran_on_gpus(self) -> bool:
        """Whether there are results that were computed on a GPU."""
        return any(result.memory is not None for result in self.results.values())

    def states(self) -> dict[str, str]:
        """The state of every trial by its id, in the order to run them."""
        found = {trial_id: result.state.value for trial_id, result in self.results.items()}
        return {trial.trial_id: found.get(trial.trial_id, "missing") for trial in self.trials}

    def counts(self) -> dict[str, str | int]:
        """What ``--json`` prints: the sweep's name and its cells and trials by state."""
        return {
            "sweep": self.sweep,
            "cells": len({trial.cell for trial in self.trials}),
            "trials": len(self.trials),
            "complete": len(self.in_state(TrialState.COMPLETE)),
            "diverged": len(self.in_state(TrialState.DIVERGED)),
            "failed": len(self.in_state(TrialState.FAILED)),
            "missing": len(self.missing),
        }


def make_plan(sweep: str, trials: Iterable[Trial], store: Store) -> Plan:
    """Hold the trials against the records.

    Trials with equal identity, such as an optimizer's that ignores the field in which they differ,
    are one. A result that cannot be read is told to ``store.unreadable`` and counts as missing.
    """
    distinct = {trial.trial_id: trial for trial in trials}
    results = {
        trial_id: result
        for trial_id, trial in distinct.items()
        if (result := store.read_result(trial)) is not None
    }
    return Plan(sweep=sweep, trials=tuple(distinct.values()), results=results)


def seconds_per_epoch(plan: Plan) -> dict[Kind, float]:
    """The mean time of an epoch of each kind of trial, from those that are complete."""
    by_kind: defaultdict[Kind, list[float]] = defaultdict(list)
    for trial in plan.in_state(TrialState.COMPLETE):
        by_kind[kind(trial)].append(plan.results[trial.trial_id].seconds / trial.epochs)
    return {name: fmean(seconds) for name, seconds in by_kind.items()}


def trial_seconds(trials: Iterable[Trial], per_epoch: Mapping[Kind, float]) -> float | None:
    """The sum of the times that the trials will take, None where nothing has been measured.

    A kind of trial that was not measured is taken to need the mean of those that were.
    """
    if not per_epoch:
        return None
    anywhere = fmean(per_epoch.values())
    return sum(trial.epochs * per_epoch.get(kind(trial), anywhere) for trial in trials)


def kind(trial: Trial) -> Kind:
    """Trials of one kind take about the same time per epoch: they differ in other fields."""
    return tuple(value for name, value in trial.values.items() if name not in SAME_TIME)
