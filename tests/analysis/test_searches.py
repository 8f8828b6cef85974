"""What is compiled of a random search: its points in a ranked list, and no order among them."""

import re

import pandas as pd
import pytest

from adaloss.grid.sweep import load_sweep
from analysis.figures.writing.files import FIGURES, figures_of
from analysis.frame.frame import history_frame
from analysis.outputs import pages_of, save_everything
from analysis.render.render import FORMATS, render
from analysis.report import report_html
from analysis.results import read_results, statistics_of, tables_of

GRID = """\
name: search
program: train.py
method: random
run_cap: 6
metric: {name: loss, goal: minimize}
parameters:
  lr: {distribution: log_uniform_values, min: 1.0e-4, max: 1}
  width: {values: [4, 8]}
  epochs: 10
"""
ENDS = ([0.03], [0.0004], ["diverged"], [0.002], ["missing"], ["failed"])
"""Of the points in the order in which they are drawn."""


@pytest.fixture
def search(tmp_path, programs):
    """A function that reads the results of a search whose points have these values per seed."""
    programs.metric = "loss"

    def read(ends=ENDS, text=GRID):
        path = tmp_path / "search.yaml"
        path.write_text(text)
        sweep = load_sweep(path)
        points = list(dict.fromkeys(trial.parameters for trial in sweep.trials))
        for trial in sweep.trials:
            value = ends[points.index(trial.parameters)][trial.seed]
            if value == "diverged":
                programs.end(trial, "diverged", divergence=DIVERGENCE)
            elif value == "failed":
                programs.end(trial, "failed", failure=FAILURE)
            elif value != "missing":
                programs.complete(trial, {"loss": value})
        return read_results(sweep, sweep.trials, programs.store)

    return read


DIVERGENCE = {"epoch": 1, "step": 1, "loss": 9.0, "reason": "not finite"}
FAILURE = {"kind": "code", "message": "broken"}


def table_of(results):
    (table,) = tables_of(results)
    return table


def test_there_is_a_row_for_each_point_the_best_first(search):
    lines = render([table_of(search())], "md").splitlines()[2:10]
    assert [re.sub(r" +", " ", line) for line in lines] == [
        "| point | train.py |",
        lines[1],
        "| lr = 0.0001371, width = 8 | 0.0004 |",
        "| lr = 0.0001395, width = 8 | 0.0020 |",
        "| lr = 0.01099, width = 8 | 0.0300 |",
        "| lr = 0.4436, width = 8 | N/A |",
        "| lr = 0.02474, width = 4 | failed (0/1) |",
        "| lr = 0.01642, width = 8 | – |",
    ]


def test_the_caption_says_the_order_and_does_not_repeat_the_parameters(search):
    caption = table_of(search()).caption
    assert "The lowest comes first." in caption
    assert "width" not in caption


def test_a_point_has_the_mean_of_its_seeds_and_their_number_if_some_are_missing(search):
    ends = [[0.1, 0.3], [0.5, "missing"], *[[1.0, 2.0]] * 4]
    texts = render([table_of(search(ends, GRID + "seeds: 2\n"))], "md")
    assert re.search(r"lr = 0\.01099, width = 8 +\| +0\.20±0\.14 \|", texts)
    assert re.search(r"lr = 0\.0001371, width = 8 +\| +0\.50 \(1/2\) \|", texts)


def test_the_highest_comes_first_where_higher_is_better(search):
    first = table_of(search(text=GRID.replace("minimize", "maximize"))).row_texts[0]
    assert first.startswith("lr = 0.01099")


def test_points_that_would_read_the_same_have_more_digits(search):
    close = "{distribution: uniform, min: 0.5, max: 0.50001}"
    text = GRID.replace("{distribution: log_uniform_values, min: 1.0e-4, max: 1}", close)
    texts = table_of(search(text=text)).row_texts
    assert len(set(texts)) == 6
    assert all(re.match(r"lr = 0\.50000\d{1,3}, ", text) for text in texts)


def test_labels_of_values_name_the_points(search):
    texts = table_of(search(text=GRID + "labels: {width: {8: wide}}\n")).row_texts
    assert texts[0] == "lr = 0.0001371, width = wide"


