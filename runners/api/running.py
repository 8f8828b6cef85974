"""Run the missing trials of a sweep and compile its results: for the command and for Python."""

import functools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from adaloss.grid.schema.schema import WandbMode
from adaloss.grid.sweep import Sweep
from adaloss.grid.tables.spec import TableSpec
from adaloss.records.provenance import code_version
from adaloss.records.store import Store
from adaloss.trial import Trial
from analysis.figures.writing.processes import start_early
from analysis.outputs import Outcome, save_everything
from analysis.results import read_results, tables_of
from runners.api.before_run import set_aside
from runners.api.plans import Only, plan_of, plan_to_run
from runners.launch import get_ready, launch
from runners.pages.command_lines import command
from runners.pages.grid_notes import grid_notes
from runners.pages.safe_console import SafeConsole
from runners.planning import Plan
from runners.preflight.planned import Planned
from runners.tracking.mode import ModeError, mirror_mode
from runners.tracking.sync import Mirroring
from runners.trials.timeline import Timeline

# What to do after a stop before the records of trials to run again were set aside.
NOT_BEGUN = "No trial was started: do the same again"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked of a run: the options of the command.

    ``again`` are trials to run although they have results. A ``smoke`` run is not mirrored to W&B.
    ``notify`` is a command to run at the events of the sweep. ``draw`` False leaves the figures to
    a later command.
    """

    only: Only = None
    limit: int | None = None
    again: tuple[Trial, ...] = ()
    smoke: bool = False
    wandb: str | None = None
    notify: str | None = None
    profile: bool = False
    draw: bool = True
    yes: bool = False
    quiet: bool = False


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a run did: the plans before and after it, and what was compiled.

    ``outcome`` is None if the compilation was interrupted. ``cut_short``: the run ended before
    trials that it was to run, because Ray was lost or a machine took none.
    """

    before: Plan
    after: Plan
    outcome: Outcome | None
    cut_short: bool = False

    @property
    def ended_now(self) -> int:
        """The number of trials that ended in this run."""
        return len(self.before.missing) - len(self.after.missing)

    @property
    def compiled(self) -> Outcome:
        """The outcome of a run that was not stopped."""
        assert self.outcome is not None
        return self.outcome

    @property
    def end(self) -> Literal["complete", "incomplete", "failed"]:
        """How the run ended: all is there, something is missing, or trials failed."""
        counts = self.after.counts()
        if counts["failed"]:
            return "failed"
        return "incomplete" if counts["missing"] or self.compiled.unwritten else "complete"


class SweepInterruptedError(KeyboardInterrupt):
    """Ctrl-C or SIGTERM ended the sweep in order; its records are complete up to then."""

    def __init__(self, message: str, ran: Ran) -> None:
        super().__init__(message)
        self.ran = ran

    def _render_traceback_(self) -> list[str]:
        """What a notebook prints: the message without a traceback."""
        return [f"KeyboardInterrupt: {self}"]


