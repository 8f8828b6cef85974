"""Ray on this machine, or the user's cluster: its start, what it has, and its end."""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ray

from adaloss.errors import UserError
from runners.interrupt import interrupts_kept
from runners.on_ray.address import lost_cluster, no_answer
from runners.on_ray.allocator import workers_with_jemalloc
from runners.on_ray.last_words import last_words
from runners.on_ray.lean import lean_servers, lean_tune
from runners.on_ray.loss import Lost, RayLostError
from runners.on_ray.processes import RayProcesses, lost_server, marked
from runners.preflight.machine.gpus import AMD_DEVICE, visible_gpus
from runners.preflight.machine.ray_places import ray_folder
from runners.trials.machine import WorkerSettings
from runners.trials.queue import Capacity
from runners.trials.timeline import RAY, Timeline

# Ray's end takes half a second, and twenty where a server of its is gone.
IMPATIENCE = 3
OBJECT_STORE_BYTES = 200_000_000
# What Ray says when its node, or a server of it, has not come up in half a minute.
SIGNS_OF_A_SLOW_START = ("timed out during startup", "Timed out waiting for file")


class ResourceError(UserError):
    """A trial asks for more than the machine or the cluster has."""


class RayStartError(UserError):
    """Ray does not start, or the user's cluster cannot be joined.

    ``may_pass`` where nothing is known to be wrong: one of its servers has died, or was too slow.
    """

    def __init__(self, message: str, *, may_pass: bool = False) -> None:
        super().__init__(message)
        self.may_pass = may_pass


@contextmanager
def ray_running(results: Path, settings: WorkerSettings, timeline: Timeline) -> Iterator[Lost]:
    """Ray on this machine with room for the workers, or the user's cluster; shut down after.

    ``results`` is the folder that the workers write to. Yields what says whether Ray is lost. Of
    what it starts on this machine nothing is alive afterwards: no trial writes any more.

    Raises:
        RayStartError: there is no Ray.
    """
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    processors = on_processors_alone(settings)
    own = nullcontext() if on_a_cluster() else lean_tune(only_processors=processors)
    # Workers on GPUs, or on a cluster, keep the system's allocator.
    allocator = workers_with_jemalloc() if processors else nullcontext()
    with last_words(), own, empty_folder() as start, marked(results) as processes:
        try:
            with timeline.span(RAY), interrupts_kept() as interrupts, allocator, chdir(start):
                start_ray_at_last(settings, processes, interrupts)
            if on_a_cluster():
                yield lost_cluster(ray.get_runtime_context().gcs_address)
            else:
                yield lost_server(processes)
        except RayLostError:
            # Half of Ray cannot shut down in order, and its workers would go on meanwhile.
            processes.end()
            raise
        finally:
            with interrupts_kept(at_most=IMPATIENCE):
                ray.shutdown()


@contextmanager
def empty_folder() -> Iterator[Path]:
    """A folder to start Ray in, there until Ray has ended.

    Ray puts the folder that its driver starts in first on the path of every worker, before Python's
    own modules: whatever lies in the user's would be executed.
    """
    with TemporaryDirectory(prefix="adaloss-sweep-start-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def on_processors_alone(settings: WorkerSettings) -> bool:
    """Whether the trials run on this machine, and none on a GPU."""
    if on_a_cluster() or settings.gpus:
        return False
    return settings.gpus == 0 or not (visible_gpus() or AMD_DEVICE.exists())


def start_ray_at_last(
    settings: WorkerSettings, processes: RayProcesses, interrupts: Sequence[int]
) -> None:
    """Start Ray, and once more, as it does by itself, where what stood in the way may pass.

    Raises:
        RayStartError, KeyboardInterrupt: see :func:`start_ray`.
    """
    try:
        with nullcontext() if on_a_cluster() else lean_servers():
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
        RayStartError: that does not work; Ray says why with whatever exception comes along.
        KeyboardInterrupt: SIGTERM came.
    """
    address = os.environ.get("RAY_ADDRESS")
    if address and "://" in address:
        raise RayStartError(
            f"RAY_ADDRESS is {address}, through which a sweep cannot follow its trials: give the "
            "cluster's own address, host:6379, or run this on its head node with "
            "RAY_ADDRESS=auto"
        )
    try:
        if address and (why := no_answer(address)):
            raise ConnectionError(why)
        if address:
            ray.init(log_to_driver=False, logging_level=logging.CRITICAL)
        else:
            ray.init(
                address="local",
                num_cpus=settings.workers * settings.cpus,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
                object_store_memory=OBJECT_STORE_BYTES,
            )
    except SystemExit:
        # Ray's own answer to SIGTERM, which it sets on its way.
        raise KeyboardInterrupt from None
    except Exception as error:
        why = next(iter(str(error).strip().splitlines()), type(error).__name__)
        if address:
            raise RayStartError(
                f"Ray cannot join the cluster that RAY_ADDRESS names, {address}: {why}; correct "
                "it, or unset it to run on this machine"
            ) from None
        raise RayStartError(
            f"Ray does not start: {why}; it keeps its files in {ray_folder()}: see that there is "
            "room and that they can be written, or set RAY_TMPDIR to another short path",
            may_pass=any(sign in why for sign in SIGNS_OF_A_SLOW_START),
        ) from None


def on_a_cluster() -> bool:
    """Whether Ray is the user's, and not this run's own."""
    return bool(os.environ.get("RAY_ADDRESS"))


def nodes_there() -> list[dict[str, float]]:
    """The resources of every node that is alive."""
    nodes: list[dict[str, Any]] = ray.nodes()
    return [node["Resources"] for node in nodes if node["Alive"]]


def capacity_for(settings: WorkerSettings) -> Capacity:
    """What there is for the trials, once Ray has counted it.

    Raises:
        ResourceError: a trial asks for more than a node has; Tune would wait for it for ever.
    """
    nodes = nodes_there()
    for name, wanted in (("CPU", settings.cpus), ("GPU", settings.gpus or 0.0)):
        most = max((node.get(name, 0.0) for node in nodes), default=0.0)
        if wanted > most:
            raise ResourceError(
                f"resources.{name.lower()}: a trial asks for {wanted:g} {name}s, "
                f"and there are {most:g}{' on the largest node' if len(nodes) > 1 else ''}"
            )
    cpus = [node.get("CPU", 0.0) for node in nodes]
    return Capacity(
        # What is left over on a node is no place for a trial.
        cpus=sum(number // settings.cpus * settings.cpus for number in cpus),
        gpus=0.0 if settings.gpus == 0 else sum(node.get("GPU", 0.0) for node in nodes),
        cpus_per_trial=settings.cpus,
        gpus_per_trial=settings.gpus,
        cpus_of_a_node=max(cpus),
    )
