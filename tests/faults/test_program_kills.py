"""Functions and scripts of the user's, killed at random moments; `make faults` runs all points.

``-k "[12]"`` repeats the point of this number.
"""

import pytest
from patience import PATIENCE
from program_kills import POINTS, point, try_point, undisturbed

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def without_kills(tmp_path_factory):
    """What a program leaves behind without a disturbance."""
    known = {}

    def of(program):
        if program not in known:
            known[program] = undisturbed(program, tmp_path_factory.mktemp("undisturbed"), PATIENCE)
        return known[program]

    return of


@pytest.mark.parametrize("number", range(POINTS))
def test_nothing_is_lost_and_nothing_is_there_twice(number, without_kills, tmp_path):
    chosen = point(number)
    print(chosen)
    outcome = try_point(chosen, without_kills(chosen.program), tmp_path / "sweep", PATIENCE)
    print(outcome.line())
    assert outcome.faults == []
