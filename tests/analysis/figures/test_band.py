"""The band of what diverged: labelled, beside the axis' values, and only where something did."""

import math

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from analysis.figures import accuracy_against, curves_by_part, paired_differences
from analysis.figures.parts.band import Band
from analysis.figures.parts.line_styles import BAND_COLOUR, BAND_LABEL
from analysis.frame.frame import history_frame

OPTIMIZERS = ("adaloss", "sgd_constant")


def against(records, **changes):
    settings = {"metric": "test/top1", "at": "last", "title": "demo"} | changes
    return accuracy_against(records.frame(), **settings)


def paired(records, **changes):
    settings = {"metric": "test/top1", "at": "last", "title": "demo"} | changes
    return paired_differences(records.frame(), **settings)


def curves(records, **changes):
    history = history_frame(records.trials, records.store)
    made = curves_by_part(history, records.frame(), title="demo", **changes)
    ((_, draw),) = made
    return draw()


DRAWN = (against, paired, curves)


def strips(axes):
    return [patch for patch in axes.patches if to_hex(patch.get_facecolor()) == BAND_COLOUR.lower()]


def labels(figure):
    figure.canvas.draw()
    return [
        text.get_text()
        for axes in figure.axes
        for text in axes.get_yticklabels(which="minor")
        if text.get_visible()
    ]


def span(strip):
    """From where to where a strip goes, as shares of the panel's height."""
    return strip.get_y(), strip.get_y() + strip.get_height()


def assert_apart(axes):
    """No tick stands in the band, and every cross does."""
    (strip,) = strips(axes)
    low, high = span(strip)
    shares = [share_of(axes, tick) for tick in axes.get_yticks()]
    assert not [share for share in shares if low + 1e-6 < share < high - 1e-6]
    crosses = [line for line in axes.lines if line.get_marker() == "x" and len(line.get_xdata())]
    for cross in crosses:
        places = cross.get_transform().transform(cross.get_xydata())
        for _, height in axes.transAxes.inverted().transform(places):
            assert low < height < high
    return crosses


def share_of(axes, value):
    return axes.transAxes.inverted().transform(axes.transData.transform((1, value)))[1]


@pytest.fixture
def partly(records):
    """sgd_constant diverged at 0.1 in one of two seeds, and everywhere at 1."""
    for b0, ends in ((0.1, [90.0, "diverged"]), (1, ["diverged"] * 2), (10, [80.0, 81.0])):
        records.cell(ends, optimizer="sgd_constant", b0=b0)
        records.cell([91.0, 92.0], optimizer="adaloss", b0=b0)
    return records


@pytest.mark.parametrize("draw", DRAWN)
@pytest.mark.parametrize("metric", ["test/top1", "test/loss"])
def test_what_diverged_stands_in_a_labelled_band(partly, draw, metric):
    figure = draw(partly, metric=metric)
    assert set(labels(figure)) == {BAND_LABEL}
    found = [assert_apart(axes) for axes in figure.axes if strips(axes)]
    assert any(found)


@pytest.mark.parametrize("draw", DRAWN)
def test_without_a_divergence_there_is_no_band(records, draw):
    for optimizer in OPTIMIZERS:
        records.cell([90.0, "failed", 91.0], optimizer=optimizer, b0=1)
    figure = draw(records)
    assert labels(figure) == []
    assert not any(strips(axes) for axes in figure.axes)


@pytest.mark.parametrize("draw", DRAWN)
@pytest.mark.parametrize("diverged", [OPTIMIZERS, ("sgd_constant",), ("adaloss",)])
def test_where_all_of_some_or_of_all_diverged_there_is_a_band(records, draw, diverged):
    for optimizer in OPTIMIZERS:
        for b0 in (0.1, 1):
            ends = ["diverged"] * 2 if optimizer in diverged else [90.0, 91.0]
            records.cell(ends, optimizer=optimizer, b0=b0)
    figure = draw(records)
    assert BAND_LABEL in labels(figure)
    assert sum(len(assert_apart(axes)) for axes in figure.axes if strips(axes)) > 0


def test_panels_that_share_a_scale_share_the_band_and_the_first_names_it(records):
    for model in ("mlp", "vit"):
        records.cell([90.0, 91.0] if model == "mlp" else ["diverged"], model=model, b0=1)
        records.cell([80.0], model=model, b0=10)
    figure = against(records)
    assert [len(strips(axes)) for axes in figure.axes] == [1, 1]
    assert labels(figure).count(BAND_LABEL) >= 1
    assert [axes.yaxis.get_minor_ticks()[0].label1.get_visible() for axes in figure.axes] == [
        True,
        False,
    ]


@pytest.mark.parametrize("scale", ["linear", "log", "symlog"])
@pytest.mark.parametrize("at_end", [False, True])
def test_the_band_is_of_its_share_on_any_scale(scale, at_end):
    axes = Figure().add_subplot()
    axes.plot([1, 2, 3], [0.01, 1, 1000])
    axes.set_yscale(scale)
    low, high = axes.get_ylim()
    Band(share=0.2, at_end=at_end).set_apart([axes], named=[axes])
    edges = sorted(share_of(axes, end) for end in (low, high))
    assert edges == pytest.approx([0, 0.8] if at_end else [0.2, 1], abs=1e-6)
    assert_apart(axes)
    (tick,) = axes.yaxis.get_minorticklocs()
    assert share_of(axes, tick) == pytest.approx(0.9 if at_end else 0.1, abs=1e-6)
    assert math.isclose(axes.spines["left"].get_bounds()[0], low)


def test_the_ticks_are_those_of_the_scale():
    axes = Figure().add_subplot()
    axes.set_ylim(1, 1000)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator())
    Band(share=0.3, at_end=False).set_apart([axes])
    assert list(axes.get_yticks()) == pytest.approx([1, 10, 100, 1000])
