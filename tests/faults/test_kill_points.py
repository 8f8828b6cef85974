"""One of the points of kill_points.py, at a fixed moment: the short version, part of the suite.

A worker is killed in ``tests/runners/trials/test_fates.py``.
"""

import pytest

pytestmark = pytest.mark.slow


def test_a_sweep_whose_driver_is_killed_comes_to_the_numbers_of_one_without_ray(point_early_on):
    point = point_early_on("kill the driver")
    assert point.struck
    assert point.faults == []
