"""The commands that show a sweep to others: W&B now or afterwards."""

from typing import Annotated

import typer

from runners.cli_options import COMPLETE, INCOMPLETE, RESULTS, Grid, Storage, Wandb, load, store_of


def sync(
    grid: Grid,
    storage: Storage = RESULTS,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say which runs are missing, write none.")
    ] = False,
    wandb: Wandb = None,
) -> None:
    """Bring W&B to the state of the records: upload, or write offline, the runs it lacks."""
    from adaloss.user_error import UserError
    from runners.tracking.afterwards import synchronise
    from runners.tracking.labels import check_labels
    from runners.tracking.mode import mirror_mode

    sweep = load(grid)
    store = store_of(sweep, storage)
    mode = mirror_mode(sweep.grid.wandb.mode, wandb)
    if mode == "disabled":
        raise UserError(f"W&B is disabled for {sweep.name}: --wandb online or offline asks for it")
    check_labels(sweep, sweep.trials)

    def say(line: str) -> None:
        typer.echo(line, err=True)

    outcome = synchronise(sweep, store, mode, say, dry_run=dry_run)
    for line in outcome.missing:
        typer.echo(line)
    missing = len(outcome.missing) if dry_run else outcome.finished + (outcome.left or 0)
    done = "uploaded" if outcome.mode == "online" else "written"
    typer.echo(f"{missing} W&B runs missing, {outcome.finished} {done} now")
    for problem in dict.fromkeys(outcome.problems.values()):
        typer.echo(f"W&B: {problem}", err=True)
    raise typer.Exit(INCOMPLETE if outcome.left or outcome.problems else COMPLETE)
