"""The commands that run trials: run, retry, trial."""

import contextlib
import functools
import gc
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from adaloss.errors import UserError
from runners.cli.options import (
    COMPLETE,
    FAILED,
    INCOMPLETE,
    INTERRUPTED,
    RESULTS,
    AsJson,
    Grid,
    NoFigures,
    Only,
    Quiet,
    Storage,
    Wandb,
    Yes,
    command,
    open_sweep,
    plan_of,
    plan_to_run,
    results_at,
    say,
    say_own_changes,
)
from runners.cli.output import done_so_far, print_json, print_tables, print_trial
from runners.cli.run_end import continue_command, say_failures, say_unwritten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adaloss.grid.sweep import Sweep
    from adaloss.grid.tables.spec import TableSpec
    from adaloss.records.store import Store
    from adaloss.trial import Trial
    from analysis.outputs import Outcome
    from runners.plan import Plan


def run(
    grid: Grid,
    storage: Storage = RESULTS,
    only: Only = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Start at most this many trials.")
    ] = None,
    smoke: Annotated[
        bool,
        typer.Option("--smoke", help="Quick test: one seed, two batches, kept in STORAGE/smoke."),
    ] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="With --smoke: change a field, such as pretrained=false."),
    ] = None,
    wandb: Wandb = None,
    yes: Yes = False,
    profile: Annotated[
        bool,
        typer.Option("--profile", help="Write a timeline of driver and workers (Chrome trace)."),
    ] = False,
    no_figures: NoFigures = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Run the missing trials, then compile the tables."""
    from dataclasses import replace

    from runners.cli.selection import smoke_trials

    sweep, store = open_sweep(grid, storage)
    if settings and not smoke:
        raise UserError("--set needs --smoke: a change of a sweep's numbers belongs in its grid")
    trials = smoke_trials(sweep.trials, settings or ()) if smoke else sweep.trials
    if smoke:
        store = replace(store, root=store.root.parent / "smoke" / store.root.name)
    mode = "disabled" if smoke else wandb
    with locked(sweep, store):
        if smoke:
            # A smoke run tests the current code: set aside results of other versions.
            made = plan_of(sweep, trials, only, store)
            for stale in changed_trials(made, sweep):
                store.set_aside(stale)
        run_and_compile(
            sweep, trials, store, only, limit,
            wandb=mode, profile=profile, draw=not no_figures, yes=yes, quiet=quiet, as_json=as_json,
        )  # fmt: skip


def retry(
    grid: Grid,
    storage: Storage = RESULTS,
    only: Only = None,
    failed: Annotated[bool, typer.Option("--failed", help="Failed trials (the default).")] = False,
    diverged: Annotated[bool, typer.Option("--diverged", help="Diverged trials.")] = False,
    changed: Annotated[
        bool,
        typer.Option("--changed", help="Trials whose own code or data has changed."),
    ] = False,
    wandb: Wandb = None,
    yes: Yes = False,
    no_figures: NoFigures = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Set aside the records of failed, diverged or changed trials, and run those trials again."""
    from adaloss.records.result import TrialState

    sweep, store = open_sweep(grid, storage)
    states = [TrialState.DIVERGED] if diverged else []
    states += [TrialState.FAILED] if failed or not (diverged or changed) else []
    with locked(sweep, store):
        before = plan_of(sweep, sweep.trials, only, store)
        to_repeat = [trial for state in states for trial in before.in_state(state)]
        if changed:
            found = changed_trials(before, sweep)
            to_repeat += [trial for trial in found if trial not in to_repeat]
        if not to_repeat:
            kinds = " or ".join((*states, *(["changed"] if changed else [])))
            raise UserError(f"no trial of {sweep.name} is {kinds}: nothing to run again")
        refuse_mixing(sweep, to_repeat, store)
        for repeated in to_repeat:
            store.set_aside(repeated)
        run_and_compile(
            sweep, sweep.trials, store, only, None,
            wandb=wandb, draw=not no_figures, yes=yes, quiet=quiet, as_json=as_json,
        )  # fmt: skip


def trial(grid: Grid, storage: Storage = RESULTS, only: Only = None) -> None:
    """Run a single trial in this process, without Ray, for debugging."""
    from dataclasses import replace

    from adaloss.grid.mistakes.wording import as_written
    from adaloss.records.result import TrialState
    from adaloss.records.store import ignore
    from runners.prepare import prepare
    from runners.trials.in_process import execute_here

    sweep, store = open_sweep(grid, storage)
    chosen = plan_of(sweep, sweep.trials, only, replace(store, unreadable=ignore)).trials
    if len(chosen) > 1:
        first = chosen[0]
        names = dict.fromkeys((*sweep.axes, "seed"))
        values = ",".join(f"{name}={as_written(first.value(name))}" for name in names)
        raise UserError(f"{len(chosen)} trials match: select one, for example with --only {values}")
    with locked(sweep, store):
        if plan_to_run(sweep, chosen, None, store).missing:
            refuse_mixing(sweep, chosen, store)
            store.write_text(store.grid_path, sweep.text)
            prepare(chosen, sweep.places)
            execute_here(chosen[0], sweep, store)
        else:
            typer.echo("this trial has already finished; its record:", err=True)
    print_trial(chosen[0], store)
    result = store.read_result(chosen[0])
    raise typer.Exit(FAILED if result and result.state is TrialState.FAILED else COMPLETE)


