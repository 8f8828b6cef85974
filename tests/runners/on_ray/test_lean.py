"""Ray's private names that are changed for a sweep: a new Ray without one of them is noticed."""

import subprocess
import sys
from functools import partial
from pkgutil import resolve_name
from unittest.mock import patch

import pytest
from patience import PATIENCE

from runners.on_ray.actor import reset_with_configuration, started_with_configuration
from runners.on_ray.lean import changed, lean_servers, lean_tune

pytest.importorskip("ray")

GONE = "ray.tune.no_module.name", "ray.tune.no_name", "ray.tune.registry._Registry.no_method"


lean_on_processors = partial(lean_tune, only_processors=True)


@pytest.mark.parametrize("context", [lean_on_processors, lean_servers])
def test_ray_has_the_names_that_are_changed(context):
    with patch("runners.on_ray.lean.changed") as given, context():
        ((changes,), _) = given.call_args
    assert changes
    for name, change in changes:
        before = resolve_name(name)
        with changed([(name, change)]):
            assert resolve_name(name) is not before
        assert resolve_name(name) is before


@pytest.mark.parametrize("name", GONE)
def test_a_name_that_ray_does_not_have_is_left_alone(name):
    with changed([(name, lambda _: None), ("ray.tune.registry._Registry.get", lambda _: None)]):
        with pytest.raises((ImportError, AttributeError)):
            resolve_name(name)
        assert resolve_name("ray.tune.registry._Registry.get") is None


def test_tune_has_its_own_workers_where_it_would_ask_them_otherwise():
    class Trainable:
        def __init__(self, config=None, storage=None):
            pass

        def train(self, for_seconds):
            pass

    with patch("runners.on_ray.lean.changed") as given, lean_on_processors():
        ours = {name for name, _ in given.call_args.args[0]}
    with (
        patch("ray.tune.Trainable", Trainable),
        patch("runners.on_ray.lean.changed") as given,
        lean_on_processors(),
    ):
        tunes = {name for name, _ in given.call_args.args[0]}
    assert tunes < ours
    assert "ray.tune.execution.class_cache._ActorClassCache.get" in ours - tunes


def test_with_gpus_tune_reserves_what_trials_take():
    controller = "ray.tune.execution.tune_controller.PlacementGroupResourceManager"
    reserves = resolve_name(controller)
    with lean_tune(only_processors=False):
        assert resolve_name(controller) is reserves
    with lean_on_processors():
        assert resolve_name(controller).__name__ == "FixedResourceManager"


def test_a_worker_is_given_the_configuration_of_its_trial_alone():
    tunes = {"trial": "{}", "share": {}, "__trial_info__": object()}
    asked = {"config": tunes, "storage": object()}
    assert started_with_configuration(lambda trial: asked)("trial") == {
        "config": {"trial": "{}", "share": {}}
    }
    scheduled = []

    def schedule(controller, **options):
        scheduled.append(options)

    reset_with_configuration(schedule)(
        None, trial="trial", method_name="reset", args=(tunes,), kwargs={"storage": 1}
    )
    reset_with_configuration(schedule)(None, trial="trial", method_name="train", args=())
    config = {"trial": "{}", "share": {}}
    assert scheduled == [
        {"trial": "trial", "method_name": "reset", "args": (config,), "kwargs": {}},
        {"trial": "trial", "method_name": "train", "args": ()},
    ]


SAYS_WHETHER_IT_IMPORTED_WANDB = """
import atexit
import sys

from runners.cli.app import main

atexit.register(lambda: print("imported:", "wandb" in sys.modules))
main()
"""


def test_a_sweep_without_wandb_does_not_wait_for_its_import(grid, tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", SAYS_WHETHER_IT_IMPORTED_WANDB, "run", grid, "--wandb", "disabled"],
        cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=True,
    )  # fmt: skip
    assert run.stdout.splitlines()[-1] == "imported: False"
