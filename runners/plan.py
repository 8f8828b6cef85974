"""Which trials of a sweep are still to run, given the records, and what that will take."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean

from adaloss.result import TrialResult, TrialState
from adaloss.store import Store
from adaloss.trial import Trial


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
    are one.

    Raises:
        CorruptRecordError: a result on disk cannot be read.
    """
    distinct = {trial.trial_id: trial for trial in trials}
    results = {
        trial_id: result
        for trial_id, trial in distinct.items()
        if (result := store.read_result(trial)) is not None
    }
    return Plan(sweep=sweep, trials=tuple(distinct.values()), results=results)


def estimate_seconds(plan: Plan, workers: int) -> float | None:
    """The time that the missing trials will take on ``workers``, from complete ones like them.

    None while no trial of the sweep is complete. A trial costs its epochs times the mean cost of
    an epoch of the same data set, model and batch size, or of any where there is none.
    """
    by_kind: defaultdict[Hashable, list[float]] = defaultdict(list)
    for trial in plan.in_state(TrialState.COMPLETE):
        by_kind[kind(trial)].append(plan.results[trial.trial_id].seconds / trial.epochs)
    if not by_kind:
        return None
    per_epoch = {name: fmean(seconds) for name, seconds in by_kind.items()}
    anywhere = fmean(per_epoch.values())
    total = sum(trial.epochs * per_epoch.get(kind(trial), anywhere) for trial in plan.missing)
    return total / workers


def kind(trial: Trial) -> Hashable:
    """Trials of one kind take about the same time per epoch."""
    return trial.dataset, trial.model, trial.batch_size
