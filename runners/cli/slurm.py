"""The command that runs a sweep as a job of Slurm."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adaloss.errors import UserError
from runners.cli.options import (
    RESULTS,
    AsJson,
    Grid,
    Storage,
    open_sweep,
    output_option,
    plan_of,
    say,
)
from runners.cli.output import print_json, write_or_print
from runners.pages.command_lines import argument

if TYPE_CHECKING:
    from adaloss.grid.sweep import Sweep
    from adaloss.records.store import Store
    from runners.slurm.job import SlurmJob
    from runners.slurm.script import Start


def slurm(
    grid: Grid,
    time: Annotated[
        str,
        typer.Option(help="The time limit, such as 8:00:00. The job continues after it."),
    ],
    nodes: Annotated[int, typer.Option(min=1, help="The number of machines; default: 1.")] = 1,
    partition: Annotated[str | None, typer.Option(help="The partition; default: Slurm's.")] = None,
    account: Annotated[str | None, typer.Option(help="The account; default: Slurm's.")] = None,
    gpus_per_node: Annotated[int | None, typer.Option(min=1, help="GPUs of each node.")] = None,
    cpus_per_node: Annotated[
        int | None, typer.Option(min=1, help="Processors of each node; default: Slurm's.")
    ] = None,
    mem: Annotated[str | None, typer.Option(help="Memory of each node, such as 64G.")] = None,
    job_name: Annotated[
        str | None, typer.Option(help="The job's name; default: the sweep's.")
    ] = None,
    grace: Annotated[
        str,
        typer.Option(
            help="How long before the time limit the sweep is stopped, in minutes or as 0:30."
        ),
    ] = "5",
    sbatch_option: Annotated[
        list[str] | None,
        typer.Option(help="Another option of sbatch, such as --constraint=a100."),
    ] = None,
    setup: Annotated[
        list[str] | None,
        typer.Option(help='A line of shell before the start, such as "module load cuda".'),
    ] = None,
    storage: Storage = RESULTS,
    output: Annotated[
        Path | None,
        output_option("Write the script to this file."),
    ] = None,
    submit: Annotated[
        bool, typer.Option("--submit", help="Submit the script with sbatch instead of printing it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write the script of a Slurm job that runs the sweep, on one machine or several."""
    from runners.pages.grid_notes import grid_notes
    from runners.slurm.job import SlurmJob
    from runners.slurm.script import script
    from runners.slurm.submit import submit as submit_script

    sweep, store = open_sweep(grid, storage)
    job = SlurmJob(
        name=job_name if job_name is not None else sweep.name,
        time=time,
        nodes=nodes,
        grace=grace,
        partition=partition,
        account=account,
        gpus_per_node=gpus_per_node,
        cpus_per_node=cpus_per_node,
        mem=mem,
        options=tuple(sbatch_option or ()),
        setup=tuple(setup or ()),
    )
    refuse_too_few(job, sweep)
    made = plan_of(sweep, sweep.trials, None, store)
    for note in grid_notes(sweep, made, store):
        say(f"note: {note}")
    if not made.missing:
        say(f"note: every trial of {sweep.name} has a result: the job would only compile tables")
    text = script(job, start_of(grid, storage, sweep, store))
    # First, because a job that is submitted must not be lost to a file that cannot be written.
    if output is not None:
        write_or_print(text, output)
    number = submit_script(text) if submit else None
    if as_json:
        file = None if output is None else str(output)
        log = None if number is None else f"slurm-{job.name}-{number}.log"
        print_json(
            {"job": number, "log": log, "results": str(store.root), "file": file, "script": text}
        )
    elif number is not None:
        typer.echo(f"submitted job {number}; its log is slurm-{job.name}-{number}.log")
    elif output is None:
        write_or_print(text, None)


def refuse_too_few(job: "SlurmJob", sweep: "Sweep") -> None:
    """Refuse a job of which no node has room for one trial.

    Raises:
        UserError: there are too few processors or GPUs.
    """
    cpus, gpus = sweep.grid.resources.least_cpu, sweep.grid.resources.gpu
    if job.cpus_per_node is not None and cpus > job.cpus_per_node:
        raise UserError(
            f"--cpus-per-node {job.cpus_per_node}: a trial needs {cpus} (resources.cpu): write "
            f"--cpus-per-node {cpus} or more"
        )
    if gpus == "auto" or not gpus:
        return
    least = max(1, round(gpus))
    if not job.asks_for_gpus():
        raise UserError(
            f"a trial needs {gpus:g} GPUs (resources.gpu), and the job asks for none: write "
            f"--gpus-per-node {least} or more"
        )
    if job.gpus_per_node is not None and gpus > job.gpus_per_node:
        raise UserError(
            f"--gpus-per-node {job.gpus_per_node}: a trial needs {gpus:g} (resources.gpu): write "
            f"--gpus-per-node {least} or more"
        )


def start_of(grid: str, storage: Path, sweep: "Sweep", store: "Store") -> "Start":
    """The start of the sweep with this installation, in this folder.

    Raises:
        UserError: this installation has no commands beside its Python.
    """
    from adaloss.records.remote.address import address_of
    from runners.slurm.script import Start

    # Not resolved: the Python of a virtual environment is a link to another.
    programs = Path(sys.executable).parent
    for name in ("adaloss-sweep", "ray"):
        if not (programs / name).exists():
            raise UserError(
                f"{programs / name} does not exist, and the job needs it: install adaloss-sweep "
                "in a virtual environment"
            )
    here = Path.cwd()
    words = ["run", argument(grid), "--yes"]
    if storage != RESULTS:
        words += ["--storage", address_of(storage) or argument(storage)]
    own = [here / grid] if Path(grid).exists() else []
    data = [sweep.places.data_root] if any(trial.needs_files for trial in sweep.trials) else []
    return Start(
        folder=here,
        programs=programs,
        command=tuple(words),
        results=here / store.root,
        needed=(here, programs / "adaloss-sweep", *own),
        data=tuple(here / folder for folder in data),
    )
