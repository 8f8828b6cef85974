"""All checks together: of the machine, and of a sweep before it starts."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from adaloss.errors import UserError
from adaloss.grid.schema.schema import WandbMode
from adaloss.records.places import data_root, prepared_folder
from runners.preflight.disk_needs import folders_of_downloads, needs_of, ray_files
from runners.preflight.finding import Finding, Level, refused, with_level
from runners.preflight.inputs.data_sets import data_sets, loading
from runners.preflight.inputs.data_sets import servers_of as servers_of_data
from runners.preflight.inputs.mixed_results import (
    mixed_results,
    other_threads,
    otherwise_made,
)
from runners.preflight.inputs.models import model_findings
from runners.preflight.inputs.models import servers_of as servers_of_weights
from runners.preflight.inputs.optimizers import doubts, optimizers
from runners.preflight.inputs.programs import programs
from runners.preflight.inputs.rehearsals import rehearsals
from runners.preflight.inputs.warmups import warmups
from runners.preflight.machine.folders import exists, writing
from runners.preflight.machine.gpus import gpu_request, visible_gpus
from runners.preflight.machine.limits import limits, processors
from runners.preflight.machine.memory import available_memory, memory
from runners.preflight.machine.path_lengths import path_lengths
from runners.preflight.machine.precision import bf16_on_processors
from runners.preflight.machine.ray_folder import cluster, sockets
from runners.preflight.machine.shadows import shadows
from runners.preflight.machine.software import bytecode, packages, the_clock
from runners.preflight.machine.space import Need, space
from runners.preflight.planned import Planned
from runners.preflight.run_lock import in_use, is_held
from runners.preflight.servers import reachable
from runners.preflight.wandb.server import labels, wandb
from runners.trials.machine import cpus_of_this_machine


class PreflightError(UserError):
    """The sweep cannot work on this machine; the message lists all reasons."""


def preflight(planned: Planned, say: Callable[[str], None]) -> None:
    """Print warnings about the sweep, and refuse one that cannot work.

    Raises:
        PreflightError: the sweep cannot work.
    """
    findings = tuple(sweep_findings(planned))
    for finding in with_level(findings, Level.WARNING):
        say(f"warning: {finding.sentence}")
    refuse(planned, findings)


def refuse(planned: Planned, findings: Iterable[Finding]) -> None:
    """Refuse a sweep if a finding says that it cannot work.

    Raises:
        PreflightError: the message lists all such findings.
    """
    if against := with_level(findings, Level.REFUSED):
        reasons = "".join(f"\n  {finding.sentence}" for finding in against)
        raise PreflightError(f"{planned.sweep.source}: nothing was started:{reasons}")


def sweep_findings(planned: Planned) -> Iterator[Finding]:
    """Whether this sweep can work on this machine."""
    yield processors(planned.sweep)
    trains_here = any(trial.trains_here for trial in planned.sweep.trials)
    yield gpu_request(planned.sweep.grid.resources.gpu, visible_gpus(), with_torch=trains_here)
    yield from bf16_on_processors(planned)
    yield from on_this_machine(planned.workers)
    yield from files(planned)
    yield from starts(planned)
    yield from warmups(planned)
    yield from mixed_results(planned)
    yield from other_threads(planned)
    yield from otherwise_made(planned)
    yield from shadows(planned)
    yield from rehearsals(planned)
    yield the_clock()
    yield wandb(planned.mode)
    yield from labels(planned)


def on_this_machine(workers: int) -> Iterator[Finding]:
    """The limits of this machine; a cluster is checked by Ray."""
    if os.environ.get("RAY_ADDRESS"):
        return
    yield memory(workers, available_memory())
    yield from limits(workers)
    yield sockets()


def files(planned: Planned) -> Iterator[Finding]:
    """Whether the sweep's files can be written: names, folders, free space."""
    lengths = path_lengths(planned.longest_folder)
    yield lengths
    # The next check would report a name that is too long a second time.
    if lengths.level is not Level.REFUSED:
        yield from results(planned)
    for purpose, folder in folders_of_downloads(planned).items():
        yield writing(purpose, folder)
    yield from space(needs_of(planned))


def results(planned: Planned) -> Iterator[Finding]:
    """Whether a trial's record can be written, with the names that it has."""
    store, name = planned.store, planned.longest_folder.name
    if exists(store.trials_folder):
        yield writing("results", store.root)
        yield writing("results", store.trials_folder, (name,))
    else:
        yield writing("results", store.root, (store.trials_folder.name, name))


def starts(planned: Planned) -> Iterator[Finding]:
    """Whether data and weights are on this disk or can be downloaded."""
    places = planned.sweep.places
    yield from data_sets(planned)
    yield from programs(planned)
    yield from doubts(planned)
    yield from optimizers(planned)
    for model, pretrained in planned.starts:
        yield from model_findings(model, pretrained, places)


def doctors_findings(planned: Planned) -> Iterator[Finding]:
    """All findings of ``doctor``: the checks before a run, and slower ones."""
    if is_held(planned.store):
        yield refused("results", in_use(planned.store), "")
    yield from loading(planned)
    places = planned.sweep.places
    yield from reachable(
        [
            *servers_of_data(planned),
            *servers_of_weights(planned.starts, places.weights),
        ]
    )
    yield from installation()


def machine_findings(storage: Path, mode: WandbMode) -> Iterator[Finding]:
    """Whether this machine can run sweeps at all, with results below ``storage``."""
    yield gpu_request("auto", visible_gpus())
    yield from on_this_machine(cpus_of_this_machine())
    folders = {"results": storage, "data": data_root(None), "prepared data": prepared_folder()}
    for purpose, folder in folders.items():
        yield writing(purpose, folder)
    nothing_yet = (Need(what=name, folder=folder, size=0) for name, folder in folders.items())
    yield from space([*nothing_yet, ray_files()])
    yield the_clock()
    yield wandb(mode)
    yield from installation()


def installation() -> Iterable[Finding]:
    """Versions, and where Ray runs."""
    return (*packages(), *bytecode(), cluster())
