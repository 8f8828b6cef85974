"""The titles of a sweep's tables and figures: what they say of the part and state of the sweep."""

import pytest
from small_grid import GRID

from adaloss.grid.sweep import load_sweep
from analysis.figures.writing.files import AGAINST, figures_of
from analysis.results import read_results, tables_of

TITLED = """\
tables:
  - {rows: b0, columns: optimizer, title: First}
  - {rows: b0, columns: optimizer, metric: test/loss, title: Second, figure: true}
  - {rows: b0, columns: optimizer, metric: val/loss}
"""


@pytest.fixture
def results_of(tmp_path, records):
    """A function that reads the results of the sweep, or of a selection."""
    path = tmp_path / "demo.yaml"
    path.write_text(GRID + TITLED)
    sweep = load_sweep(path)

    def read(selection=""):
        trials = tuple(trial for trial in sweep.trials if not selection or trial.b0 == 1)
        return read_results(sweep, trials, records.store, selection=selection)

    return read


def test_every_title_states_the_selection(results_of):
    results = results_of("b0=1")
    titles = [table.title for table in tables_of(results)]
    assert titles[:2] == ["First (b0=1)", "Second (b0=1)"]
    assert titles[2].startswith("demo (b0=1)")
    assert results.title.startswith("First (b0=1) (INCOMPLETE")
    assert tables_of(results_of())[0].title == "First"


def test_every_figure_says_that_the_sweep_is_incomplete(results_of):
    drawn = [draw() for _, draw in figures_of(results_of(), (AGAINST,))]
    assert [figure.get_suptitle() for figure in drawn] == [
        "First (INCOMPLETE: 0 of 8 trials)",
        "Second (INCOMPLETE: 0 of 8 trials)",
    ]
