"""The commands of adaloss-sweep: a thin layer of prose over the rest.

Heavy imports live inside the command that needs them, so that ``--help`` answers at once.
"""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from adaloss.user_error import UserError
from runners import cli_tracking
from runners.cli_options import (
    COMPLETE,
    FAILED,
    INCOMPLETE,
    INTERRUPTED,
    RESULTS,
    USER_ERROR,
    AsJson,
    Grid,
    Only,
    Output,
    Quiet,
    Storage,
    Version,
    Wandb,
    Yes,
    command,
    load,
    store_of,
)

if TYPE_CHECKING:
    from adaloss.store import Store
    from adaloss.sweep import Sweep
    from adaloss.trial import Trial
    from analysis.tables import Table
    from runners.plan import Plan

WIDTH_OF_A_PIPE = 200

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(cli_tracking.sync)
app.command()(cli_tracking.dashboard)
app.command()(cli_tracking.watch)


@app.callback(invoke_without_command=True)
def say_version(version: Version = False) -> None:
    """Settle an optimizer question with a table: run a grid of trials, compile mean±std."""
    if version:
        from importlib.metadata import version as installed_version

        typer.echo(installed_version("adaloss-sweep"))
        raise typer.Exit(COMPLETE)


@app.command()
def run(
    grid: Grid,
    storage: Storage = RESULTS,
    only: Only = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Start at most this many trials.")
    ] = None,
    smoke: Annotated[
        bool,
        typer.Option("--smoke", help="Does it run? One seed, two batches, kept in STORAGE/smoke."),
    ] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="With --smoke: another value of a field, pretrained=false."),
    ] = None,
    wandb: Wandb = None,
    yes: Yes = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Run the trials that are missing, then compile the tables."""
    from runners.selection import smoke_trials

    sweep = load(grid)
    if settings and not smoke:
        raise UserError(
            "--set is for --smoke: what changes the numbers of a sweep belongs in its grid"
        )
    trials = smoke_trials(sweep.trials, settings or ()) if smoke else sweep.trials
    store = store_of(sweep, storage / "smoke" if smoke else storage)
    mode = "disabled" if smoke else wandb
    run_and_compile(
        sweep, trials, store, only, limit, wandb=mode, yes=yes, quiet=quiet, as_json=as_json
    )


@app.command()
def retry(
    grid: Grid,
    storage: Storage = RESULTS,
    only: Only = None,
    failed: Annotated[bool, typer.Option("--failed", help="Failed trials (the default).")] = False,
    diverged: Annotated[bool, typer.Option("--diverged", help="Diverged trials.")] = False,
    wandb: Wandb = None,
    yes: Yes = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Set the records of failed or diverged trials aside and run those trials again."""
    from adaloss.result import TrialState

    sweep = load(grid)
    store = store_of(sweep, storage)
    before = plan_of(sweep, sweep.trials, only, store)
    states = [TrialState.DIVERGED] if diverged else []
    states += [TrialState.FAILED] if failed or not diverged else []
    to_repeat = [trial for state in states for trial in before.in_state(state)]
    if not to_repeat:
        raise UserError(f"no trial of {sweep.name} is {' or '.join(states)}: nothing to run again")
    for repeated in to_repeat:
        store.set_aside(repeated)
    run_and_compile(
        sweep, sweep.trials, store, only, None, wandb=wandb, yes=yes, quiet=quiet, as_json=as_json
    )


