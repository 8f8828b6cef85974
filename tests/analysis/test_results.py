"""The titles of a sweep's tables and figures: what they say of the part and state of the sweep."""

import pytest
from small_grid import GRID

from adaloss.grid.sweep import load_sweep
from analysis.figures.writing.files import AGAINST, figures_of
from analysis.render.page import page_markdown
from analysis.results import read_results, statistics_frames, statistics_of, tables_of

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


HYPERPARAMETERS = GRID.replace(
    "optimizer: [adaloss, sgd_constant]",
    "optimizer: [adaloss, adamw]\n  optimizer.eps: [1e-8, 1e-4]",
)


def test_a_part_of_a_sweep_has_the_hyperparameters_of_the_whole(tmp_path, records):
    path = tmp_path / "demo.yaml"
    path.write_text(
        f"{HYPERPARAMETERS}tables: [{{rows: optimizer.eps, columns: optimizer, per: b0}}]\n"
    )
    sweep = load_sweep(path)
    part = tuple(trial for trial in sweep.trials if trial.optimizer == "adaloss")
    for trial in part:
        records.complete(trial, 90.0)
    tables = tables_of(read_results(sweep, part, records.store))
    assert [table.row_values for table in tables] == [(None,), (None,)]
    assert [table.cells[None, "adaloss"].mean for table in tables] == [90.0, 90.0]


def test_the_test_of_cells_that_were_tuned_over_unequal_numbers_has_a_note_everywhere(
    tmp_path, records
):
    path = tmp_path / "demo.yaml"
    less = "exclude: [{optimizer: sgd_constant, lr: 1}]"
    path.write_text(
        GRID.replace("lr: 0.1", "lr: [0.1, 1]")
        + f"tables: [{{rows: b0, columns: optimizer, tune: lr, {less}}}]\n"
    )
    sweep = load_sweep(path)
    for number, trial in enumerate(sweep.trials):
        records.complete(trial, 80.0 + number**1.5 / 4)
    results = read_results(sweep, sweep.trials, records.store)
    note = "too few pairs for the bootstrap; unequal numbers of values were tried"
    pairs = statistics_frames(results)["pairs"]
    assert set(pairs["note"]) == {note}
    assert pairs["p"].notna().all()
    page = statistics_of(results)
    text = page_markdown(page)
    assert text.count(f"| {note} ") == len(pairs)
    assert "the column with more is better by chance, so nothing is claimed" in text
    (reason,) = [line for line in page.on_one_screen().sections[2].before if "no test" in line]
    assert "unequal numbers of values were tried (3)" in reason
