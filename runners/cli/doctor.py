"""The command that checks a machine, and a grid on it: doctor."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adaloss.errors import UserError
from runners.cli.options import (
    COMPLETE,
    GRID_HELP,
    RESULTS,
    USER_ERROR,
    AsJson,
    Only,
    Storage,
    Wandb,
    grids_to_complete,
    open_sweep,
    plan_of,
)
from runners.cli.output import print_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adaloss.grid.sweep import Sweep
    from adaloss.records.store import Store
    from runners.preflight.finding import Finding


def doctor(
    grid: Annotated[
        str | None,
        typer.Argument(
            help=f"{GRID_HELP} Without it, only the machine is checked.",
            metavar="[GRID]",
            autocompletion=grids_to_complete,
        ),
    ] = None,
    storage: Storage = RESULTS,
    only: Only = None,
    wandb: Wandb = None,
    as_json: AsJson = False,
) -> None:
    """Check whether this machine can run sweeps, or a grid; starts no trial, downloads nothing.

    Each model and optimizer of your own is trained for a step.
    """
    from runners.preflight.finding import Level, with_level

    findings = tuple(
        on_machine(storage, wandb) if grid is None else on_grid(grid, storage, only, wandb)
    )
    findings += tuple(on_cluster(grid, storage))
    against = len(with_level(findings, Level.REFUSED))
    warnings = len(with_level(findings, Level.WARNING))
    if as_json:
        print_json({"refused": against, "warnings": warnings, "findings": records(findings)})
    else:
        for finding in findings:
            typer.echo(f"{finding.level:<8} {finding.sentence}")
        typer.echo(f"{against} refused, {warnings} warnings, {len(findings)} checks")
    raise typer.Exit(USER_ERROR if against else COMPLETE)


def on_machine(storage: Path, wandb: str | None) -> "tuple[Finding, ...]":
    """The findings on the machine alone."""
    from runners.preflight.checks import machine_findings
    from runners.tracking.mode import mirror_mode

    return (*machine_findings(storage, mirror_mode("auto", wandb)), *at_its_url(storage))


def on_cluster(grid: str | None, storage: Path) -> "Iterator[Finding]":
    """The findings on each machine of the cluster at RAY_ADDRESS; nothing without one."""
    address = os.environ.get("RAY_ADDRESS")
    if not address:
        return
    from adaloss.records.store import Store
    from runners.on_ray.machines.facts import look
    from runners.on_ray.machines.findings import findings
    from runners.on_ray.machines.look import joined, machines_of_cluster
    from runners.on_ray.session import RayStartError
    from runners.preflight.finding import refused
    from runners.trials.away import marked_results
    from runners.trials.own_files import own_data

    results, data = storage, list[Path]()
    if grid is not None:
        sweep, store = open_sweep(grid, storage)
        results, data = store.root, own_data(sweep.trials, sweep.places)
    # A run would create the rest.
    there = next(path for path in (results, *results.resolve().parents) if path.is_dir())
    try:
        with joined(address), marked_results(Store(there)) as mark:
            machines = machines_of_cluster(there.resolve() / mark, data)
    except RayStartError as error:
        yield refused("Ray", str(error), "")
        return
    except OSError as error:
        yield refused("results", f"{there} cannot be written: {error.strerror}", "")
        return
    yield from findings(machines, look("", (), (), ()))


def at_its_url(storage: Path) -> "tuple[Finding, ...]":
    """Whether the URL can be reached whose working copy the storage is; nothing for a folder."""
    from adaloss.records.remote.address import Remote, RemoteError, address_of, reaching
    from runners.preflight.finding import fine, refused

    url = address_of(storage)
    if url is None:
        return ()
    remote = Remote(url, storage)
    try:
        with reaching(remote):
            system, path = remote.where
            there = system.exists(path)
    except RemoteError as error:
        return (refused("storage", str(error), ""),)
    return (fine("storage", f"{url} can be reached{'' if there else ', and is empty'}"),)


def on_grid(
    grid: str, storage: Path, only: list[str] | None, wandb: str | None
) -> "tuple[Finding, ...]":
    """The findings on the machine for the missing trials of a grid."""
    from runners.preflight.checks import doctors_findings, sweep_findings
    from runners.preflight.planned import Planned
    from runners.tracking.mode import mirror_mode

    sweep, store = open_sweep(grid, storage)
    planned = Planned(
        sweep=sweep,
        trials=plan_of(sweep, sweep.trials, only, store).missing[: sweep.grid.run_cap],
        store=store,
        mode=mirror_mode(sweep.grid.wandb.mode, wandb),
    )
    return (*sweep_findings(planned), *doctors_findings(planned), *table_findings(sweep, store))


def table_findings(sweep: "Sweep", store: "Store") -> "tuple[Finding, ...]":
    """Problems with the tables that a run compiles."""
    from analysis.results import read_results, tables_of
    from runners.preflight.finding import refused

    try:
        tables_of(read_results(sweep, sweep.trials, store))
    except UserError as error:
        return (refused("tables", str(error), ""),)
    except OSError:
        # Other checks report problems of the folder.
        return ()
    return ()


def records(findings: "tuple[Finding, ...]") -> list[dict[str, str]]:
    """The findings for programs."""
    return [
        {
            "level": finding.level.value,
            "about": finding.about,
            "found": finding.found,
            "advice": finding.advice,
        }
        for finding in findings
    ]