def run_and_compile(
    sweep: Sweep,
    trials: tuple[Trial, ...],
    store: Store,
    request: Request,
    console: SafeConsole,
    continue_with: Callable[[], str],
) -> Ran:
    """Run the missing trials and compile the results; the caller holds the lock.

    ``continue_with`` says how a run that was stopped continues.

    Raises:
        SweepInterruptedError: Ctrl-C or SIGTERM; the results so far are compiled.
        UserError: the sweep cannot start; nothing has run.
    """
    say = console.say
    timeline = Timeline(store.root / "profile.json" if request.profile else None)
    before = plan_to_run(sweep, trials, request.only, store, say, request.again)
    mode = mode_of(sweep, request)
    specs = specs_for(sweep, trials)
    # Report tables that cannot be compiled before anything runs.
    tables_of(read_results(sweep, trials, store, specs))

    def compile_results() -> Outcome:
        results = read_results(sweep, trials, store, specs)
        return save_everything(results, code_version(), draw=request.draw)

    def plan_now() -> Plan:
        return plan_of(sweep, trials, request.only, store)

    # What has failed once would only fail again.
    compile_once = functools.cache(compile_results)
    if not request.quiet:
        for note in grid_notes(sweep, before, store, request.limit):
            say(f"note: {note}")
    if before.missing and request.draw:
        start_early()
    repeated = {trial.trial_id for trial in request.again}
    # First those to repeat: what a cap leaves of them, the next run would not repeat.
    in_order = sorted(before.missing, key=lambda trial: trial.trial_id not in repeated)
    to_run = tuple(in_order[: request.limit or sweep.grid.run_cap])
    chosen = {trial.trial_id for trial in to_run}
    # What is left for a later run stays on record until then.
    again = tuple(trial for trial in request.again if trial.trial_id in chosen)
    if again and (others := len(to_run) - len(again)) and not request.quiet:
        say(f"note: besides the trials that run again ({len(again)}), missing ones run ({others})")
    planned = Planned(sweep=sweep, trials=to_run, store=store, mode=mode, missing=before.missing)
    moved: list[tuple[Trial, Path]] = []
    too_many_failed = False
    try:
        if to_run:
            get_ready(planned, before, say, yes=request.yes)
            with set_aside(again, store) as moved:
                too_many_failed = launch(
                    sweep,
                    before,
                    to_run,
                    store,
                    mirroring=Mirroring(mode, command_to_upload(sweep, store)),
                    notify=request.notify,
                    compile_results=compile_once,
                    timeline=timeline,
                    console=console,
                    quiet=request.quiet,
                )
    except KeyboardInterrupt:
        timeline.close()
        after = plan_now()
        outcome = None
        with suppress(KeyboardInterrupt):
            outcome = compile_results()
        raise SweepInterruptedError(
            f"stopped; {after.done_so_far}. {continue_with() if moved or not again else NOT_BEGUN}",
            Ran(before=before, after=after, outcome=outcome),
        ) from None
    after = plan_now()
    left = any(trial.trial_id in chosen for trial in after.missing)
    cut_short = left and not too_many_failed
    return Ran(before=before, after=after, outcome=compile_once(), cut_short=cut_short)


def mode_of(sweep: Sweep, request: Request) -> WandbMode:
    """The W&B mode of a run.

    Raises:
        ModeError: the mode that is asked for does not exist.
    """
    if request.smoke and request.wandb is None:
        return "disabled"
    mode = mirror_mode(sweep.grid.wandb.mode, request.wandb)
    return "disabled" if request.smoke else mode


def command_to_upload(sweep: Sweep, store: Store) -> str:
    """The command that uploads the runs afterwards."""
    try:
        is_off = mirror_mode(sweep.grid.wandb.mode, None) == "disabled"
    except ModeError:
        # WANDB_MODE is wrong, and an option prevails over it, then as now.
        is_off = True
    return command("sync", sweep, store) + (" --wandb online" if is_off else "")


def specs_for(sweep: Sweep, trials: tuple[Trial, ...]) -> tuple[TableSpec, ...]:
    """The sweep's tables, adapted for a smoke run, which has other trials.

    They select by the fields that the smoke run leaves as they are.
    """
    if trials == sweep.trials:
        return sweep.tables
    from adaloss.grid.tables.at import LAST, reach_of

    declared = [trial for trial in sweep.trials if trial.seed == sweep.trials[0].seed]
    pairs = tuple(zip(declared, trials, strict=True))

    def is_kept(field: str) -> bool:
        return all(before.value(field) == now.value(field) for before, now in pairs)

    return tuple(
        spec.model_copy(
            update={
                "at": spec.at if reach_of(spec.at or LAST) else LAST,
                "only": {name: values for name, values in spec.only.items() if is_kept(name)},
                "exclude": tuple(point for point in spec.exclude if all(map(is_kept, point))),
            }
        )
        for spec in sweep.tables
    )
