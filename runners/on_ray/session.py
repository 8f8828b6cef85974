"""Ray on this machine, or the user's cluster: its start, its resources, and its end."""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ray

from adaloss.errors import UserError
from runners.interrupt import interrupts_delayed
from runners.on_ray.address import lost_cluster, no_answer
from runners.on_ray.allocator import workers_with_jemalloc
from runners.on_ray.end_message import message_if_killed
from runners.on_ray.gpu_sharing import gpus_shared_at_once
from runners.on_ray.private import adapted_tune, reduced_servers
from runners.on_ray.processes import RayProcesses, lost_server, marked
from runners.on_ray.ray_lost import Lost, RayLostError
from runners.preflight.machine.gpus import AMD_DEVICE, visible_gpus
from runners.preflight.machine.ray_folder import ray_folder
from runners.trials.machine import WorkerSettings
from runners.trials.queue import Capacity
from runners.trials.timeline import RAY, Timeline

# Ctrl-C at most so often before Ray's shutdown is interrupted: it takes half a second, or twenty
# seconds if one of its servers is gone.
INTERRUPTS_IN_SHUTDOWN = 3
OBJECT_STORE_BYTES = 200_000_000
# Ray's messages if its node, or a server of it, has not started within half a minute.
SIGNS_OF_A_SLOW_START = ("timed out during startup", "Timed out waiting for file")


class ResourceError(UserError):
    """A trial asks for more than the machine or the cluster has."""


class RayStartError(UserError):
    """Ray does not start, or the user's cluster cannot be joined.

    ``may_pass``: a second start may succeed, because one of Ray's servers died or was too slow.
    """

    def __init__(self, message: str, *, may_pass: bool = False) -> None:
        super().__init__(message)
        self.may_pass = may_pass


@contextmanager
def ray_running(results: Path, settings: WorkerSettings, timeline: Timeline) -> Iterator[Lost]:
    """Start Ray on this machine with room for the workers, or join the user's cluster.

    ``results`` is the folder that the workers write to. Yields a function that returns why Ray is
    lost, or None. Ray is shut down at the end, and none of the processes that it started on this
    machine is alive afterwards, so no trial writes any more.

    Raises:
        RayStartError: Ray does not start.
    """
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    only_cpus = uses_only_cpus(settings)
    tune = adapted_tune(on_cluster=on_a_cluster(), only_cpus=only_cpus)
    # Workers on GPUs, or on a cluster, keep the system's allocator.
    allocator = workers_with_jemalloc() if only_cpus else nullcontext()
    sharing = gpus_shared_at_once() if shares_gpus(settings) else nullcontext()
    with message_if_killed(), tune, empty_folder() as start, marked(results) as processes, sharing:
        try:
            with timeline.span(RAY), interrupts_delayed() as interrupts, allocator, chdir(start):
                start_ray_with_retry(settings, processes, interrupts)
            if on_a_cluster():
                yield lost_cluster(ray.get_runtime_context().gcs_address)
            else:
                yield lost_server(processes)
        except RayLostError:
            # Without one of its servers Ray cannot shut down in order; its workers would continue.
            processes.end()
            raise
        finally:
            with interrupts_delayed(at_most=INTERRUPTS_IN_SHUTDOWN):
                ray.shutdown()