@app.command()
def plan(
    grid: Grid,
    storage: Storage = RESULTS,
    only: Only = None,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Time a few steps of each model on this machine.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what a run would do and take: cells, trials by state, time, disk, licences."""
    from adaloss.places import data_root
    from runners.calibrate import device_here, measure
    from runners.plan_page import one_of_each_kind, plan_lines, plan_record
    from runners.prepare import prepare

    sweep = load(grid)
    made = plan_of(sweep, sweep.trials, only, store_of(sweep, storage))
    measured = {}
    device = "cuda" if made.ran_on_gpus else "cpu"
    if calibrate and made.missing:
        root, device = data_root(sweep.grid.data.root), device_here()
        examples = one_of_each_kind(made.missing)
        prepare(examples, root)
        measured = measure(examples, root, device, sweep.grid.resources.cpu)
    if as_json:
        print_json(plan_record(sweep, made, measured))
        return
    for line in plan_lines(sweep, made, measured, device):
        typer.echo(line)


@app.command()
def status(
    grid: Grid, storage: Storage = RESULTS, only: Only = None, as_json: AsJson = False
) -> None:
    """Show the state of every trial, and why trials failed."""
    from rich.console import Console

    from adaloss.result import TrialState
    from runners.matrix import legend, state_matrices

    sweep = load(grid)
    made = plan_of(sweep, sweep.trials, only, store_of(sweep, storage))
    states = made.states()
    if as_json:
        print_json(made.counts() | {"states": states})
        return
    console = Console()
    for matrix in state_matrices(made.trials, states, sweep.grid.tables[0]):
        console.print(matrix, "")
    console.print(legend())
    typer.echo(f"{sweep.name}: {safe_so_far(made)}")
    for trial in made.in_state(TrialState.FAILED):
        failure = made.results[trial.trial_id].failure
        why = f"{failure.kind}: {failure.message}" if failure else "no reason on record"
        typer.echo(f"failed: {trial.readable_name} ({trial.trial_id}): {why}")


@app.command()
def show(
    grid: Grid,
    trial: Annotated[str, typer.Argument(help="A trial id or name, or the beginning of one.")],
    storage: Storage = RESULTS,
) -> None:
    """Show one trial: configuration, state, history, and the error with its traceback."""
    from runners.selection import find_trial

    sweep = load(grid)
    print_trial(find_trial(sweep.trials, trial), store_of(sweep, storage))


@app.command()
def table(
    grid: Grid,
    storage: Storage = RESULTS,
    form: Annotated[
        str | None, typer.Option("--format", help="md, csv, latex or html; default: terminal.")
    ] = None,
    output: Output = None,
) -> None:
    """Compile the results tables from the records on disk."""
    from analysis.render import FORMATS, render
    from analysis.results import compile_results

    if form is not None and form not in FORMATS:
        raise UserError(f"--format {form}: must be one of {', '.join(FORMATS)}")
    sweep = load(grid)
    tables = compile_results(sweep, sweep.trials, store_of(sweep, storage))
    if form is None and output is None:
        print_tables(tables)
        return
    text = render(tables, form or "md")
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text)
        typer.echo(f"wrote {output}", err=True)


@app.command()
def plot(grid: Grid, storage: Storage = RESULTS, output: Output = None) -> None:
    """Draw the metric against b0, one line per optimizer with its spread (.png, .svg, .pdf)."""
    from analysis.results import draw_figure

    sweep = load(grid)
    store = store_of(sweep, storage)
    typer.echo(f"wrote {draw_figure(sweep, sweep.trials, store, output)}", err=True)


@app.command()
def trial(grid: Grid, storage: Storage = RESULTS, only: Only = None) -> None:
    """Run a single trial in this process, without Ray, for debugging."""
    from adaloss.places import data_root
    from runners.in_process import execute_here
    from runners.prepare import prepare

    sweep = load(grid)
    store = store_of(sweep, storage)
    chosen = plan_of(sweep, sweep.trials, only, store).trials
    if len(chosen) > 1:
        first = chosen[0]
        raise UserError(
            f"{len(chosen)} trials match: name one, such as with "
            f"--only b0={first.b0:g},optimizer={first.optimizer},model={first.model},"
            f"seed={first.seed}"
        )
    if store.read_result(chosen[0]) is None:
        prepare(chosen, data_root(sweep.grid.data.root))
        execute_here(chosen[0], sweep, store)
    else:
        typer.echo("this trial has finished already; its record:", err=True)
    print_trial(chosen[0], store)


@app.command()
def init(
    file: Annotated[Path, typer.Argument(help="The grid file to write.")] = Path("grid.yaml"),
) -> None:
    """Write a commented grid to start from."""
    from adaloss.sweep import resolve_grid

    if file.exists():
        raise UserError(f"{file} exists already: name another file")
    file.write_text(resolve_grid("example").read_text())
    typer.echo(f"wrote {file}; run it with: adaloss-sweep run {shlex.quote(str(file))}")


@app.command()
def schema() -> None:
    """Print the grid file's JSON Schema, for editors to complete and check with."""
    from adaloss.sweep import grid_json_schema

    print_json(grid_json_schema())


def plan_of(
    sweep: "Sweep", trials: "tuple[Trial, ...]", only: list[str] | None, store: "Store"
) -> "Plan":
    """Hold the trials that ``--only`` leaves against the records."""
    from runners.plan import make_plan
    from runners.selection import select

    return make_plan(sweep.name, select(trials, only or ()), store)


def run_and_compile(
    sweep: "Sweep",
    trials: "tuple[Trial, ...]",
    store: "Store",
    only: list[str] | None,
    limit: int | None,
    *,
    wandb: str | None,
    yes: bool,
    quiet: bool,
    as_json: bool,
) -> NoReturn:
    """Run what is missing, compile what came out, exit with the code that says how it went."""
    from analysis.results import compile_results, draw_figure, save_comparison, save_tables
    from runners.launch import launch
    from runners.tracking.beside import Mirroring
    from runners.tracking.mode import mirror_mode

    before = plan_of(sweep, trials, only, store)
    mode = mirror_mode(sweep.grid.wandb.mode, wandb)

    def save_results() -> None:
        save_tables(compile_results(sweep, trials, store), store)
        save_comparison(trials, store)
        draw_figure(sweep, trials, store)

    try:
        started = launch(
            sweep,
            before,
            limit,
            store,
            mirroring=Mirroring(mode, command("sync", sweep, store)),
            compile_results=save_results,
            yes=yes or as_json,
            quiet=quiet,
        )
    except KeyboardInterrupt:
        after = plan_of(sweep, trials, only, store)
        typer.echo(f"stopped; {safe_so_far(after)}. Go on with: {command_to_go_on()}", err=True)
        raise typer.Exit(INTERRUPTED) from None
    after = plan_of(sweep, trials, only, store)
    tables = compile_results(sweep, trials, store)
    if not started:
        save_tables(tables, store)
        save_comparison(trials, store)
    counts = after.counts()
    if as_json:
        print_json(counts | {"started": started, "results": str(store.root)})
    else:
        print_tables(tables)
        typer.echo(f"{safe_so_far(after)}; {started} ran now. Results: {store.root}", err=True)
        if counts["failed"]:
            typer.echo(f"why trials failed: {command('status', sweep, store)}", err=True)
            typer.echo(f"to repeat them: {command('retry', sweep, store)}", err=True)
        if counts["missing"]:
            typer.echo(f"{counts['missing']} missing; go on with: {command_to_go_on()}", err=True)
    raise typer.Exit(FAILED if counts["failed"] else INCOMPLETE if counts["missing"] else COMPLETE)


def safe_so_far(made: "Plan") -> str:
    """How many trials have a result, and which."""
    counts = made.counts()
    states = ", ".join(f"{counts[state]} {state}" for state in ("complete", "diverged", "failed"))
    return f"{len(made.results)} of {counts['trials']} trials are done ({states})"


def command_to_go_on() -> str:
    """The command line that was given; a retry goes on as a run."""
    arguments = ["run" if word == "retry" else word for word in sys.argv[1:]]
    kept = [word for word in arguments if word not in ("--failed", "--diverged")]
    return shlex.join(["adaloss-sweep", *kept])


def print_tables(tables: "tuple[Table, ...]") -> None:
    """Print the tables to the terminal, or as Markdown where there is none."""
    from rich.console import Console

    from analysis.render import render, terminal_table

    console = Console()
    if not console.is_terminal:
        typer.echo(render(tables, "md"), nl=False)
        return
    for compiled in tables:
        console.print(terminal_table(compiled), "")


def print_trial(trial: "Trial", store: "Store") -> None:
    """Print everything on record about a trial."""
    from rich.console import Console

    from runners.trial_page import trial_page

    # A pipe has no width: nothing is to be cut to one.
    console = Console(width=None if sys.stdout.isatty() else WIDTH_OF_A_PIPE)
    console.print(trial_page(trial, store))


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object."""
    typer.echo(json.dumps(value, indent=2))


def main() -> NoReturn:
    """Run the command line; a user's mistake is a message and exit code 2, never a traceback."""
    try:
        app()
    except (UserError, OSError) as error:
        typer.echo(f"adaloss-sweep: {error}", err=True)
        raise SystemExit(USER_ERROR) from None
    raise SystemExit(COMPLETE)
