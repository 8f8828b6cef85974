"""A sweep of a script whose processes are killed one after the other; more in tests/faults."""

import os
import signal
import sys
from pathlib import Path

import pytest
from patience import PATIENCE, until

sys.path.insert(0, str(Path(__file__).parents[2] / "faults"))
from kill_points import COMPLETE, INTERRUPTED, driver, start, workers
from program_kills import REPORTS, TRIALS, content_of, marked, of_scripts, prepare_program, scripts

pytestmark = pytest.mark.slow


def reports_of(lr, seed):
    weight, reports = 5.0 + seed, []
    for epoch in range(REPORTS):
        weight -= lr * weight
        reports.append((epoch, weight**2))
    return reports


def kill(run, victims):
    """Kill the first of them that there is."""
    found = []

    def is_there():
        found[:] = victims(run)
        return bool(found)

    assert run.wait_until(is_there)
    found[0].send(signal.SIGKILL)


def test_a_killed_script_worker_driver_and_ctrl_c_cost_no_report(tmp_path):
    records = prepare_program("lines", tmp_path)

    def has_reported(run):
        return run.wait_until(lambda: scripts(run) and any(tmp_path.rglob("metrics.jsonl")))

    with start(tmp_path, "run", "--no-figures") as run:
        assert has_reported(run)
        kill(run, scripts)
        assert run.wait_until(lambda: records.ended() >= 1)
        kill(run, lambda run: workers(run) if scripts(run) else [])
        assert run.wait_until(lambda: records.ended() >= 2)
        kill(run, driver)
        assert run.process.wait(PATIENCE) == -signal.SIGKILL
    # Ray's processes were killed as well, the workers before they could end their scripts.
    until(lambda: not marked(str(run.scratch)))
    before = records.finished()
    assert 2 <= len(before) < TRIALS
    with start(tmp_path, "run", "--no-figures") as run:
        assert run.wait_until(lambda: bool(scripts(run)))
        os.killpg(run.process.pid, signal.SIGINT)
        assert run.end(PATIENCE).code == INTERRUPTED
        assert of_scripts(tmp_path) == []
    with start(tmp_path, "run", "--no-figures") as run:
        ended = run.end(PATIENCE)
    assert ended.code == COMPLETE, ended.output
    assert records.finished().items() >= before.items()

    content = content_of(records)
    assert len(content.trials) == TRIALS
    for name, (rows, result) in content.trials.items():
        trial = records.trials[name]
        reports = [(row["logged_epoch"], row["loss"]) for row in rows]
        assert reports == reports_of(dict(trial.parameters)["lr"], trial.seed)
        assert [row["epoch"] for row in rows] == [*range(1, REPORTS + 1)]
        assert (result["state"], result["epochs"]) == ("complete", REPORTS)
