"""Every private name of Ray and Tune that a sweep uses, and what it is used for (decisions/020).

Ray has no options for these. The comment above each change says what it changes, what that gives,
and what happens with a version of Ray that has other names. ``ADALOSS_STOCK_RAY=1`` uses none of
them. A test reports a version that lacks one, and another that no other module has such names.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from inspect import signature
from pkgutil import resolve_name
from typing import Any
from unittest.mock import patch

from ray.exceptions import RayActorError

from runners.on_ray.actor import trial_worker_class

STOCK_RAY = "ADALOSS_STOCK_RAY"

# A name of Ray's, and the function that makes its replacement from what the name stands for.
Change = tuple[str, Callable[[Any], object]]

CONTROLLER = "ray.tune.execution.tune_controller"
CLASS_CACHE = "ray.tune.execution.class_cache"


def stock_ray() -> bool:
    """Whether the user wants Ray without any of these changes."""
    return os.environ.get(STOCK_RAY, "") not in ("", "0")


@contextmanager
def adapted_tune(*, on_cluster: bool, only_cpus: bool) -> Iterator[None]:
    """Change Tune while trials run.

    Args:
        on_cluster: Ray is the user's.
        only_cpus: The trials run on this machine and use no GPU.
    """
    changes = [*changes_everywhere()]
    if not on_cluster:
        changes += changes_on_this_machine(only_cpus=only_cpus)
    with changed(changes):
        yield


def changes_everywhere() -> list[Change]:
    """What a sweep changes in Tune on this machine and on a cluster."""
    changes: list[Change] = [
        # A worker that Ray kills for lack of memory counts as a worker that died. Otherwise Tune
        # ends the sweep at the first (tests/faults).
        ("ray._private.serialization.OutOfMemoryError", lambda _: OutOfMemoryError),
        # Tune does not count callbacks by their kind for Ray's usage report. Otherwise it imports
        # W&B to know the kinds, a second before the first worker starts.
        ("ray.air._internal.usage.tag_callbacks", lambda _: nothing),
    ]
    if trainable_is_known():
        # Workers do not import Tune. Otherwise each imports a thousand modules more: 107 MB for two
        # workers.
        changes += [
            (f"{CONTROLLER}._get_trainable_kwargs", only_configuration),
            (f"{CONTROLLER}.TuneController._schedule_trial_task", resets_with_configuration),
            (f"{CLASS_CACHE}._ActorClassCache.get", always_trial_worker),
        ]
    return changes


def changes_on_this_machine(*, only_cpus: bool) -> list[Change]:
    """What a sweep changes in Tune on this machine."""
    changes: list[Change] = [
        # Tune has no variables for its workers, with which Ray would start each worker anew through
        # an agent. Only then the agents below are left out.
        (f"{CLASS_CACHE}.DEFAULT_ENV_VARS", lambda _: {}),
        (f"{CLASS_CACHE}.ENV_VARS_TO_PROPAGATE", lambda _: frozenset()),
        # The driver remembers its trainable. Otherwise it asks Ray's GCS for it at every trial:
        # 18 % more time for 2,000 short trials, and an endless wait if the GCS has died.
        ("ray.tune.registry._Registry.contains", remembered),
        ("ray.tune.registry._Registry.get", remembered),
    ]
    if only_cpus:
        # Tune counts processors itself. Otherwise the GCS reserves them for every trial: 6 % more
        # time for 2,000 short trials.
        changes.append((f"{CONTROLLER}.PlacementGroupResourceManager", counts_resources))
    return changes


@contextmanager
def reduced_servers() -> Iterator[None]:
    """Start Ray without the servers that a sweep does not use (decisions/011)."""
    changes: list[Change] = [
        # No autoscaler, no log monitor, and no server of the dashboard, which is off. Otherwise
        # Ray starts them: 115 MB.
        ("ray._private.node.Node.start_monitor", lambda _: nothing),
        ("ray._private.node.Node.start_log_monitor", lambda _: nothing),
        ("ray._private.node.Node.start_api_server", lambda _: nothing),
    ]
    if no_worker_needs_an_agent():
        # The raylet's two agents do nothing. Otherwise each is a Python process that imports Ray:
        # 2 s of the start, and 78 MB.
        changes.append(("ray._private.services.start_ray_process", without_agents))
    with changed(changes):
        yield


@contextmanager
def changed(changes: Iterable[Change]) -> Iterator[None]:
    """Replace these names of Ray's; a name that Ray does not have is left out."""
    with ExitStack() as replaced:
        for name, replacement in () if stock_ray() else changes:
            with suppress(ImportError, AttributeError):
                replaced.enter_context(patch(name, replacement(resolve_name(name))))
        yield


