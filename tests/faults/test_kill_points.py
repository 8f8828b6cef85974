"""Two of the points of kill_points.py, at a fixed moment: the short version, part of the suite."""

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", ["kill the driver", "kill a worker"])
def test_a_sweep_survives(kind, point_early_on):
    point = point_early_on(kind)
    assert point.struck
    assert point.faults == []
