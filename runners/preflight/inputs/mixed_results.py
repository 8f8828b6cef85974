"""Whether a run would mix results of changed code or data with existing results."""

from collections.abc import Iterator
from dataclasses import replace

from adaloss.records.store import ignore
from adaloss.tasks.fingerprints import own_of
from adaloss.trial import Trial
from runners.pages.own_changes import own_changes
from runners.planning import make_plan
from runners.preflight.finding import Finding, refused, warning
from runners.preflight.planned import Planned


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
