"""Whether a run would mix its results with recorded ones of other code, data or threads."""

import os
from collections.abc import Iterator
from dataclasses import replace

from adaloss.records.result import Provenance, TrialResult, TrialState
from adaloss.records.store import ignore
from adaloss.tasks.fingerprints import own_of
from adaloss.trial import Trial
from runners.pages.own_changes import own_changes
from runners.planning import make_plan
from runners.preflight.finding import Finding, refused, warning
from runners.preflight.machine.gpus import may_use_gpus
from runners.preflight.planned import Planned
from runners.trials.machine import cpus_of_this_machine, cpus_per_trial


def mixed_results(planned: Planned) -> Iterator[Finding]:
    """Changes of the user's own code and data that the trials share with recorded results."""
    names = {own for trial in planned.trials for own in own_of(trial).items()}
    running = {trial.trial_id for trial in planned.trials}

    def shares(trial: Trial) -> bool:
        return trial.trial_id not in running and not names.isdisjoint(own_of(trial).items())

    others = [trial for trial in planned.sweep.trials if shares(trial)] if names else []
    if not others:
        return
    made = make_plan(planned.sweep.name, others, replace(planned.store, unreadable=ignore))
    for change in own_changes(made.trials, made.results, planned.sweep.places):
        if (change.field, change.name) not in names:
            continue
        if change.changed:
            yield refused(
                change.field,
                f"{next(change.lines())}, and the trials to run would be averaged or compared with "
                "results of other code or data",
                f"compute those again with `adaloss-sweep retry {planned.sweep.source} --changed`, "
                "undo the change, or give the new version another name",
            )
        elif change.unrecorded:
            yield warning(
                change.field,
                next(change.lines()),
                f"`adaloss-sweep retry {planned.sweep.source} --changed` computes them again",
            )


def other_threads(planned: Planned) -> Iterator[Finding]:
    """A warning if trials on processors would have other threads than recorded ones had.

    The first record with numbers stands for all, because reading many takes time.
    """
    if not planned.trials or may_use_gpus(planned.sweep.grid.resources.gpu):
        return
    running = {trial.trial_id for trial in planned.trials}
    store = replace(planned.store, unreadable=ignore)
    others = store.started(t for t in planned.sweep.trials if t.trial_id not in running)
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
