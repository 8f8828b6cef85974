"""Which trials are meant by a name, an id, or the beginning of one, and which try a sweep."""

import pytest

from adaloss.grid.sweep import load_sweep
from runners.api.selection import SelectionError, find_trial, smoke_trials


def test_a_whole_name_is_that_trial_though_other_names_begin_with_it(grid):
    grid.write_text(grid.read_text().replace("seeds: 2", "seeds: 11"))
    trials = load_sweep(grid).trials
    one = next(trial for trial in trials if trial.seed == 1)
    longer = f"{one.readable_name}0"
    assert longer in {trial.readable_name for trial in trials}
    assert find_trial(trials, one.readable_name) is one
    assert find_trial(trials, longer).seed == 10
    assert find_trial(trials, one.trial_id) is one
    with pytest.raises(SelectionError, match="11 trials start with"):
        find_trial(trials, one.readable_name[:-1])


def test_a_smoke_run_of_a_program_has_whole_trials_unless_it_is_told_how_to_shorten_them(grid):
    program = "name: own\nprogram: train.py:train\nmetric: {name: loss}\n"
    grid.write_text(f"{program}parameters: {{lr: [1, 2], epochs: 50}}\nseeds: 2\n")
    trials = load_sweep(grid).trials
    whole = tuple(trial for trial in trials if trial.seed == 0)
    assert smoke_trials(trials, ()) == whole
    assert [trial.value("epochs") for trial in smoke_trials(trials, ["epochs=1"])] == [1, 1]
