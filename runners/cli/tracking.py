"""The commands for dashboards: W&B's, and the local one."""

from typing import Annotated

import typer

from runners.cli.options import (
    COMPLETE,
    INCOMPLETE,
    RESULTS,
    AsJson,
    Grid,
    Storage,
    Wandb,
    open_sweep,
    plan_of,
    say,
)
from runners.cli.output import print_json
from runners.pages.command_lines import command


def dashboard(
    grid: Grid, storage: Storage = RESULTS, wandb: Wandb = None, as_json: AsJson = False
) -> None:
    """Save the sweep's W&B workspace and report; without a login, write them to files."""
    from adaloss.errors import UserError
    from runners.tracking.labels import check_labels
    from runners.tracking.mode import mirror_mode
    from runners.tracking.publish import publish, write_files
    from runners.tracking.target import TargetError
    from runners.tracking.wandb_runs import login

    sweep, store = open_sweep(grid, storage)
    check_labels(sweep, sweep.trials)
    mode = mirror_mode(sweep.grid.wandb.mode, wandb)
    try:
        found = login() if mode in ("auto", "online") else None
        saved = publish(sweep, store, found.server, "") if found and found.known else None
    except TargetError as error:
        raise UserError(f"W&B: {error}") from error
    if saved is not None:
        say_pages(saved.workspace, saved.report, published=True, as_json=as_json)
        return
    written = write_files(sweep, store)
    say_pages(written.workspace, written.report, published=False, as_json=as_json)
    publish_it = command("dashboard", sweep, store)
    if found is None:
        typer.echo(
            f"not published: W&B is {mode}; to publish: {publish_it} --wandb online", err=True
        )
        return
    why = f"no key for {found.server}"
    typer.echo(f"not published ({why}); after `wandb login`: {publish_it}", err=True)
    if mode == "online":
        raise typer.Exit(INCOMPLETE)


def say_pages(workspace: object, report: object, *, published: bool, as_json: bool) -> None:
    """Print where the workspace and the report are."""
    places = {"workspace": str(workspace), "report": str(report)}
    if as_json:
        print_json({"published": published, **places})
        return
    for name, place in places.items():
        typer.echo(f"{name}: {place}")


def watch(
    grid: Grid,
    storage: Storage = RESULTS,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="The port; default: the first free from 7860."),
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open it in the browser.")
    ] = True,
) -> None:
    """Show the sweep in the browser, live and without an account, until Ctrl-C."""
    from analysis.figures.parts.line_styles import line_styles
    from runners.tracking.watch import watch as watch_sweep

    sweep, store = open_sweep(grid, storage)
    field = sweep.tables[0].columns
    styles = line_styles(tuple(dict.fromkeys(trial.value(field) for trial in sweep.trials)))
    # With a single colour, runs could not be distinguished.
    colours = {
        trial.trial_id: styles[trial.value(field)].colour
        for trial in sweep.trials
        if len(styles) > 1
    }

    watch_sweep(sweep, store, colours=colours, port=port, browser=browser, say=say)


def sync(
    grid: Grid,
    storage: Storage = RESULTS,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the missing runs and send none.")
    ] = False,
    wandb: Wandb = None,
    as_json: AsJson = False,
) -> None:
    """Upload the runs that W&B lacks, or write them offline."""
    from adaloss.errors import UserError
    from runners.tracking.labels import check_labels
    from runners.tracking.mode import sync_mode
    from runners.tracking.sync import synchronise

    sweep, store = open_sweep(grid, storage)
    mode = sync_mode(sweep.grid.wandb.mode, wandb)
    if mode == "disabled":
        raise UserError(f"W&B is disabled for {sweep.name}: add --wandb online or offline")
    check_labels(sweep, sweep.trials)
    # Report records that cannot be read once, here.
    plan_of(sweep, sweep.trials, None, store)

    outcome = synchronise(sweep, store, mode, say, dry_run=dry_run)
    missing = outcome.finished + (outcome.left or 0)
    done = "uploaded" if outcome.mode == "online" else "written"
    problems = list(dict.fromkeys(outcome.problems.values()))
    if as_json:
        record = {"mode": outcome.mode, "missing": missing, "sent": outcome.finished}
        print_json(record | {"runs": list(outcome.missing), "problems": problems})
    else:
        for line in outcome.missing:
            typer.echo(line)
        typer.echo(f"{missing} W&B runs missing, {outcome.finished} {done} now")
        for line in outcome.pages:
            typer.echo(line)
    for problem in problems:
        typer.echo(f"W&B: {problem}", err=True)
    offline = outcome.mode == "offline"
    if offline:
        upload = command("sync", sweep, store)
        typer.echo(f"nothing is uploaded; after `wandb login`: {upload} --wandb online", err=True)
    short = (outcome.left and not dry_run) or outcome.problems or (offline and mode == "online")
    raise typer.Exit(INCOMPLETE if short else COMPLETE)
