"""The workers of a sweep on this machine: how many there are, and their settings."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from adaloss.errors import UserError
from adaloss.grid.sweep import Sweep
from adaloss.records.places import Places
from adaloss.trial import Capture

CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """Resources and limits of each trial. Times are in seconds.

    ``workers`` trials at a time have room on this machine; ``most_at_a_time`` may run on all
    machines of a cluster together, None for any number. ``gpus`` None packs trials on the GPUs, if
    there are any, by the memory that they need. ``device`` None is the GPU if the trial has one,
    else the processor. ``mps``: trials that share a GPU compute at the same time, if possible.
    """

    places: Places
    cpus: int
    gpus: float | None
    workers: int
    retries: int
    max_failed: int | None
    timeout: float | None
    checkpoint_interval: float
    keep_checkpoints: bool
    capture: Capture = "auto"
    device: str | None = None
    mps: bool = False
    most_at_a_time: int | None = None


class MachineError(UserError):
    """The sweep needs more than this machine has; the message has the numbers."""


def cpus_of_this_machine() -> int:
    """The number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processors_granted(quota_file: Path = CPU_QUOTA) -> float | None:
    """The processors whose time a container may use, of those that it sees; None for all."""
    with suppress(OSError, ValueError):
        quota, period = map(int, quota_file.read_text().split())
        return quota / period
    return None


def most_at_a_time(sweep: Sweep) -> int:
    """How many trials the grid lets run at a time, whatever the machine has."""
    if sweep.grid.metrics is not None and sweep.grid.metrics.file is not None:
        # All scripts write the same file.
        return 1
    requested, trials = sweep.grid.execution.max_concurrent, max(1, len(sweep.trials))
    return trials if requested == "auto" else min(requested, trials)


def cpus_per_trial(sweep: Sweep) -> int:
    """The processors of each trial, which are also its threads.

    ``auto`` counts the trials of the whole sweep, not those that are missing: the numbers of a
    trial may depend on its threads, so the same grid has the same number of them on this machine.
    """
    resources = sweep.grid.resources
    if resources.cpu != "auto" or os.environ.get("RAY_ADDRESS"):
        return resources.least_cpu
    cpus, granted = cpus_of_this_machine(), processors_granted()
    usable = cpus if granted is None else min(cpus, int(granted))
    return max(1, usable // most_at_a_time(sweep))


def workers(sweep: Sweep) -> int:
    """Trials at a time: the grid's number, at most as many as the processors allow.

    On a cluster, whose processors Ray counts, a number that the grid names is taken as it is.

    Raises:
        MachineError: not even one trial fits.
    """
    cpus, per_trial = cpus_of_this_machine(), cpus_per_trial(sweep)
    on_cluster = bool(os.environ.get("RAY_ADDRESS"))
    if on_cluster and sweep.grid.execution.max_concurrent != "auto":
        return most_at_a_time(sweep)
    if per_trial > cpus and not on_cluster:
        raise MachineError(
            f"{sweep.source}: resources.cpu is {per_trial}, and this machine has {cpus} "
            "processors: lower it"
        )
    return min(most_at_a_time(sweep), max(1, cpus // per_trial))


def worker_settings(sweep: Sweep) -> WorkerSettings:
    """The workers' settings from the grid's resources and execution."""
    resources, execution = sweep.grid.resources, sweep.grid.execution
    return WorkerSettings(
        places=sweep.places,
        cpus=cpus_per_trial(sweep),
        gpus=None if resources.gpu == "auto" else resources.gpu,
        workers=workers(sweep),
        retries=execution.retries,
        max_failed=execution.max_failed,
        timeout=execution.timeout,
        checkpoint_interval=execution.checkpoint_interval,
        keep_checkpoints=execution.keep_checkpoints,
        capture=execution.capture,
        mps=resources.mps,
        most_at_a_time=most_at_a_time(sweep),
    )
