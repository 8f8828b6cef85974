"""The commands that show a sweep or a grid: plan, status, show, init, schema."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from adaloss.errors import UserError
from runners.cli.options import (
    RESULTS,
    AsJson,
    Grid,
    Only,
    Storage,
    local_path,
    open_sweep,
    plan_of,
    show_command,
)
from runners.cli.output import print_json, print_trial


def plan(
    grid: Grid,
    storage: Storage = RESULTS,
    only: Only = None,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Time a few steps of each model on this machine.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a run would do and need: cells, trials by state, time, disk, licences."""
    from runners.api.plans import plan_sweep

    sweep, store = open_sweep(grid, storage)
    found = plan_sweep(sweep, store, only, calibrate=calibrate)
    if as_json:
        print_json(dict(found.record))
    else:
        typer.echo(str(found))


def status(
    grid: Grid, storage: Storage = RESULTS, only: Only = None, as_json: AsJson = False
) -> None:
    """Show the state of every trial, why trials failed, and the last lines of their logs."""
    from runners.pages.failures import failure_lines, reasons
    from runners.pages.matrix import legend, state_matrices
    from runners.pages.safe_console import SafeConsole

    sweep, store = open_sweep(grid, storage)
    made = plan_of(sweep, sweep.trials, only, store)
    states = made.states()
    if as_json:
        print_json(made.counts() | {"states": states, "failures": reasons(made)})
        return
    console = SafeConsole()
    for matrix in state_matrices(made.trials, states, sweep.tables[0]):
        console.print(matrix, "")
    console.print(legend())
    typer.echo(f"{sweep.name}: {made.done_so_far}")
    for line in failure_lines(made, store, show_command(sweep, store)):
        typer.echo(line)


def show(
    grid: Grid,
    trial: Annotated[
        str, typer.Argument(help="A trial id or name, or the start of one.", metavar="TRIAL")
    ],
    storage: Storage = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Show one trial: configuration, state, history, and the error with its traceback."""
    from runners.api.selection import find_trial

    sweep, store = open_sweep(grid, storage)
    print_trial(find_trial(sweep.trials, trial), store, as_json=as_json)


def init(
    file: Annotated[
        Path, typer.Argument(help="The grid file to write.", parser=local_path, metavar="FILE")
    ] = Path("grid.yaml"),
    as_json: AsJson = False,
) -> None:
    """Write a commented grid to start from."""
    from adaloss.grid.sweep import resolve_grid

    if file.exists():
        raise UserError(f"{file} already exists: name another file")
    file.write_bytes(resolve_grid("example").read_bytes())
    if as_json:
        print_json({"files": [str(file)]})
    else:
        typer.echo(f"wrote {file}; run it with: adaloss-sweep run {shlex.quote(str(file))}")


def schema(
    outputs: Annotated[
        bool, typer.Option("--outputs", help="The schema of what commands print with --json.")
    ] = False,
) -> None:
    """Print the grid file's JSON Schema, for completion and checks in editors."""
    from adaloss.grid.reading.shipped import shipped_folder
    from adaloss.grid.sweep import grid_json_schema

    if outputs:
        typer.echo((shipped_folder() / "outputs.schema.json").read_text(encoding="utf-8"), nl=False)
    else:
        print_json(grid_json_schema())
