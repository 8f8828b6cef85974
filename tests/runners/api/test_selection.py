"""A trial is found by its name, its id, or the beginning of one."""

import pytest

from adaloss.grid.sweep import load_sweep
from runners.api.selection import SelectionError, find_trial


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
