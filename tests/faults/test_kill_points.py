"""The short version of kill_points.py in the test suite: one point at a fixed moment.

``tests/runners/trials/test_fates.py`` kills a worker.
"""

import pytest

pytestmark = pytest.mark.slow


def test_a_sweep_has_the_same_numbers_after_its_driver_is_killed(early_point):
    point = early_point("kill the driver")
    assert point.struck
    assert point.faults == []
