"""Ray's private names: a version of Ray that lacks one is noticed, and one module has them all."""

import ast
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from pkgutil import resolve_name
from unittest.mock import patch

import pytest

from runners.on_ray import private
from runners.on_ray.private import (
    STOCK_RAY,
    adapted_tune,
    changed,
    forget_ended,
    only_configuration,
    reduced_servers,
    resets_with_configuration,
)

pytest.importorskip("ray")
from ray.exceptions import RayActorError
from ray.tune.experiment import Trial

ROOT = Path(__file__).parents[3]
GET = "ray.tune.registry._Registry.get"
ABSENT = "ray.tune.no_module.name", "ray.tune.no_name", "ray.tune.registry._Registry.no_method"

tune_on_cpus = partial(adapted_tune, on_cluster=False, only_cpus=True)


def changes_of(context):
    """The changes that this context makes."""
    with patch.object(private, "changed") as calls, context():
        return calls.call_args.args[0]


def names_of(context):
    return {name for name, _ in changes_of(context)}


@contextmanager
def servers_with_tune():
    """The agents are left out only where Tune has no variables for its workers."""
    with tune_on_cpus(), reduced_servers():
        yield


@pytest.mark.parametrize("context", [tune_on_cpus, reduced_servers])
def test_ray_has_each_name(context):
    changes = changes_of(context)
    assert changes
    for name, replacement in changes:
        before = resolve_name(name)
        with changed([(name, replacement)]):
            assert resolve_name(name) is not before
        assert resolve_name(name) is before


START = "ray._private.services.start_ray_process"
RAYLET = ["raylet", "--session_dir=here", "--node_id=1", "--dashboard_agent_command=python a.py"]


@pytest.fixture
def started(monkeypatch):
    """The command with which a raylet would be started now."""
    commands = []
    monkeypatch.setattr(START, lambda command, *rest, **options: commands.append(command))

    def command():
        with servers_with_tune():
            resolve_name(START)(RAYLET, "raylet")
        return commands.pop()

    return command


def test_the_agents_are_idle_and_have_the_ports_that_the_raylet_waits_for(started, tmp_path):
    from ray import _raylet

    written = {}
    with patch.object(_raylet, "persist_port", lambda *row: written.update({row[2]: row})):
        command = started()
    assert command[:-1] == RAYLET[:-1]
    assert "cat" in command[-1]
    assert len(written) == 4
    assert {row[:2] for row in written.values()} == {("here", "1")}


@pytest.mark.parametrize(
    "missing", ["ray._raylet.persist_port", "ray._raylet.RUNTIME_ENV_AGENT_PORT_NAME"]
)
def test_a_ray_with_other_names_starts_its_agents(started, monkeypatch, missing):
    monkeypatch.delattr(missing)
    assert started() == RAYLET


def test_agents_are_left_to_ray_where_tune_has_variables_or_the_user_wants_it(monkeypatch):
    assert not private.no_worker_needs_an_agent()
    with tune_on_cpus():
        assert private.no_worker_needs_an_agent()
        with monkeypatch.context() as patched:
            patched.setenv("RAY_RUNTIME_ENV_HOOK", "hook")
            assert not private.no_worker_needs_an_agent()
        monkeypatch.setattr(private, "CLASS_CACHE", "ray.tune.execution.gone")
        assert not private.no_worker_needs_an_agent()
    monkeypatch.setenv(STOCK_RAY, "1")
    assert not private.no_worker_needs_an_agent()


@pytest.mark.parametrize("name", ABSENT)
def test_a_name_that_ray_does_not_have_is_left_out(name):
    with changed([(name, lambda _: None), (GET, lambda _: None)]):
        with pytest.raises((ImportError, AttributeError)):
            resolve_name(name)
        assert resolve_name(GET) is None


@pytest.mark.parametrize(("value", "stock"), [("1", True), ("0", False), ("", False)])
def test_stock_ray_has_no_change_at_all(monkeypatch, value, stock):
    monkeypatch.setenv(STOCK_RAY, value)
    names = names_of(tune_on_cpus) | names_of(reduced_servers)
    before = {name: resolve_name(name) for name in names}
    with tune_on_cpus(), reduced_servers():
        assert all((resolve_name(name) is before[name]) == stock for name in names)
    trials = [tunes_trial(Trial.TERMINATED), tunes_trial(Trial.RUNNING)]
    forget_ended(trials)
    assert len(trials) == (2 if stock else 1)


def test_tune_keeps_its_own_workers_if_it_calls_them_differently():
    class Trainable:
        def __init__(self, config=None, storage=None):
            pass

        def train(self, for_seconds):
            pass

    ours = names_of(tune_on_cpus)
    with patch("ray.tune.Trainable", Trainable):
        theirs = names_of(tune_on_cpus)
    assert theirs < ours
    assert "ray.tune.execution.class_cache._ActorClassCache.get" in ours - theirs


