"""Which trials of a sweep have no result yet, and how long they will take."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean

from adaloss.records.result import TrialResult, TrialState
from adaloss.records.store import Store
from adaloss.trial import Trial

Kind = tuple[Hashable, ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The distinct trials of a sweep in the order of execution, and the recorded results.

    ``replaced`` are recorded results of trials that count as missing, because they run again.
    """

    sweep: str
    trials: tuple[Trial, ...]
    results: Mapping[str, TrialResult]
    replaced: Mapping[str, TrialResult] = field(default_factory=dict)

    @cached_property
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
        """Whether some results were computed on a GPU."""
        return any(result.memory is not None for result in self.results.values())

    def states(self) -> dict[str, str]:
        """The state of every trial by its id, in the order of execution."""
        found = {trial_id: result.state.value for trial_id, result in self.results.items()}
        return {trial.trial_id: found.get(trial.trial_id, "missing") for trial in self.trials}

    @property
    def done_so_far(self) -> str:
        """How many trials have a result, by state."""
        counts = self.by_state
        states = ", ".join(
            f"{counts[state]} {state}" for state in ("complete", "diverged", "failed")
        )
        return f"{len(self.results)} of {len(self.trials)} trials are done ({states})"

    @cached_property
    def by_state(self) -> Counter[str]:
        """How many trials are in each state."""
        found = Counter(result.state.value for result in self.results.values())
        found["missing"] = len(self.missing)
        return found

    def counts(self) -> dict[str, str | int]:
        """The object for ``--json``: the sweep's name, and its cells and trials by state."""
        return {
            "sweep": self.sweep,
            "cells": len(one_per_cell(self.trials)),
            "trials": len(self.trials),
            **{
                state: self.by_state[state]
                for state in ("complete", "diverged", "failed", "missing")
            },
        }


def make_plan(sweep: str, trials: Iterable[Trial], store: Store) -> Plan:
    """Look up the trials in the records.

    Trials with equal identity are one: for example, trials of an optimizer that ignores the field
    in which they differ. An unreadable result is reported to ``store.unreadable`` and counts as
    missing.
    """
    distinct = {trial.trial_id: trial for trial in trials}
    results = {
        trial.trial_id: result
        for trial in store.started(distinct.values())
        if (result := store.read_result(trial)) is not None
    }
    return Plan(sweep=sweep, trials=tuple(distinct.values()), results=results)


def one_per_cell(trials: Iterable[Trial]) -> list[Trial]:
    """The first trial of each cell: what does not depend on the seed needs no other."""
    found: dict[tuple[str, str], Trial] = {}
    for trial in trials:
        found.setdefault(trial.cell, trial)
    return list(found.values())


def seconds_per_epoch(plan: Plan) -> dict[Kind, float]:
    """The mean time of an epoch of each kind of trial, from complete trials."""
    by_kind: defaultdict[Kind, list[float]] = defaultdict(list)
    results = {**plan.replaced, **plan.results}
    for trial in plan.trials:
        result = results.get(trial.trial_id)
        if result is not None and result.state is TrialState.COMPLETE:
            by_kind[kind(trial)].append(result.seconds / length(trial))
    return {name: fmean(seconds) for name, seconds in by_kind.items()}


def trial_seconds(trials: Iterable[Trial], per_epoch: Mapping[Kind, float]) -> float | None:
    """The estimated total time of the trials in seconds, None if nothing has been measured."""
    return sum(seconds_of_each(trials, per_epoch)) if per_epoch else None


def seconds_together(
    trials: Sequence[Trial], per_epoch: Mapping[Kind, float], at_a_time: int
) -> float | None:
    """The estimated time of the trials with so many at a time, None if nothing was measured."""
    if not per_epoch:
        return None
    each = seconds_of_each(trials, per_epoch)
    return max(sum(each) / at_a_time, *each, 0.0)


def seconds_of_each(trials: Iterable[Trial], per_epoch: Mapping[Kind, float]) -> list[float]:
    """The estimated time of each trial.

    A kind of trial that was not measured is assumed to need the mean of the measured kinds.
    """
    anywhere = fmean(per_epoch.values())
    return [length(trial) * per_epoch.get(kind(trial), anywhere) for trial in trials]


def length(trial: Trial) -> int:
    """The epochs of a trial; one that finds out itself when it ends counts as a whole."""
    return trial.last_epoch or 1


def kind(trial: Trial) -> Kind:
    """The fields that determine the time per epoch."""
    return tuple(value for name, value in trial.values.items() if name not in trial.SAME_TIME)
