"""One point of each other kind of kill_points.py at a fixed moment; `make faults` runs these."""

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "kind", ["kill a worker", "kill the raylet", "kill the GCS", "SIGTERM", "Ctrl-C twice"]
)
def test_a_sweep_survives_a_disturbance_of_each_kind(kind, early_point):
    point = early_point(kind)
    assert point.struck
    assert point.faults == []
