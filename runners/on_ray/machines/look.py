"""Asks every machine of the cluster for its facts."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray import cloudpickle
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from runners.on_ray.machines import facts
from runners.on_ray.session import first_line, join_cluster

SECONDS_TO_ANSWER = 60.0


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What is known of one machine of the cluster; ``facts`` is None if it did not answer.

    ``ahead`` is how many seconds its clock is ahead of this one, as far as is certain.
    """

    name: str
    address: str
    resources: dict[str, float]
    facts: dict[str, Any] | None
    ahead: float = 0.0
    why: str = ""


@contextmanager
def joined(address: str) -> Iterator[None]:
    """Join the cluster at RAY_ADDRESS for a while, without running anything but this.

    Raises:
        RayStartError: it cannot be joined.
    """
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    join_cluster(address)
    try:
        yield
    finally:
        ray.shutdown()


def machines_of_cluster(
    mark: Path,
    wanted: Sequence[Path] = (),
    code: Sequence[str] = (),
    folders: Sequence[Path] = (),
) -> list[Machine]:
    """All machines of the cluster that this process has joined, this one first.

    The arguments are those of :func:`runners.on_ray.machines.facts.look`.
    """
    # By value: the machine may have another version of this package, or none.
    cloudpickle.register_pickle_by_value(facts)
    try:
        look = ray.remote(num_cpus=0, max_retries=0)(facts.look)
        here = ray.get_runtime_context().get_node_id()
        nodes: list[dict[str, Any]] = [node for node in ray.nodes() if node["Alive"]]
        nodes.sort(key=lambda node: (node["NodeID"] != here, node["NodeName"]))
        asked_at = time.time()
        what = (str(mark), list(map(str, wanted)), list(code), list(map(str, folders)))
        asked = [
            look.options(
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            ).remote(*what)
            for node in nodes
        ]
        deadline = time.monotonic() + SECONDS_TO_ANSWER
        return [answered(*each, asked_at, deadline) for each in zip(nodes, asked, strict=True)]
    finally:
        cloudpickle.unregister_pickle_by_value(facts)


def answered(node: dict[str, Any], asked: Any, asked_at: float, deadline: float) -> Machine:
    """The machine of a node of Ray's with the answer to what it was asked."""
    known = {
        "name": node["NodeName"],
        "address": node["NodeManagerAddress"],
        "resources": node["Resources"],
    }
    try:
        found = ray.get(asked, timeout=max(0.0, deadline - time.monotonic()))
    except RayError as error:
        return Machine(**known, facts=None, why=first_line(error))
    clock = found["clock"]
    ahead = min(0.0, clock - asked_at) or max(0.0, clock - time.time())
    return Machine(**known | {"name": found["name"]}, facts=found, ahead=ahead)
