"""Functions and scripts of the user's, killed at random moments; `make faults` runs all points.

``test_program_kills.py::test_nothing_is_lost_and_nothing_is_there_twice[12]`` repeats one point.
"""

import pytest
from kill_points import FAILED, prepare, start
from patience import PATIENCE
from program_kills import POINTS, marked, point, try_point, undisturbed

from adaloss.records.result import FailureKind, TrialState

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


HANGING = """\
import argparse, os, signal, subprocess, time

parser = argparse.ArgumentParser()
parser.add_argument("--case")
case = parser.parse_args().case
if case != "ends":
    subprocess.Popen(["sleep", "1000"], start_new_session=True)
if case == "ignores SIGTERM":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if case != "ends":
    time.sleep(1000)
open(os.environ["ADALOSS_REPORT"], "a").write('{"loss": 1}')
"""
GRID = """\
name: hanging
program: train.py
metric: {name: loss}
parameters: {case: [hangs, ignores SIGTERM, ends]}
resources: {cpu: 1}
execution: {timeout: 8s, max_concurrent: 1}
"""


def test_a_script_that_hangs_is_ended_with_its_processes_and_the_next_trial_runs(tmp_path):
    (tmp_path / "train.py").write_text(HANGING)
    records = prepare(tmp_path, GRID)
    with start(tmp_path) as run:
        ended = run.end(PATIENCE)
        assert ended.code == FAILED, ended.output
        assert marked(str(run.scratch)) == []
    results = {
        dict(t.parameters)["case"]: records.store.read_result(t) for t in records.sweep.trials
    }
    assert results["ends"].state is TrialState.COMPLETE
    for case in ("hangs", "ignores SIGTERM"):
        assert results[case].failure.kind is FailureKind.TIMEOUT
