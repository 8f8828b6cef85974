"""A sweep on a Ray cluster of two "machines", the second of which has none of the first's files."""

import pytest

pytest.importorskip("ray")
from cluster import why_not
from cluster_sweeps import cluster, command, folder, recorded, workers_of

from adaloss.tasks.metrics import numbers

__all__ = ["cluster", "command", "folder"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(why_not()), reason=f"no machines: {why_not()}"),
]


def test_both_machines_run_trials_with_the_numbers_of_one(cluster, folder, command, start):
    code, output = command("run", "grid.yaml", "--profile")
    assert code == 0, output
    assert "\ntrials on machine2 send their records here, with Ray" in output
    assert set(workers_of(folder)) == {"machine1", "machine2"}
    trials = recorded(folder)
    for trial in list(trials)[::3]:
        execution = start(trial)
        while execution.advance() is not None:
            pass
        assert [numbers(epoch) for epoch in execution.history] == trials[trial]
    left = cluster.machines[1].run("find", cluster.folder / "cache", "-name", "*.jsonl")
    assert left == ""


def test_doctor_has_a_row_for_each_machine(command):
    code, output = command("doctor", "grid.yaml")
    assert code == 0, output
    rows = [line for line in output.splitlines() if "CPUs for Ray" in line]
    assert [row.split()[1] for row in rows] == ["machine1:", "machine2:"]
    assert "sees the results" in rows[0]
    assert "sends its records to this machine" in rows[1]
