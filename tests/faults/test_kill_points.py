"""A few of the points of kill_points.py, at fixed moments."""

import random

import pytest
from kill_points import GRID, Moment, Reference, prepare, try_point
from sweep_run import SECONDS_TO_END, SweepRun

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray")]

SMALL = GRID.replace("seeds: 4", "seeds: 2")


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "sweep"
    records = prepare(folder, SMALL)
    with SweepRun(folder, "run", "grid.yaml", "--wandb", "disabled", "--quiet") as run:
        ended = run.end(SECONDS_TO_END)
    assert ended.code == 0, ended.said
    return Reference(records=records, start=0.0, trials=0.0, tables=0.0)


@pytest.mark.parametrize(
    "kind", ["kill the driver", "kill a worker", "Ctrl-C", "kill the raylet", "kill the GCS"]
)
def test_a_sweep_survives(kind, reference, tmp_path):
    moment = Moment(ended=2, seconds=0.02)
    chance = random.Random(0)
    point = try_point(kind, moment, reference, tmp_path / "sweep", chance, SECONDS_TO_END, SMALL)
    assert point.struck
    assert point.faults == []
