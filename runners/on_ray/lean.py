"""Ray on this machine without what a sweep has no use for: sooner started, with less memory.

Ray has no options for these: they are reached by its private names. Where a version of it has
others, it starts more than is needed, and a test says so.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pkgutil import resolve_name
from typing import Any
from unittest.mock import patch

from runners.on_ray.actor import (
    always_ours,
    reset_with_configuration,
    started_with_configuration,
    tune_speaks_so,
)
from runners.on_ray.forget import forgets_tasks

# Ends with the raylet, whose pipe is its standard input, and takes whatever words follow.
IDLE = '/bin/sh -c "exec cat" idle'
START_PROCESS = "ray._private.services.start_ray_process"
COUNT_CALLBACKS = "ray.air._internal.usage.tag_callbacks"
REMOVE_ACTOR = "ray.air.execution._internal.actor_manager.RayActorManager.remove_actor"
AGENTS = ("--dashboard_agent_command=", "--runtime_env_agent_command=")
# What Ray's own agent writes of a service that it does not offer.
NOT_OFFERED = -1
# An agent that sets up workers has a port always; here nothing asks at it.
UNUSED_PORT = 1
# With any of these a user's workers have an environment of their own, which an agent sets up.
OWN_ENVIRONMENTS = ("RAY_RUNTIME_ENV_HOOK", "RAY_JOB_CONFIG_JSON_ENV_VAR")

# A name of Ray's, and what makes of what it stands for that which it is to stand for.
Change = tuple[str, Callable[[Any], object]]


@contextmanager
def lean_tune(*, only_processors: bool) -> Iterator[None]:
    """While trials run: workers without Tune, in the driver's environment; the registry is known.

    Tune would set variables for each worker (they use no Lightning), and Ray starts every worker
    that has variables of its own anew, through an agent. For each trial Tune would ask Ray's GCS
    for its trainable, and wait there for one that has died. To count callbacks for Ray's statistics
    of use, which know of none then, it would import W&B before it starts a worker. Where there are
    ``only_processors``, and no GPUs to be told apart, it counts what trials take, and has no part
    of the machine reserved for each of them by the GCS.
    """
    changes: list[Change] = [
        ("ray.tune.execution.class_cache.DEFAULT_ENV_VARS", lambda _: {}),
        ("ray.tune.execution.class_cache.ENV_VARS_TO_PROPAGATE", lambda _: frozenset()),
        ("ray.tune.registry._Registry.contains", kept),
        ("ray.tune.registry._Registry.get", kept),
        (REMOVE_ACTOR, forgets_tasks),
        (COUNT_CALLBACKS, lambda _: nothing),
    ]
    controller = "ray.tune.execution.tune_controller"
    if only_processors:
        changes.append((f"{controller}.PlacementGroupResourceManager", counting))
    if tune_speaks_so():
        changes += [
            (f"{controller}._get_trainable_kwargs", started_with_configuration),
            (f"{controller}.TuneController._schedule_trial_task", reset_with_configuration),
            ("ray.tune.execution.class_cache._ActorClassCache.get", always_ours),
        ]
    with changed(changes):
        yield


def counting(reserving: object) -> object:
    """Tune's class that counts what trials take, in place of the one that reserves it."""
    from ray.air.execution import FixedResourceManager

    return FixedResourceManager


def kept(ask: Callable[[Any, str, str], Any]) -> Callable[[Any, str, str], Any]:
    """A question to the registry that is not asked again once there is something."""
    answers: dict[tuple[str, str], Any] = {}

    def answer(registry: Any, category: str, key: str) -> Any:
        if not (known := answers.get((category, key))):
            known = answers[category, key] = ask(registry, category, key)
        return known

    return answer


@contextmanager
def lean_servers() -> Iterator[None]:
    """While Ray starts: no autoscaler, log monitor, dashboard (which is off) or agents."""
    changes: list[Change] = [
        ("ray._private.node.Node.start_monitor", lambda _: nothing),
        ("ray._private.node.Node.start_log_monitor", lambda _: nothing),
        ("ray._private.node.Node.start_api_server", lambda _: nothing),
    ]
    if agents_are_idle():
        changes.append((START_PROCESS, without_agents))
    with changed(changes):
        yield


@contextmanager
def changed(changes: Iterable[Change]) -> Iterator[None]:
    """Have these names of Ray's stand for something else, those of them that it has."""
    with ExitStack() as all_changes:
        for name, change in changes:
            with suppress(ImportError, AttributeError):
                all_changes.enter_context(patch(name, change(resolve_name(name))))
        yield


def nothing(*arguments: object, **options: object) -> None:
    """In place of what would start a process, or import a module, that is not needed."""


def agents_are_idle() -> bool:
    """Whether no worker will have an environment that an agent must set up."""
    from ray.tune.execution import class_cache

    given = (vars(class_cache).get(name) for name in ("DEFAULT_ENV_VARS", "ENV_VARS_TO_PROPAGATE"))
    return (
        sys.platform == "linux"
        and all(value is not None and not value for value in given)
        and not any(name in os.environ for name in OWN_ENVIRONMENTS)
    )


def without_agents(start: Callable[..., Any]) -> Callable[..., Any]:
    """Ray's function that starts a process, where the raylet's two agents do nothing.

    Each is a Python process of some 60 MB that imports Ray for as long as a worker does. The raylet
    insists on agents, waits for the files in which they note their ports, and dies with them.
    """

    def start_process(command: Sequence[str], process_type: str, *rest: Any, **options: Any) -> Any:
        if process_type == "raylet":
            note_ports(given(command))
            command = [idle(word) for word in command]
        return start(command, process_type, *rest, **options)

    return start_process


def given(command: Sequence[str]) -> Mapping[str, str]:
    """The options of a command by name."""
    pairs = (word.removeprefix("--").partition("=") for word in command)
    return {name: value for name, _, value in pairs}


def idle(word: str) -> str:
    """The raylet's option; of an agent's command, one that does nothing."""
    return next((agent + IDLE for agent in AGENTS if word.startswith(agent)), word)


def note_ports(options: Mapping[str, str]) -> None:
    """Write the ports of the agents, which are none, where the raylet looks for them."""
    from ray import _raylet

    # Compiled: what it has is not known to type checkers.
    names: Any = _raylet
    ports = {
        names.METRICS_AGENT_PORT_NAME: NOT_OFFERED,
        names.METRICS_EXPORT_PORT_NAME: NOT_OFFERED,
        names.DASHBOARD_AGENT_LISTEN_PORT_NAME: NOT_OFFERED,
        names.RUNTIME_ENV_AGENT_PORT_NAME: UNUSED_PORT,
    }
    for name, port in ports.items():
        names.persist_port(options["session_dir"], options["node_id"], name, port)
