"""The command that writes a sweep as a RayJob for Kubernetes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adaloss.errors import UserError
from runners.cli.options import RESULTS, AsJson, Grid, open_sweep, output_option, say
from runners.cli.output import print_json, write_or_print

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adaloss.grid.sweep import Sweep
    from runners.kubernetes.job import KubernetesJob


def kubernetes(
    grid: Grid,
    image: Annotated[str, typer.Option(help="The image with adaloss-sweep, for all pods.")],
    workers: Annotated[int, typer.Option(min=1, help="Pods that run trials; default: 1.")] = 1,
    cpus_per_worker: Annotated[
        int | None, typer.Option(min=1, help="Processors of each; default: those of one trial.")
    ] = None,
    gpus_per_worker: Annotated[int, typer.Option(min=0, help="GPUs of each; default: none.")] = 0,
    memory: Annotated[str, typer.Option(help="Memory of each pod.")] = "8Gi",
    storage: Annotated[
        str | None, typer.Option(help="The URL (s3://…) below which results are kept.")
    ] = None,
    claim: Annotated[
        str | None, typer.Option(help="The persistent volume claim in which results are kept.")
    ] = None,
    secret: Annotated[
        str | None,
        typer.Option(help="The Secret with variables such as AWS_ACCESS_KEY_ID, WANDB_API_KEY."),
    ] = None,
    job_name: Annotated[
        str | None, typer.Option(help="The job's name; default: the sweep's.")
    ] = None,
    retries: Annotated[
        int, typer.Option(min=0, help="How often a new cluster continues a job that failed.")
    ] = 3,
    output: Annotated[
        Path | None,
        output_option("Write the manifest to this file."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the manifest of a KubeRay job that runs the sweep on Kubernetes."""
    from importlib.metadata import version

    from runners.kubernetes.files import GRID, named_below
    from runners.kubernetes.job import KubernetesJob, name_of
    from runners.kubernetes.manifest import RESULTS as MOUNTED
    from runners.kubernetes.manifest import manifest
    from runners.trials.own_files import code_of, distinct

    sweep, _ = open_sweep(grid, RESULTS)
    per_trial = sweep.grid.resources.least_cpu
    job = KubernetesJob(
        name=job_name if job_name is not None else name_of(sweep.name),
        image=image,
        workers=workers,
        cpus_per_worker=cpus_per_worker if cpus_per_worker is not None else per_trial,
        gpus_per_worker=gpus_per_worker,
        memory=memory,
        storage=None if storage is None else storage.rstrip("/"),
        claim=claim,
        secret=secret,
        retries=retries,
    )
    refuse_too_few(job, sweep)
    code = {path for trial in distinct(sweep.trials) for path in code_of(trial, sweep.places)}
    for note in (*sweep.notes, *absent_notes(sweep, code)):
        say(f"note: {note}")
    files = {GRID: sweep.text.encode(), **named_below(code, sweep.places.own_folders)}
    text = manifest(job, files, version("ray"))
    if output is not None:
        write_or_print(text, output)
    if as_json:
        print_json(
            {
                "job": job.name,
                "results": f"{job.storage or MOUNTED}/{sweep.name}",
                "file": None if output is None else str(output),
                "manifest": text,
            }
        )
    elif output is None:
        write_or_print(text, None)


def refuse_too_few(job: "KubernetesJob", sweep: "Sweep") -> None:
    """Refuse a job of which no worker has room for one trial.

    Raises:
        UserError: there are too few processors or GPUs.
    """
    cpus, gpus = sweep.grid.resources.least_cpu, sweep.grid.resources.gpu
    if cpus > job.cpus_per_worker:
        raise UserError(
            f"--cpus-per-worker {job.cpus_per_worker}: a trial needs {cpus} (resources.cpu): "
            f"write --cpus-per-worker {cpus} or more"
        )
    if gpus != "auto" and gpus and gpus > job.gpus_per_worker:
        raise UserError(
            f"a trial needs {gpus:g} GPUs (resources.gpu), and a worker has {job.gpus_per_worker}: "
            f"write --gpus-per-worker {max(1, round(gpus))} or more"
        )


def absent_notes(sweep: "Sweep", code: "Iterable[Path]") -> list[str]:
    """What of the user's code and data the manifest does not have, in sentences."""
    from runners.trials.own_files import names_below, own_data

    elsewhere = {path for path in code if not names_below(path, sweep.places.own_folders)}
    absent = sorted({*elsewhere, *own_data(sweep.trials, sweep.places)})
    return [f"{path} is not in the manifest: the image must have it" for path in absent]