@contextlib.contextmanager
def locked(sweep: "Sweep", store: "Store") -> Iterator[None]:
    """Lock the results for this command; SIGTERM stops it like Ctrl-C."""
    from runners.interrupt import sigterm_as_interrupt
    from runners.preflight.run_lock import only_run
    from runners.storage.uploading import kept_at_home

    # Refuse a URL as data.root before a folder is created.
    _ = sweep.places
    with sigterm_as_interrupt(), only_run(store), kept_at_home(store, say):
        yield


def changed_trials(made: "Plan", sweep: "Sweep") -> "list[Trial]":
    """The trials whose results were or may have been computed with other code or data."""
    from runners.pages.own_changes import own_changes

    changes = own_changes(made.trials, made.results, sweep.places)
    return list(
        {
            trial.trial_id: trial
            for change in changes
            for trial in (*change.changed, *change.unrecorded)
        }.values()
    )


def refuse_mixing(sweep: "Sweep", trials: "Sequence[Trial]", store: "Store") -> None:
    """Refuse to mix new results with results of other code or data.

    Raises:
        PreflightError: there are such results.
    """
    from runners.preflight.checks import refuse
    from runners.preflight.inputs.mixed_results import mixed_results
    from runners.preflight.planned import Planned

    planned = Planned(sweep=sweep, trials=tuple(trials), store=store, mode="disabled")
    refuse(planned, tuple(mixed_results(planned)))


def run_and_compile(
    sweep: "Sweep",
    trials: "tuple[Trial, ...]",
    store: "Store",
    only: list[str] | None,
    limit: int | None,
    *,
    wandb: str | None,
    draw: bool,
    yes: bool,
    quiet: bool,
    as_json: bool,
    profile: bool = False,
) -> NoReturn:
    """Run the missing trials, compile the results, and exit with the code of the outcome."""
    from adaloss.records.provenance import code_version
    from analysis.figures.writing.processes import start_early
    from analysis.outputs import save_everything
    from analysis.results import read_results, tables_of
    from runners.launch import launch
    from runners.pages.failures import reasons
    from runners.pages.grid_notes import grid_notes
    from runners.tracking.mode import mirror_mode
    from runners.tracking.sync import Mirroring
    from runners.trials.timeline import Timeline

    timeline = Timeline(store.root / "profile.json" if profile else None)
    before = plan_to_run(sweep, trials, only, store)
    mode = mirror_mode(sweep.grid.wandb.mode, wandb)
    specs = specs_for(sweep, trials)
    # Report tables that cannot be compiled before anything runs.
    tables_of(read_results(sweep, trials, store, specs))

    def compile_results() -> "Outcome":
        results = read_results(sweep, trials, store, specs)
        return save_everything(results, code_version(), draw=draw)

    # What has failed once would only fail again.
    compile_once = functools.cache(compile_results)
    if not quiet:
        for note in grid_notes(sweep, before, store, limit):
            say(f"note: {note}")
    if before.missing and draw:
        start_early()
    try:
        launch(
            sweep,
            before,
            limit,
            store,
            mirroring=Mirroring(mode, command_to_upload(sweep, store)),
            compile_results=compile_once,
            timeline=timeline,
            yes=yes or as_json,
            quiet=quiet,
        )
    except KeyboardInterrupt:
        timeline.close()
        after = plan_of(sweep, trials, only, store)
        with contextlib.suppress(KeyboardInterrupt):
            say_unwritten(compile_results(), sweep, trials, store)
        typer.echo(f"stopped; {done_so_far(after)}. Continue with: {continue_command()}", err=True)
        raise typer.Exit(INTERRUPTED) from None
    after = plan_of(sweep, trials, only, store)
    outcome = compile_once()
    counts = after.counts()
    ended_now = len(before.missing) - len(after.missing)
    if as_json:
        unwritten = {failed.output: failed.reason for failed in outcome.unwritten}
        about = {"started": ended_now, "results": str(store.root)}
        print_json(counts | about | {"failures": reasons(after), "not_written": unwritten})
    else:
        for line in outcome.answer:
            typer.echo(f"{line}\n")
        print_tables(outcome.tables)
        say_own_changes(sweep, trials, store)
        typer.echo(
            f"{done_so_far(after)}; {ended_now} ran now. Results: {results_at(store)}", err=True
        )
        if counts["failed"]:
            say_failures(sweep, trials, after, store)
        if counts["missing"]:
            typer.echo(
                f"{counts['missing']} missing; continue with: {continue_command()}", err=True
            )
    say_unwritten(outcome, sweep, trials, store)
    # Without this, Python would spend half a second on garbage collection at its end. Not with
    # torch, some objects of which then print complaints.
    if "torch" not in sys.modules:
        gc.freeze()
    is_incomplete = counts["missing"] or outcome.unwritten
    raise typer.Exit(FAILED if counts["failed"] else INCOMPLETE if is_incomplete else COMPLETE)


def specs_for(sweep: "Sweep", trials: "tuple[Trial, ...]") -> "tuple[TableSpec, ...]":
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


def command_to_upload(sweep: "Sweep", store: "Store") -> str:
    """The command that uploads the runs afterwards."""
    from runners.tracking.mode import mirror_mode

    declared = mirror_mode(sweep.grid.wandb.mode, None)
    return command("sync", sweep, store) + (" --wandb online" if declared == "disabled" else "")
