"""How many trials run at a time on this machine, and with how many processors each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaloss.grid.sweep import load_sweep
from runners.trials import machine
from runners.trials.machine import (
    MachineError,
    cpus_per_trial,
    processors_granted,
    worker_settings,
    workers,
)

GRID = """
name: few
parameters: {{dataset: digits, model: mlp, optimizer: adaloss, b0: {b0}, lr: 0.1,
  epochs: 1, batch_size: 32}}
seeds: 1
resources: {{cpu: {cpu}}}
execution: {{max_concurrent: {most}}}
"""


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """A sweep with so many trials, processors for each, and trials at a time at most."""
    folder = tmp_path_factory.mktemp("grids")

    def make(trials, cpu="auto", most="auto"):
        path = folder / f"{trials}-{cpu}-{most}.yaml"
        if not path.exists():
            values = [10.0**exponent for exponent in range(trials)]
            path.write_text(GRID.format(b0=values, cpu=cpu, most=most))
        return load_sweep(path)

    return make


@pytest.fixture
def processors(monkeypatch):
    """Let the machine have this many processors, and a container the time of so many."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)

    def have(number, granted=None):
        monkeypatch.setattr(machine, "cpus_of_this_machine", lambda: number)
        monkeypatch.setattr(machine, "processors_granted", lambda: granted)

    return have


@pytest.mark.parametrize(
    ("trials", "most", "cpus", "each", "at_a_time"),
    [
        (1, "auto", 16, 16, 1),
        (3, "auto", 16, 5, 3),
        (16, "auto", 16, 1, 16),
        (20, "auto", 16, 1, 16),
        # The grid's own limit leaves processors free as well.
        (20, 4, 16, 4, 4),
        (2, 4, 16, 8, 2),
        (2, "auto", 1, 1, 1),
    ],
)
def test_few_trials_share_the_processors_out(
    sweep, processors, trials, most, cpus, each, at_a_time
):
    processors(cpus)
    asked = sweep(trials, most=most)
    assert (cpus_per_trial(asked), workers(asked)) == (each, at_a_time)
    settings = worker_settings(asked)
    assert (settings.cpus, settings.workers) == (each, at_a_time)


def test_a_container_shares_out_what_it_may_use(sweep, processors, tmp_path):
    processors(64, granted=4.5)
    assert cpus_per_trial(sweep(2)) == 2
    assert (cpus_per_trial(sweep(8)), workers(sweep(8))) == (1, 8)
    processors(64, granted=0.5)
    assert cpus_per_trial(sweep(1)) == 1
    quota = tmp_path / "cpu.max"
    for text, granted in (("450000 100000", 4.5), ("max 100000", None), ("", None)):
        quota.write_text(text)
        assert processors_granted(quota) == granted
    assert processors_granted(tmp_path / "none") is None


def test_a_number_is_taken_as_it_is(sweep, processors):
    processors(16)
    assert (cpus_per_trial(sweep(1, cpu=4)), workers(sweep(1, cpu=4))) == (4, 1)
    assert (cpus_per_trial(sweep(1, cpu=1)), workers(sweep(8, cpu=4))) == (1, 4)
    with pytest.raises(MachineError, match=r"resources\.cpu is 17, and this machine has 16"):
        workers(sweep(1, cpu=17))


def test_a_cluster_gives_each_trial_one_processor(sweep, processors, monkeypatch):
    processors(16)
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:6379")
    assert cpus_per_trial(sweep(2)) == sweep(2).grid.resources.least_cpu == 1
    assert cpus_per_trial(sweep(2, cpu=3)) == 3


@pytest.mark.parametrize("most", [2, 8])
def test_a_cluster_runs_as_many_at_a_time_as_the_grid_says(sweep, processors, monkeypatch, most):
    processors(4)
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:6379")
    asked = sweep(12, most=most)
    # The first is what `plan` prints, the second what the queue of trials keeps to.
    assert (workers(asked), worker_settings(asked).most_at_a_time) == (most, most)
    assert worker_settings(sweep(12)).most_at_a_time == 12


@given(
    trials=st.integers(1, 12),
    cpus=st.integers(1, 300),
    most=st.one_of(st.just("auto"), st.integers(1, 20)),
)
def test_no_processor_is_used_twice_and_none_is_idle_that_could_be_used(sweep, trials, cpus, most):
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        patch.setattr(machine, "cpus_of_this_machine", lambda: cpus)
        patch.setattr(machine, "processors_granted", lambda: None)
        asked = sweep(trials, most=most)
        each, at_a_time = cpus_per_trial(asked), workers(asked)
    assert each * at_a_time <= cpus
    assert at_a_time == min(trials, cpus, trials if most == "auto" else most)
    assert each == cpus // at_a_time