# Replacements of Tune's names


class OutOfMemoryError(RayActorError):
    """Ray has killed a worker to save the machine's memory.

    Ray's own error of this name is not among those that tell Tune that a worker has died.
    """

    def __init__(self, message: str) -> None:
        super().__init__(error_msg=message)


def remembered(ask: Callable[[Any, str, str], Any]) -> Callable[[Any, str, str], Any]:
    """A method of Tune's registry that asks only until it has an answer."""
    answers: dict[tuple[str, str], Any] = {}

    def answer(registry: Any, category: str, key: str) -> Any:
        if not (found := answers.get((category, key))):
            found = answers[category, key] = ask(registry, category, key)
        return found

    return answer


def counts_resources(reserving: object) -> object:
    """Tune's class that counts the resources of trials, instead of the one that reserves them."""
    from ray.air.execution import FixedResourceManager

    return FixedResourceManager


# The methods of a Trainable that Tune calls, with the arguments that TrialWorker expects.
TRAINABLE = {
    "__init__": ("self", "config", "storage"),
    "train": ("self",),
    "reset": ("self", "new_config", "storage"),
    "get_auto_filled_metrics": (
        "self", "now", "time_this_iter", "timestamp", "debug_metrics_only",
    ),
    "stop": ("self",),
}  # fmt: skip
# Tune adds entries with this prefix to a trial's configuration; only Tune can unpickle them.
TUNE_PREFIX = "__"


def trainable_is_known() -> bool:
    """Whether Tune's Trainable has the methods and arguments that TrialWorker was written for."""
    from ray.tune import Trainable

    def arguments_of(method: Any) -> tuple[str, ...]:
        # Ray adds a parameter for tracing to the methods of a class that it has started.
        return tuple(name for name in signature(method).parameters if not name.startswith("_ray"))

    methods = vars(Trainable)
    return all(
        name in methods and arguments_of(methods[name]) == arguments
        for name, arguments in TRAINABLE.items()
    )


def always_trial_worker(get: Callable[..., Any]) -> Callable[..., Any]:
    """Tune's method that returns Ray's class for a trainable: it is TrialWorker for all."""
    return lambda cache, trainable: trial_worker_class()


def only_configuration(arguments: Callable[[Any], dict[str, Any]]) -> Callable[[Any], Any]:
    """Tune's function that returns a worker's arguments: only the trial's configuration."""

    def arguments_of(trial: Any) -> dict[str, Any]:
        return {"config": without_tune_entries(arguments(trial)["config"])}

    return arguments_of


def resets_with_configuration(schedule: Callable[..., Any]) -> Callable[..., Any]:
    """Tune's method that calls a worker's method: reset gets only the next configuration."""

    def schedule_task(controller: Any, trial: Any, method_name: str, **options: Any) -> Any:
        if method_name == "reset":
            (config,) = options["args"]
            options |= {"args": (without_tune_entries(config),), "kwargs": {}}
        return schedule(controller, trial=trial, method_name=method_name, **options)

    return schedule_task


def without_tune_entries(config: dict[str, Any]) -> dict[str, Any]:
    """A trial's configuration as the queue suggested it."""
    return {name: value for name, value in config.items() if not name.startswith(TUNE_PREFIX)}


# State of Tune's objects


def forget_ended(trials: list[Any]) -> None:
    """Remove ended trials from Tune's list and empty them; the records on disk stay.

    Tune keeps all trials until the end of the sweep and looks at each of them at every step: 6 %
    more time for 2,000 short trials, and 65 MB in the driver. Where Tune has other
    names, an ended trial keeps more. One ended trial stays, because Tune would try to restore an
    experiment with an empty list from disk.
    """
    if stock_ray():
        return
    for trial in [trial for trial in trials if trial.is_finished()]:
        if len(trials) == 1:
            return
        trials.remove(trial)
        trial.metric_analysis.clear()
        trial.metric_n_steps.clear()
        trial.run_metadata.last_result = {"done": True}
        trial.run_metadata.checkpoint_manager = None
        trial.config.clear()
        vars(trial).get("_Trial__unresolved_config", {}).clear()
        trial.evaluated_params.clear()
        trial.experiment_tag = ""
        trial.storage = None
        # A reference to the worker's answer, which Ray keeps in memory as long as there is one.
        trial._default_result_or_future = None