def test_a_csv_file_has_the_points_with_every_digit(search):
    text = render([table_of(search())], "csv")
    first = text.splitlines()[1]
    assert '"{""lr"": 0.000137128420392, ""width"": 8}"' in first


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_has_the_points_in_the_same_order(search, form):
    text = render([table_of(search())], form)
    places = [text.index(lr) for lr in ("0.000137", "0.000139", "0.0109", "0.443", "0.0247")]
    # A spreadsheet gets 0.010988…, readers get 0.01099.
    assert places == sorted(places)


def test_the_answer_names_the_best_points(search):
    assert statistics_of(search()).answer == (
        "Best of 6 points: loss 0.0004 at lr = 0.0001371, width = 8; next 0.0020 at "
        "lr = 0.0001395, width = 8 and 0.0300 at lr = 0.01099, width = 8 (one trial each).",
        "Diverged: train.py in 1 of 6 trials; 1 of 6 trials failed; 1 of 6 trials have not ended.",
    )


def test_the_statistics_have_no_tests_and_say_why(search):
    only, measured = statistics_of(search()).sections
    assert "There are no paired tests, because " in only.before[0]
    assert measured.before[0].startswith("All numbers are of the loss")


def test_a_figure_has_the_metric_against_each_parameter_and_no_curves(search):
    ((name, draw),) = figures_of(search(), FIGURES)
    first, second = draw().axes
    assert name == "points"
    assert (first.get_xlabel(), second.get_xlabel()) == ("lr", "width")
    assert first.get_xscale() == "log"
    assert [tick.get_text() for tick in second.get_xticklabels()] == ["4", "8"]
    assert all(line.get_linestyle() == "None" for line in first.lines)


def test_ticks_are_written_as_in_the_grid(search):
    text = GRID.replace("values: [4, 8]", "values: [1024, 2048]")
    ((_, draw),) = figures_of(search(text=text), FIGURES)
    ticks = [tick.get_text() for tick in draw().axes[1].get_xticklabels()]
    assert ticks == ["1024", "2048"]


def test_names_among_the_parameters_stand_side_by_side(search):
    text = GRID.replace("values: [4, 8]", "values: [relu, tanh]")
    ((_, draw),) = figures_of(search(text=text), FIGURES)
    ticks = [tick.get_text() for tick in draw().axes[1].get_xticklabels()]
    assert sorted(ticks) == ["relu", "tanh"]


def test_a_report_has_the_ranked_table_and_no_lines(search):
    results = search()
    html = report_html(
        sweep=results.sweep,
        frame=results.frame,
        history=history_frame(results.trials, results.store),
        tables=tables_of(results),
        pages=pages_of(results),
        logs={},
    )
    assert "lr = 0.0001371, width = 8" in html
    assert "The points of a search are in no order" in html
    assert 'id="report-data"' not in html


def test_every_file_is_written(search):
    results = search()
    save_everything(results, "v1")
    figures = {path.name for path in (results.store.root / "figures").iterdir()}
    assert figures == {"points.png"}
    frame = pd.read_csv(results.store.root / "tables" / "tables.csv")
    assert frame["mean"].tolist()[:3] == [0.0004, 0.002, 0.03]


def test_a_search_with_nothing_finished_has_a_table(search):
    results = search([["missing"]] * 6)
    assert "INCOMPLETE: 0 of 6" in table_of(results).caption
    assert statistics_of(results).answer == ("6 of 6 trials have not ended.",)
    for _, draw in figures_of(results, FIGURES):
        draw().canvas.draw()


def test_a_table_with_fields_as_axes_works_as_in_a_grid(search):
    text = GRID + "tables: [{rows: lr, columns: width}]\n"
    table = table_of(search(text=text))
    assert (table.row_field, table.column_field) == ("lr", "width")


def test_the_name_of_a_parameter_stays_on_one_line(search):
    text = GRID.replace("  width:", '  "wide\\nth":')
    assert all("\n" not in name for name in table_of(search(text=text)).row_texts)
