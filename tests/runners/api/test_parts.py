"""Parts of a sweep, and smoke runs, from Python: what is empty is not taken for all of it."""

from pathlib import Path

import numpy as np
import pytest
from small_records import finish

import runners
from adaloss.errors import UserError
from adaloss.grid.sweep import load_sweep
from adaloss.records.result import TrialState
from adaloss.records.store import Store
from runners.api.selection import smoke_trials


@pytest.fixture
def smoke_run(grid, tmp_path):
    """Have the records of a smoke run of the small sweep with these changes."""

    def have(*changes):
        store = Store(tmp_path / "results" / "smoke" / "small")
        for trial in smoke_trials(load_sweep(grid).trials, changes):
            finish(store, trial, TrialState.COMPLETE)

    return have


def test_values_of_numpy_and_pandas_select_as_those_of_python(grid, finished):
    frame = runners.results(grid).frame
    for only, trials in (
        ({"b0": frame["b0"].unique()}, 8),
        ({"b0": frame["b0"].unique()[:1], "seed": range(1)}, 2),
        ({"b0": {0.01, 1.0}, "optimizer": frame["optimizer"]}, 8),
        ({"seed": (number for number in np.arange(1))}, 4),
    ):
        assert runners.plan(grid, only=only).counts["trials"] == trials
    # Of which NumPy's own text is no number.
    small = np.geomspace(1e-4, 1e-3, 3)[1]
    grid.write_text(grid.read_text().replace("0.01", repr(float(small))))
    assert runners.plan(grid, only={"b0": small}).counts["trials"] == 4
    assert runners.plan(grid, only={"b0": [small]}).counts["trials"] == 4


def test_an_empty_list_of_values_does_not_mean_all(grid, finished):
    for name, call in (
        ("only", lambda: runners.plan(grid, only={"b0": []})),
        ("only", lambda: runners.run(grid, only={"b0": []})),
        ("only", lambda: runners.results(grid).table(only={"optimizer": "adaloss", "b0": ()})),
        ("exclude", lambda: runners.results(grid).table(exclude={"b0": []})),
    ):
        with pytest.raises(UserError, match=rf"^{name}: b0 has no values: name some, or leave b0"):
            call()
    # Nothing to select by, and nothing to leave out.
    whole = runners.results(grid)
    assert str(whole.table(only={}, exclude={})) == str(whole.table())


@pytest.mark.slow
def test_a_smoke_run_without_changes_is_one(grid, smoke_run):
    smoke_run()
    result = runners.run(grid, smoke={}, quiet=True)
    assert result.folder == Path("results/smoke/small")
    assert result.counts["complete"] == 4
    assert not Path("results/small").exists()


@pytest.mark.slow
def test_the_tables_of_a_smoke_run_stay_its_own_when_they_are_changed(grid, smoke_run):
    table = "tables: [{rows: b0, columns: optimizer, at: epoch 2, only: {lr: 1}}]\n"
    grid.write_text(grid.read_text() + table)
    smoke_run("lr=0.5")
    result = runners.run(grid, smoke={"lr": 0.5}, quiet=True)
    (whole,), (changed,), (part,) = (
        result.table(),
        result.table(spread="sem"),
        result.table(only={"b0": 1}),
    )
    for compiled, rows in ((whole, {0.01, 1}), (changed, {0.01, 1}), (part, {1})):
        assert {row for row, _ in compiled.cells} == rows
        for key, cell in compiled.cells.items():
            assert cell.mean is not None
            assert cell.mean == whole.cells[key].mean
