"""Before a run: the lock on the results, and results of other code or data."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from adaloss.errors import UserError
from adaloss.grid.sweep import Sweep
from adaloss.records.result import TrialState
from adaloss.records.store import Store
from adaloss.trial import Trial
from runners.api.opening import Say
from runners.api.plans import Only, plan_of
from runners.interrupt import sigterm_as_interrupt
from runners.on_ray.processes import end_left_behind
from runners.pages.own_changes import own_changes
from runners.planning import Plan
from runners.preflight.checks import refuse
from runners.preflight.inputs.mixed_results import mixed_results
from runners.preflight.planned import Planned
from runners.preflight.run_lock import only_run
from runners.storage.uploading import kept_at_home


@contextmanager
def locked(sweep: Sweep, store: Store, say: Say) -> Iterator[None]:
    """Lock the results for this run; SIGTERM stops it like Ctrl-C."""
    # Refuse a URL as data.root before a folder is created.
    _ = sweep.places
    with sigterm_as_interrupt(), only_run(store):
        # Workers of a run that was killed, which would go on writing.
        end_left_behind(store.root)
        with kept_at_home(store, say):
            yield


def to_repeat(
    sweep: Sweep, only: Only, store: Store, *, failed: bool, diverged: bool, changed: bool
) -> tuple[Trial, ...]:
    """The trials of these kinds, the failed ones if none is asked for.

    Raises:
        UserError: there is no such trial.
    """
    states = [TrialState.DIVERGED] if diverged else []
    states += [TrialState.FAILED] if failed or not (diverged or changed) else []
    before = plan_of(sweep, sweep.trials, only, store)
    found = [trial for state in states for trial in before.in_state(state)]
    if changed:
        found += [trial for trial in changed_trials(before, sweep) if trial not in found]
    if not found:
        kinds = " or ".join((*states, *(["changed"] if changed else [])))
        raise UserError(f"no trial of {sweep.name} is {kinds}: nothing to run again")
    return tuple(found)


@contextmanager
def set_aside(trials: Sequence[Trial], store: Store) -> Iterator[list[tuple[Trial, Path]]]:
    """Set aside the records of trials that run again in the block; gives where they are now.

    They are put back if the block fails before their trials begin, for example because Ray does not
    start. If it is stopped and some have begun, the others wait for the next run.
    """
    moved: list[tuple[Trial, Path]] = []
    try:
        for trial in trials:
            moved.append((trial, store.set_aside(trial)))
        yield moved
    except BaseException as error:
        if isinstance(error, Exception) or not any(store.has_begun(trial) for trial, _ in moved):
            for trial, attempt in moved:
                store.put_back(trial, attempt)
            moved.clear()
        raise


def changed_trials(made: Plan, sweep: Sweep) -> tuple[Trial, ...]:
    """The trials whose results were or may have been computed with other code or data."""
    changes = own_changes(made.trials, made.results, sweep.places)
    return tuple(
        {
            trial.trial_id: trial
            for change in changes
            for trial in (*change.changed, *change.unrecorded)
        }.values()
    )


def refuse_mixing(sweep: Sweep, trials: Sequence[Trial], store: Store) -> None:
    """Refuse to mix new results with results of other code or data.

    Raises:
        PreflightError: there are such results.
    """
    planned = Planned(sweep=sweep, trials=tuple(trials), store=store, mode="disabled")
    refuse(planned, tuple(mixed_results(planned)))


def smoke_store(store: Store) -> Store:
    """The store of a smoke run, beside that of the sweep."""
    return replace(store, root=store.root.parent / "smoke" / store.root.name)
