"""Points of kill_points.py of the other kinds, at a fixed moment; `make faults` has these too."""

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "kind", ["kill a worker", "kill the raylet", "kill the GCS", "SIGTERM", "Ctrl-C twice"]
)
def test_a_sweep_survives_this_too(kind, point_early_on):
    point = point_early_on(kind)
    assert point.struck
    assert point.faults == []