def has_worker(tune_controller: Any, trial: Any) -> bool:
    """Whether a worker has been started for this waiting trial, or is about to take it.

    Without it, the successor of a worker that died is killed again and again (decisions/017).
    False where Tune has other names: trials then take free workers in their order.
    """
    try:
        controller = private_controller(tune_controller)
        worker = controller["_trial_to_actor"].get(trial)
        return worker is not None and bool(controller["_actor_manager"].is_actor_started(worker))
    except (AttributeError, KeyError, TypeError):
        return False


def has_free_worker(tune_controller: Any, trial: Any) -> bool:
    """Whether a worker with the trial's processors and GPUs is free; False as above."""
    try:
        cache = private_controller(tune_controller)["_actor_cache"]
        return bool(cache.has_cached_object(trial.placement_group_factory))
    except (AttributeError, KeyError, TypeError):
        return False


def private_controller(tune_controller: Any) -> Mapping[str, Any]:
    """The state of Tune's controller, which its schedulers get a wrapper of."""
    return {} if stock_ray() else vars(vars(tune_controller)["_tune_controller"])


# Replacements of Ray's servers

# Ends with the raylet, whose pipe is its standard input; ignores any further arguments.
IDLE = '/bin/sh -c "exec cat" idle'
AGENTS = ("--dashboard_agent_command=", "--runtime_env_agent_command=")
# Ray's own agent writes this for a service that it does not offer.
NOT_OFFERED = -1
# The agent of runtime environments must have a port. Nothing connects to it but a user's function
# that starts work of its own on Ray with a runtime environment, which then waits.
UNUSED_PORT = 1
# With one of these the user's workers have a runtime environment, which an agent sets up.
RUNTIME_ENVIRONMENT = ("RAY_RUNTIME_ENV_HOOK", "RAY_JOB_CONFIG_JSON_ENV_VAR")


def nothing(*arguments: object, **options: object) -> None:
    """Replaces a method that would start a server."""


def no_worker_needs_an_agent() -> bool:
    """Whether no worker will have a runtime environment."""
    if stock_ray():
        return False
    try:
        variables = vars(resolve_name(CLASS_CACHE))
    except (ImportError, AttributeError):
        return False
    names = ("DEFAULT_ENV_VARS", "ENV_VARS_TO_PROPAGATE")
    return (
        sys.platform == "linux"
        and all(name in variables and not variables[name] for name in names)
        and not any(name in os.environ for name in RUNTIME_ENVIRONMENT)
    )


def without_agents(start: Callable[..., Any]) -> Callable[..., Any]:
    """Ray's function that starts a process, which then starts a raylet with idle agents.

    The raylet requires agents, waits for the files with their ports, and dies with them.
    """

    def start_process(command: Sequence[str], process_type: str, *rest: Any, **options: Any) -> Any:
        if process_type == "raylet":
            # Where Ray has other names, it starts its agents.
            with suppress(ImportError, AttributeError, KeyError):
                write_ports(options_of(command))
                command = [with_idle_agent(word) for word in command]
        return start(command, process_type, *rest, **options)

    return start_process


def options_of(command: Sequence[str]) -> Mapping[str, str]:
    """The options of a command by name."""
    pairs = (word.removeprefix("--").partition("=") for word in command)
    return {name: value for name, _, value in pairs}


def with_idle_agent(word: str) -> str:
    """An option of the raylet; the command of an agent is replaced by an idle one."""
    return next((agent + IDLE for agent in AGENTS if word.startswith(agent)), word)


def write_ports(options: Mapping[str, str]) -> None:
    """Write the ports of the agents, which have none, to the files that the raylet waits for."""
    from ray import _raylet

    # Compiled: type checkers do not see its names.
    names: Any = _raylet
    ports = {
        names.METRICS_AGENT_PORT_NAME: NOT_OFFERED,
        names.METRICS_EXPORT_PORT_NAME: NOT_OFFERED,
        names.DASHBOARD_AGENT_LISTEN_PORT_NAME: NOT_OFFERED,
        names.RUNTIME_ENV_AGENT_PORT_NAME: UNUSED_PORT,
    }
    for name, port in ports.items():
        names.persist_port(options["session_dir"], options["node_id"], name, port)