@contextmanager
def empty_folder() -> Iterator[Path]:
    """An empty folder to start Ray in, which exists until Ray has ended.

    Ray puts the folder in which its driver starts first on the path of every worker, before
    Python's own modules. Files in the user's folder could then be imported by accident.
    """
    with TemporaryDirectory(prefix="adaloss-sweep-start-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def uses_only_cpus(settings: WorkerSettings) -> bool:
    """Whether the trials run on this machine and use no GPU."""
    if on_a_cluster() or settings.gpus:
        return False
    return settings.gpus == 0 or not (visible_gpus() or AMD_DEVICE.exists())


def shares_gpus(settings: WorkerSettings) -> bool:
    """Whether several trials may use one of NVIDIA's GPUs of this machine at the same time."""
    if on_a_cluster() or not settings.mps or settings.workers < 2:
        return False
    return (settings.gpus is None or 0 < settings.gpus < 1) and visible_gpus() > 0


def start_ray_with_retry(
    settings: WorkerSettings, processes: RayProcesses, interrupts: Sequence[int]
) -> None:
    """Start Ray; if that fails for a reason that may pass, start it once more without changes.

    Raises:
        RayStartError, KeyboardInterrupt: see :func:`start_ray`.
    """
    try:
        with nullcontext() if on_a_cluster() else reduced_servers():
            start_ray(settings)
    except RayStartError as error:
        if not error.may_pass:
            raise
        ray.shutdown()
        processes.end()
        if not interrupts:
            start_ray(settings)


def start_ray(settings: WorkerSettings) -> None:
    """Start Ray on this machine, reachable from it alone, or join the user's cluster.

    Raises:
        RayStartError: Ray does not start; the message contains the reason that Ray gives.
        KeyboardInterrupt: this process received SIGTERM.
    """
    try:
        if on_a_cluster():
            join_cluster(os.environ["RAY_ADDRESS"])
        else:
            start_here(settings)
    except SystemExit:
        # Ray's handler of SIGTERM, which it sets while it starts.
        raise KeyboardInterrupt from None


def join_cluster(address: str) -> None:
    """Join the user's cluster at RAY_ADDRESS.

    Raises:
        RayStartError: it cannot be joined.
    """
    if "://" in address:
        raise RayStartError(
            f"RAY_ADDRESS is {address}, a Ray Client address, which sweeps do not support: use the "
            "cluster's own address, host:6379, or run this on its head node with "
            "RAY_ADDRESS=auto"
        )
    try:
        if why := no_answer(address):
            raise ConnectionError(why)
        ray.init(log_to_driver=False, logging_level=logging.CRITICAL)
    except Exception as error:
        raise RayStartError(
            f"Ray cannot join the cluster at RAY_ADDRESS {address}: {first_line(error)}; correct "
            "the variable, or unset it to run on this machine (a cluster with a token needs the "
            "same RAY_AUTH_TOKEN here)"
        ) from None


def first_line(error: Exception) -> str:
    """What an error says in its first line."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def start_here(settings: WorkerSettings) -> None:
    """Start Ray on this machine, reachable from it alone.

    Raises:
        RayStartError: Ray does not start.
    """
    try:
        ray.init(
            address="local",
            num_cpus=settings.workers * settings.cpus,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.CRITICAL,
            object_store_memory=OBJECT_STORE_BYTES,
        )
    except Exception as error:
        why = first_line(error)
        raise RayStartError(
            f"Ray does not start: {why}; Ray writes its files to {ray_folder()}: make sure that "
            "there is space and that the folder is writable, or set RAY_TMPDIR to another short "
            "path",
            may_pass=any(sign in why for sign in SIGNS_OF_A_SLOW_START),
        ) from None


def on_a_cluster() -> bool:
    """Whether the sweep joins a cluster of the user's instead of starting Ray."""
    return bool(os.environ.get("RAY_ADDRESS"))


def resources_of_nodes() -> list[dict[str, float]]:
    """The resources of each node that is alive."""
    nodes: list[dict[str, Any]] = ray.nodes()
    return [node["Resources"] for node in nodes if node["Alive"]]


def capacity_for(settings: WorkerSettings, smallest_gpu: int | None = None) -> Capacity:
    """The resources that Ray has for the trials.

    ``smallest_gpu`` are the bytes of the smallest GPU, if there may be GPUs of several kinds.

    Raises:
        ResourceError: a trial needs more than any node has; Tune would wait for it forever.
    """
    nodes = resources_of_nodes()
    for name, needed in (("CPU", settings.cpus), ("GPU", settings.gpus or 0.0)):
        most = max((node.get(name, 0.0) for node in nodes), default=0.0)
        if needed > most:
            raise ResourceError(
                f"resources.{name.lower()}: a trial needs {needed:g} {name}s, "
                f"but there are {most:g}{' on the largest node' if len(nodes) > 1 else ''}"
            )
    gpus = 0.0 if settings.gpus == 0 else sum(node.get("GPU", 0.0) for node in nodes)
    # Where there are GPUs, all trials are on them.
    usable = [node for node in nodes if not gpus or node.get("GPU")]
    cpus = [node.get("CPU", 0.0) for node in usable]
    if not any(fits(settings, node) for node in usable):
        asked = "a GPU" if settings.gpus is None else f"{settings.gpus:g} GPUs"
        raise ResourceError(
            f"resources: a trial needs {settings.cpus} CPUs and {asked} of one node, and no node "
            "has both: lower resources.cpu, or write resources: {gpu: 0}"
        )
    return Capacity(
        # A remainder on a node is too small for a trial.
        cpus=sum(number // settings.cpus * settings.cpus for number in cpus),
        gpus=gpus,
        cpus_per_trial=settings.cpus,
        gpus_per_trial=settings.gpus,
        cpus_of_a_node=max(cpus),
        smallest_gpu=smallest_gpu,
        # On this machine there are only as many processors as may be used.
        most_at_a_time=settings.most_at_a_time if on_a_cluster() else None,
    )


def fits(settings: WorkerSettings, node: Mapping[str, float]) -> bool:
    """Whether a node has room for a trial."""
    return node.get("CPU", 0.0) >= settings.cpus and node.get("GPU", 0.0) >= (settings.gpus or 0.0)
