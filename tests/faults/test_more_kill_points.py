"""Points of kill_points.py of the other kinds, at a fixed moment; `make faults` has these too."""

import random

import pytest
from kill_points import SMALL, Moment, try_point
from sweep_run import SECONDS_TO_END

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray")]


@pytest.mark.parametrize("kind", ["kill the raylet", "kill the GCS", "SIGTERM", "Ctrl-C twice"])
def test_a_sweep_survives_this_too(kind, reference, tmp_path):
    moment = Moment(ended=2, seconds=0.02)
    chance = random.Random(0)
    point = try_point(kind, moment, reference, tmp_path / "sweep", chance, SECONDS_TO_END, SMALL)
    assert point.struck
    assert point.faults == []