def test_a_second_sweep_in_a_process_has_our_workers_too():
    from runners.on_ray.trials import TrialTrainable

    # Ray changes the class's methods, for good.
    resolve_name("ray.tune.execution.class_cache._ActorClassCache")().get(TrialTrainable)
    assert "ray.tune.execution.class_cache._ActorClassCache.get" in names_of(tune_on_cpus)


def test_with_gpus_tune_reserves_resources():
    name = "ray.tune.execution.tune_controller.PlacementGroupResourceManager"
    reserving = resolve_name(name)
    with adapted_tune(on_cluster=False, only_cpus=False):
        assert resolve_name(name) is reserving
    with tune_on_cpus():
        assert resolve_name(name).__name__ == "FixedResourceManager"


def test_on_a_cluster_tune_keeps_its_own_counts_and_its_registry():
    on_cluster = names_of(partial(adapted_tune, on_cluster=True, only_cpus=False))
    assert on_cluster < names_of(partial(adapted_tune, on_cluster=False, only_cpus=False))
    assert not [name for name in on_cluster if "ResourceManager" in name or "registry" in name]


def test_to_tune_rays_out_of_memory_error_is_the_death_of_a_worker():
    # At any other error Tune ends the sweep; tests/faults runs out of memory.
    with tune_on_cpus():
        error = resolve_name("ray._private.serialization.OutOfMemoryError")("low on memory")
    assert isinstance(error, RayActorError)
    assert str(error) == "low on memory"
    assert not error.preempted


def test_a_worker_gets_only_the_configuration_of_its_trial():
    tunes = {"trial": "{}", "share": {}, "__trial_info__": object()}
    arguments = {"config": tunes, "storage": object()}
    assert only_configuration(lambda trial: arguments)("trial") == {
        "config": {"trial": "{}", "share": {}}
    }
    scheduled = []

    def schedule(controller, **options):
        scheduled.append(options)

    reset = resets_with_configuration(schedule)
    reset(None, trial="trial", method_name="reset", args=(tunes,), kwargs={"storage": 1})
    reset(None, trial="trial", method_name="train", args=())
    config = {"trial": "{}", "share": {}}
    assert scheduled == [
        {"trial": "trial", "method_name": "reset", "args": (config,), "kwargs": {}},
        {"trial": "trial", "method_name": "train", "args": ()},
    ]


def tunes_trial(status):
    trial = Trial("worker", config={"trial": "its fields"}, stub=True)
    trial.resolve_config_placeholders({})  # as Tune does: then there are two configurations
    trial.update_last_result({"loss": 1.0, "training_iteration": 1})
    trial._default_result_or_future = "a reference to the worker's answer"
    trial.set_status(status)
    return trial


def test_ended_trials_leave_tunes_list_and_are_emptied():
    running, complete, failed = map(tunes_trial, (Trial.RUNNING, Trial.TERMINATED, Trial.ERROR))
    assert complete.metric_analysis
    trials = [complete, running, failed]
    forget_ended(trials)
    assert trials == [running]
    for ended in (complete, failed):
        assert ended.metric_analysis == ended.metric_n_steps == ended.config == {}
        assert "loss" not in ended.last_result
        assert ended._default_result_or_future is None
        assert "its fields" not in str(vars(ended))
    assert running._default_result_or_future is not None
    assert running.config == {"trial": "its fields"}
    assert running.last_result["loss"] == 1.0


def test_the_last_trial_stays():
    trials = [tunes_trial(Trial.TERMINATED), tunes_trial(Trial.TERMINATED)]
    forget_ended(trials)
    assert len(trials) == 1
    assert trials[0].config == {"trial": "its fields"}


def private_names(source):
    """Imports of Ray's private modules and dotted texts that name something private of Ray's."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = [node.value]
        elif isinstance(node, ast.Attribute) and not ast.unparse(node).startswith("self."):
            names = [ast.unparse(node)]
        else:
            continue
        yield from (n for n in names if n.startswith("ray.") and "._" in n and " " not in n)


@pytest.mark.parametrize(
    "source",
    [
        "from ray._private import serialization",
        "from ray import _raylet",
        "import ray._private.worker",
        "patch('ray.tune.registry._Registry.get')",
        "ray._private.node.Node",
    ],
)
def test_a_private_name_is_found(source):
    assert list(private_names(source))


@pytest.mark.slow
def test_only_one_module_has_private_names_of_ray():
    files = [
        file
        for room in ("adaloss", "analysis", "runners", "benchmarks", "docs")
        for file in sorted((ROOT / room).rglob("*.py"))
    ]
    assert len(files) > 100
    found = {f.relative_to(ROOT).as_posix() for f in files if list(private_names(f.read_text()))}
    assert found == {"runners/on_ray/private.py"}
