"""The plan of a sweep: its trials by state, and what the missing ones need."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adaloss.errors import UserError
from adaloss.grid.mistakes.wording import as_written
from adaloss.grid.sweep import Sweep
from adaloss.records.store import Store, ignore
from adaloss.trial import Trial
from runners.api.opening import Say
from runners.api.selection import select
from runners.calibrate import Measured
from runners.planning import Kind, Plan, make_plan

Only = Mapping[str, Any] | Sequence[str] | None
"""The values to select trials by: a dict, or items such as ``b0=1,optimizer=adaloss``."""


@dataclass(frozen=True, kw_only=True)
class SweepPlan:
    """What a run of a sweep would do and need. ``print`` shows it as ``adaloss-sweep plan`` does.

    ``counts`` are the cells and the trials by state, and ``record`` is the object of
    ``plan --json``.
    """

    counts: Mapping[str, str | int]
    record: Mapping[str, Any]
    notes: tuple[str, ...]
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join((*(f"note: {note}" for note in self.notes), *self.lines))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """The plan in a notebook."""
        from analysis.render.html_text import escaped

        return f"<pre>{escaped(str(self))}</pre>"


def plan_sweep(sweep: Sweep, store: Store, only: Only = None, *, calibrate: bool) -> SweepPlan:
    """Plan the trials that ``only`` selects; ``calibrate`` times a few steps of each model.

    Raises:
        UserError: ``only`` names no trial, or data cannot be downloaded for the timing.
    """
    from runners.calibrate import device_here, measure
    from runners.pages.grid_notes import grid_notes
    from runners.pages.own_changes import own_changes
    from runners.pages.plan import one_of_each_kind, plan_lines, plan_record
    from runners.preflight.finding import Level, with_level
    from runners.preflight.inputs.programs import programs
    from runners.preflight.planned import Planned
    from runners.prepare import prepare
    from runners.trials.machine import cpus_per_trial

    made = plan_of(sweep, sweep.trials, only, store)
    planned = Planned(sweep=sweep, trials=made.missing, store=store, mode="disabled")
    absent = with_level(tuple(programs(planned)), Level.REFUSED)
    changes = own_changes(made.trials, made.results, sweep.places)
    notes = (
        *grid_notes(sweep, made, store),
        *(finding.sentence for finding in absent),
        *(line for change in changes for line in change.lines()),
    )
    measured: Mapping[Kind, Measured] = {}
    device = "cuda" if made.ran_on_gpus else "cpu"
    if calibrate and made.missing:
        device = "cpu" if sweep.grid.resources.gpu == 0 else device_here()
        examples = one_of_each_kind(made.missing)
        prepare(examples, sweep.places)
        threads, capture = cpus_per_trial(sweep), sweep.grid.execution.capture
        measured = measure(examples, sweep.places, device, threads, capture)
    return SweepPlan(
        counts=made.counts(),
        record=plan_record(sweep, made, measured) | {"notes": notes},
        notes=notes,
        lines=tuple(plan_lines(sweep, made, measured, device)),
    )


def plan_of(sweep: Sweep, trials: tuple[Trial, ...], only: Only, store: Store) -> Plan:
    """The plan of the trials that ``only`` selects."""
    return make_plan(sweep.name, select(trials, items(only)), store)


def items(only: Only, option: str = "--only") -> Sequence[str]:
    """The selection as items of ``--only``.

    Raises:
        UserError: a field has an empty list of values, which no trial has.
    """
    if not isinstance(only, Mapping):
        return [only] if isinstance(only, str) else only or ()
    found: list[str] = []
    for name, declared in only.items():
        values = plain(declared)
        is_one = isinstance(values, str | Mapping) or not isinstance(values, Iterable)
        each = [values] if is_one else list(values)
        if not each:
            raise UserError(f"{option}: {name} has no values: name some, or leave {name} out")
        found += [f"{name}={as_written(plain(value))}" for value in each]
    return found


def plain(value: Any) -> Any:
    """A value, or several, of NumPy or pandas as those of Python."""
    return value.tolist() if hasattr(value, "tolist") else value


def plan_to_run(
    sweep: Sweep,
    trials: tuple[Trial, ...],
    only: Only,
    store: Store,
    say: Say,
    again: Sequence[Trial] = (),
) -> Plan:
    """Like :func:`plan_of`, before a run: unreadable records are set aside and reported.

    The trials that run ``again`` count as missing.
    """
    from adaloss.records.quarantine import set_unreadable_aside
    from runners.pages.unreadable import announce

    made = plan_of(sweep, trials, only, replace(store, unreadable=ignore))
    announce(set_unreadable_aside(made.missing, store), say)
    replaced = {trial.trial_id for trial in again}
    kept = {key: result for key, result in made.results.items() if key not in replaced}
    others = {key: result for key, result in made.results.items() if key in replaced}
    return replace(made, results=kept, replaced=others)
