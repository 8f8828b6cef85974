"""How long trials will take, and that a long run begins with a question."""

import io
import json
import shutil

import pytest

from adaloss.grid.sweep import load_sweep
from runners.api.plans import plan_of, plan_to_run
from runners.launch import DeclinedError, ask_before_a_long_run
from runners.planning import kind, seconds_together
from runners.trials import machine

HOURS = 3600.0


@pytest.fixture
def slow(finished, grid):
    """The small sweep on record, each trial of which took five hours."""
    for trial in load_sweep(grid).trials:
        took = {"seconds": 5 * HOURS}
        finished.write_result(trial, finished.read_result(trial).model_copy(update=took))
    return finished


@pytest.fixture
def asked(monkeypatch):
    """What somebody at a terminal, who answers no, is asked before these trials run."""

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    def question(plan, trials, at_a_time):
        screen = Terminal()
        with monkeypatch.context() as patch:
            patch.setattr("sys.stdin", Terminal("n\n"))
            patch.setattr("sys.stderr", screen)
            with pytest.raises(DeclinedError):
                ask_before_a_long_run(plan, trials, at_a_time)
        return screen.getvalue()

    return question


def test_fewer_trials_than_workers_take_as_long_as_the_longest(slow, grid, cli, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(machine, "cpus_of_this_machine", lambda: 8)
    shutil.rmtree(slow.trial_folder(load_sweep(grid).trials[0]))
    _, printed, _ = cli("plan", grid)
    assert "the missing trials will take about 5 h 0 min, 1 at a time" in printed
    # The room that the machine has, and the time of all trials after each other.
    _, printed, _ = cli("plan", grid, "--json")
    plan = json.loads(printed)
    assert (plan["at_a_time"], plan["device_seconds"]) == (8, 5 * HOURS)


def test_of_trials_that_share_workers_each_waits_for_its_turn(grid):
    trials = load_sweep(grid).trials
    epochs = trials[0].epochs
    measured = {kind(trial): 1.0 for trial in trials}
    assert seconds_together(trials, measured, 1) == len(trials) * epochs
    assert seconds_together(trials, measured, 2) == len(trials) * epochs / 2
    measured[kind(trials[0])] = 100.0
    assert seconds_together(trials, measured, len(trials)) == 100.0 * epochs
    assert seconds_together(trials, {}, 2) is None
    assert seconds_together((), measured, 2) == 0


def test_one_long_trial_is_asked_about(slow, grid, asked):
    sweep = load_sweep(grid)
    shutil.rmtree(slow.trial_folder(sweep.trials[0]))
    plan = plan_of(sweep, sweep.trials, None, slow)
    question = asked(plan, plan.missing, 8)
    assert question == "1 trial will take about 5 h 0 min. Run it? [y/N] "


def test_so_is_a_retry_of_all_trials(slow, grid, asked):
    sweep = load_sweep(grid)
    plan = plan_to_run(sweep, sweep.trials, None, slow, print, sweep.trials)
    assert plan.missing == sweep.trials
    question = asked(plan, plan.missing, 2)
    assert question == "8 trials will take about 20 h 0 min. Run them? [y/N] "
