"""One name for a value everywhere: its label where the grid gives one, else what it is."""

import io

import numpy as np
import pandas as pd
import pytest

from adaloss.grid.tables.labels import Labels
from adaloss.grid.tables.spec import TableSpec
from analysis.comparison.compare import compare
from analysis.comparison.figure.figure import comparison_figure
from analysis.comparison.frame import comparison_csv
from analysis.comparison.from_records import records_side
from analysis.comparison.page import comparison_page
from analysis.figures import accuracy_against, curves_by_part, heat_map, paired_differences
from analysis.frame.frame import history_frame
from analysis.render.html import escaped
from analysis.render.latex import escape as in_latex
from analysis.render.markdown import escape as in_markdown
from analysis.render.page import page_markdown
from analysis.render.render import FORMATS, render
from analysis.stats.frames.frames import stats_frames
from analysis.stats.page.page import stats_page
from analysis.tables.measure import Measure
from analysis.tables.names import NO_LABELS, Names

OURS, NET, TINY = "=AdaLoss <b> | 50% & $x$_y", "A net", "tiny (1/100)"
VALUES = {"optimizer": {"adaloss": OURS}, "model": {"mlp": NET}, "b0": {0.01: TINY}}
NAMES = Names(Labels(VALUES))
ACCURACY = Measure(metric="test/top1", at="last", goal="maximize")
ESCAPES = {"md": in_markdown, "latex": in_latex, "siunitx": in_latex, "html": escaped}


@pytest.fixture
def labelled(records):
    """Two optimizers at two b0, of which one diverged."""
    for b0 in (0.01, 1):
        records.cell([90.0, 91.0, 93.0, 92.0], optimizer="adaloss", b0=b0)
        ends = ["diverged"] * 4 if b0 == 0.01 else [80.0, 82.0, 81.0, 85.0]
        records.cell(ends, optimizer="sgd_constant", b0=b0)
    return records


def texts_of(figure):
    figure.canvas.draw()
    found = [text.get_text() for axes in figure.axes for text in axes.texts]
    for axes in figure.axes:
        labels = (*axes.get_xticklabels(), *axes.get_yticklabels())
        found += [axes.get_title(), axes.get_ylabel(), *(text.get_text() for text in labels)]
    found += [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    message = (*found, *(text.get_text() for text in figure.texts))
    return " ".join("\n".join(message).replace("\\$", "$").split())


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "csv"])
def test_tables_have_the_labels_escaped(labelled, form):
    text = render(labelled.tables(TableSpec(), names=NAMES), form)
    for label in (OURS, NET, TINY):
        assert ESCAPES[form](label) in text
    assert "adaloss" not in text
    assert "sgd" in text


def test_a_csv_has_the_values_themselves_and_no_label_as_a_formula(labelled):
    tables = labelled.tables(TableSpec(per="optimizer", columns="model"), names=NAMES)
    read = pd.read_csv(io.StringIO(render(tables, "csv")), keep_default_na=False)
    assert set(read["row"]) == {0.01, 1.0}
    assert set(read["column"]) == {"mlp"}
    assert set(read["per"]) == {'{"optimizer": "adaloss"}', '{"optimizer": "sgd_constant"}'}
    assert any(OURS in title for title in read["table"])
    titled = labelled.tables(TableSpec(per="optimizer", columns="model", title="="), names=NAMES)
    read = pd.read_csv(io.StringIO(render(titled, "csv")))
    assert not any(title.startswith("=") for title in read["table"])


def test_without_labels_the_names_are_the_grids(labelled):
    assert render(labelled.tables(TableSpec()), "md") == render(
        labelled.tables(TableSpec(), names=NO_LABELS), "md"
    )
    for figure in figures(labelled, NO_LABELS):
        text = texts_of(figure)
        assert "sgd_constant" in text
        assert "AdaLoss" not in text


def test_a_captions_other_fields_have_their_labels(labelled):
    spec = TableSpec(only={"b0": (0.01,)}, rows="model", per=None)
    (table,) = labelled.tables(spec, names=NAMES)
    assert "b0: tiny (1/100)." in table.caption
    labelled.cell([90.0], optimizer="adaloss", b0=1, lr=0.5, model="small_cnn")
    (table,) = labelled.tables(
        TableSpec(rows="model", per=None, exclude=({"b0": (0.01,)},)),
        names=Names(Labels({"lr": {0.5: "half"}})),
    )
    assert "half for small_cnn" in table.caption


def figures(records, names):
    common = {"metric": "test/top1", "title": "demo", "names": names}
    frame = records.frame()
    yield accuracy_against(frame, at="last", **common)
    yield heat_map(frame, at="last", **common)
    yield paired_differences(frame, at="last", baseline="sgd_constant", **common)
    for _, draw in curves_by_part(history_frame(records.trials, records.store), frame, **common):
        yield draw()


def test_figures_have_the_labels(labelled):
    for figure in figures(labelled, NAMES):
        text = texts_of(figure)
        assert NET in text
        assert TINY in text
        assert "adaloss" not in text
        assert "=AdaLoss" in text


def test_the_baselines_label_stands_at_the_axis(labelled):
    figure = paired_differences(
        labelled.frame(), metric="test/top1", at="last", title="", names=NAMES
    )
    assert "minus that of =AdaLoss" in texts_of(figure)


def test_statistics_have_the_labels_and_their_frames_the_values(labelled):
    settings = {"measure": ACCURACY, "generator": np.random.default_rng(0)}
    text = page_markdown(stats_page(labelled.frame(), title="t", names=NAMES, **settings))
    for label in (OURS, NET, TINY):
        assert in_markdown(label) in text
    assert "adaloss" not in text
    assert f"sgd_constant diverged at b0 = {TINY}" in text
    frames = stats_frames(labelled.frame(), **settings)
    assert set(frames["pairs"]["first"]) == {"adaloss"}
    assert set(frames["pairs"]["row"].dropna()) == {0.01, 1.0}


def test_comparisons_have_the_labels_and_their_csv_the_values(labelled):
    sides = [records_side(labelled.frame(), name=name, measure=ACCURACY) for name in ("a", "b")]
    made = compare(*sides, NAMES)
    text = page_markdown(comparison_page(made))
    for label in (OURS, NET, TINY):
        assert in_markdown(label) in text
    drawn = texts_of(comparison_figure(made))
    assert OURS in drawn
    assert f"b0 = {TINY}" in drawn
    read = pd.read_csv(io.StringIO(comparison_csv(made)))
    assert set(read["optimizer"]) == {"adaloss", "sgd_constant"}
    assert set(read["b0"]) == {0.01, 1.0}
