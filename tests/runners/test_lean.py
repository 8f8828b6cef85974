"""Ray's private names that are changed for a sweep: a new Ray without one of them is noticed."""

from pkgutil import resolve_name
from unittest.mock import patch

import pytest

from runners.on_ray.lean import changed, lean_servers, lean_tune

pytest.importorskip("ray")

GONE = "ray.tune.no_module.name", "ray.tune.no_name", "ray.tune.registry._Registry.no_method"


@pytest.mark.parametrize("context", [lean_tune, lean_servers])
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
