"""Whether a run would mix its results with recorded ones that were made otherwise."""

import os
from collections.abc import Iterator
from dataclasses import replace

from adaloss.records.result import Provenance, TrialResult, TrialState
from adaloss.records.store import ignore
from adaloss.tasks.fingerprints import own_of
from adaloss.tasks.program.fields import ProgramTrial
from adaloss.trial import Trial
from runners.pages.command_lines import command
from runners.pages.own_changes import own_changes
from runners.planning import make_plan
from runners.preflight.finding import Finding, refused, warning
from runners.preflight.machine.gpus import may_use_gpus
from runners.preflight.planned import Planned
from runners.trials.machine import cpus_of_this_machine, cpus_per_trial


def mixed_results(planned: Planned) -> Iterator[Finding]:
    """Changes of the user's own code and data that the trials share with recorded results."""
    names = {own for trial in planned.trials for own in own_of(trial).items()}

    def shares(trial: Trial) -> bool:
        stays = trial.trial_id not in planned.without_result
        return stays and not names.isdisjoint(own_of(trial).items())

    others = [trial for trial in planned.sweep.trials if shares(trial)] if names else []
    if not others:
        return
    again = f"{command('retry', planned.sweep, planned.store)} --changed"
    made = make_plan(planned.sweep.name, others, replace(planned.store, unreadable=ignore))
    for change in own_changes(made.trials, made.results, planned.sweep.places):
        if (change.field, change.name) not in names:
            continue
        if change.changed:
            yield refused(
                change.field,
                f"{next(change.lines())}, and the trials to run would be averaged or compared with "
                "results of other code or data",
                f"compute those again with `{again}`, undo the change, or give the new "
                "version another name",
            )
        elif change.unrecorded:
            yield warning(
                change.field,
                next(change.lines()),
                f"`{again}` computes them again",
            )


def other_threads(planned: Planned) -> Iterator[Finding]:
    """A warning if trials on processors would have other threads than recorded ones had.

    The first record with numbers stands for all, because reading many takes time.
    """
    if not planned.trials or may_use_gpus(planned.sweep.grid.resources.gpu):
        return
    store = replace(planned.store, unreadable=ignore)
    others = store.started(
        t for t in planned.sweep.trials if t.trial_id not in planned.without_result
    )
    provenances = filter(None, map(processors_provenance, map(store.read_result, others)))
    if (recorded := next(provenances, None)) is None:
        return
    now = cpus_per_trial(planned.sweep)
    if recorded.threads != now:
        possible = recorded.threads <= cpus_of_this_machine() or os.environ.get("RAY_ADDRESS")
        threads = f"{now} thread{'' if now == 1 else 's'}"
        yield warning(
            "threads",
            f"each of the trials to run would have {threads}, and results on record had "
            f"{recorded.threads}; the last digits of numbers may depend on that",
            f"write resources: {{cpu: {recorded.threads}}} to go on as before"
            if possible
            else "go on on a machine with as many processors, or compute all trials again here",
        )


def processors_provenance(result: TrialResult | None) -> Provenance | None:
    """What a result with numbers of a processor was made with, as far as that is on record."""
    if result is None or result.state is TrialState.FAILED or result.memory is not None:
        return None
    return result.provenance


def otherwise_made(planned: Planned) -> Iterator[Finding]:
    """Warnings if results of a program were made with another metric or interpreter.

    Neither is part of a trial's identity; its ``trial.json`` has those with which it began. The
    first record with numbers stands for all, because reading many takes time.
    """
    to_run = next((each for each in planned.trials if isinstance(each, ProgramTrial)), None)
    if to_run is None:
        return
    store = replace(planned.store, unreadable=ignore)
    others = store.started(
        t for t in planned.sweep.trials if t.trial_id not in planned.without_result
    )
    finished = (trial for trial in others if has_numbers(store.read_result(trial)))
    other = next(map(store.read_trial, finished), None)
    if not isinstance(other, ProgramTrial):
        return
    if other.metric != to_run.metric:
        yield warning(
            "metric",
            f"results on record diverged where {other.metric} was not finite, and the trials to "
            f"run would where {to_run.metric} is not, so a cell may have both",
            f"write metric: {{name: {other.metric}}} to go on as before, and metric: "
            f"{to_run.metric} in tables: to show that one",
        )
    if other.python != to_run.python:
        before, now = (each.python or "that of adaloss-sweep" for each in (other, to_run))
        yield warning(
            "interpreter",
            f"results on record were computed by another interpreter ({before}) than the trials "
            f"to run would be ({now}), and its packages may be others",
            f"write python: {other.python} to go on as before"
            if other.python
            else "leave out python: to go on as before",
        )


def has_numbers(result: TrialResult | None) -> bool:
    """Whether a table shows something of this result."""
    return result is not None and result.state is not TrialState.FAILED
