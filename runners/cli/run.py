"""The commands that run trials: run, retry, trial."""

import gc
import os
import sys
from pathlib import Path
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
    Notify,
    Only,
    Quiet,
    Storage,
    Wandb,
    Yes,
    open_sweep,
    plan_of,
    say,
    say_own_changes,
)
from runners.cli.output import print_json, print_tables, print_trial
from runners.cli.run_end import continue_command, say_failures, say_unwritten
from runners.pages.command_lines import results_at

if TYPE_CHECKING:
    from adaloss.grid.sweep import Sweep
    from adaloss.records.store import Store
    from adaloss.trial import Trial
    from runners.api.running import Ran

# Names a file by which a job of Slurm learns that another start would go on.
CUT_SHORT = "ADALOSS_CUT_SHORT"


def run(
    grid: Grid,
    storage: Storage = RESULTS,
    only: Only = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Start at most this many trials.")
    ] = None,
    smoke: Annotated[
        bool,
        typer.Option(
            "--smoke",
            help="Quick test: one seed, two batches, kept in STORAGE/smoke. Trials of a program "
            "are whole: shorten them with --set.",
        ),
    ] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="With --smoke: change a field, such as pretrained=false."),
    ] = None,
    wandb: Wandb = None,
    notify: Notify = None,
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
    begin(grid, quiet=quiet)
    from runners.api.before_run import changed_trials, locked, smoke_store
    from runners.api.selection import smoke_trials

    sweep, store = open_sweep(grid, storage)
    if settings and not smoke:
        raise UserError("--set needs --smoke: a change of a sweep's numbers belongs in its grid")
    trials = smoke_trials(sweep.trials, settings or ()) if smoke else sweep.trials
    if smoke:
        store = smoke_store(store)
    with locked(sweep, store, say):
        stale = changed_trials(plan_of(sweep, trials, only, store), sweep) if smoke else ()
        run_and_report(
            sweep, trials, store, only=only, limit=limit, again=stale, smoke=smoke, wandb=wandb,
            notify=notify, profile=profile, draw=not no_figures, yes=yes, quiet=quiet,
            as_json=as_json,
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
    notify: Notify = None,
    yes: Yes = False,
    no_figures: NoFigures = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Run failed, diverged or changed trials again, and then the missing ones.

    Earlier records are kept in `attempts/`.
    """
    begin(grid, quiet=quiet)
    from runners.api.before_run import locked, to_repeat

    sweep, store = open_sweep(grid, storage)
    with locked(sweep, store, say):
        again = to_repeat(sweep, only, store, failed=failed, diverged=diverged, changed=changed)
        run_and_report(
            sweep, sweep.trials, store, only=only, again=again, wandb=wandb, notify=notify,
            draw=not no_figures, yes=yes, quiet=quiet, as_json=as_json,
        )  # fmt: skip


def begin(grid: str, *, quiet: bool) -> None:
    """On a terminal, say at once that the command works: its imports may take seconds."""
    if not quiet and sys.stderr.isatty():
        say(f"reading {grid}")


def trial(
    grid: Grid, storage: Storage = RESULTS, only: Only = None, as_json: AsJson = False
) -> None:
    """Run a single trial in this process, without Ray, for debugging."""
    from dataclasses import replace

    from adaloss.grid.mistakes.wording import as_written
    from adaloss.records.result import TrialState
    from adaloss.records.store import ignore
    from runners.api.before_run import locked, refuse_mixing
    from runners.api.plans import plan_to_run
    from runners.prepare import prepare
    from runners.trials.in_process import execute_here

    sweep, store = open_sweep(grid, storage)
    chosen = plan_of(sweep, sweep.trials, only, replace(store, unreadable=ignore)).trials
    if len(chosen) > 1:
        first = chosen[0]
        names = dict.fromkeys((*sweep.axes, "seed"))
        values = ",".join(f"{name}={as_written(first.value(name))}" for name in names)
        raise UserError(f"{len(chosen)} trials match: select one, for example with --only {values}")
    with locked(sweep, store, say):
        if plan_to_run(sweep, chosen, None, store, say).missing:
            refuse_mixing(sweep, chosen, store)
            store.write_text(store.grid_path, sweep.text)
            prepare(chosen, sweep.places)
            execute_here(chosen[0], sweep, store)
        else:
            typer.echo("this trial has already finished; its record:", err=True)
    print_trial(chosen[0], store, as_json=as_json)
    result = store.read_result(chosen[0])
    raise typer.Exit(FAILED if result and result.state is TrialState.FAILED else COMPLETE)


def run_and_report(
    sweep: "Sweep",
    trials: "tuple[Trial, ...]",
    store: "Store",
    *,
    only: list[str] | None,
    quiet: bool,
    as_json: bool,
    limit: int | None = None,
    again: "tuple[Trial, ...]" = (),
    smoke: bool = False,
    wandb: str | None = None,
    notify: str | None = None,
    profile: bool = False,
    draw: bool = True,
    yes: bool = False,
) -> NoReturn:
    """Run the missing trials, print the results, and exit with the code of the outcome."""
    from runners.api.running import Request, SweepInterruptedError, run_and_compile
    from runners.pages.safe_console import SafeConsole

    request = Request(
        only=only,
        limit=limit,
        again=again,
        smoke=smoke,
        wandb=wandb,
        notify=notify,
        profile=profile,
        draw=draw,
        yes=yes or as_json,
        quiet=quiet,
    )
    console = SafeConsole(stderr=True)
    try:
        ran = run_and_compile(sweep, trials, store, request, console, how_to_continue)
    except SweepInterruptedError as stopped:
        if stopped.ran.outcome is not None:
            say_unwritten(stopped.ran.outcome, sweep, trials, store)
        typer.echo(str(stopped), err=True)
        raise typer.Exit(INTERRUPTED) from None
    report(ran, sweep, trials, store, as_json=as_json)
    if ran.cut_short and (mark := os.environ.get(CUT_SHORT)):
        Path(mark).touch()
    # Without this, Python would spend half a second on garbage collection at its end. Not with
    # torch, some objects of which then print complaints.
    if "torch" not in sys.modules:
        gc.freeze()
    raise typer.Exit({"failed": FAILED, "incomplete": INCOMPLETE, "complete": COMPLETE}[ran.end])


def report(
    ran: "Ran",
    sweep: "Sweep",
    trials: "tuple[Trial, ...]",
    store: "Store",
    *,
    as_json: bool,
) -> None:
    """Print what a run did."""
    from runners.pages.failures import reasons

    after, outcome, counts = ran.after, ran.compiled, ran.after.counts()
    if as_json:
        unwritten = {failed.output: failed.reason for failed in outcome.unwritten}
        about = {"started": ran.ended_now, "results": str(store.root)}
        print_json(counts | about | {"failures": reasons(after), "not_written": unwritten})
        say_own_changes(sweep, trials, store)
    else:
        for line in outcome.answer:
            typer.echo(f"{line}\n")
        print_tables(outcome.tables)
        say_own_changes(sweep, trials, store)
        say(f"{after.done_so_far}; {ran.ended_now} ran now. Results: {results_at(store)}")
        if counts["failed"]:
            say_failures(sweep, trials, after, store)
        if counts["missing"]:
            say(f"{counts['missing']} missing; continue with: {continue_command()}")
    say_unwritten(outcome, sweep, trials, store)


def how_to_continue() -> str:
    """How a run that was stopped continues."""
    return f"Continue with: {continue_command()}"
