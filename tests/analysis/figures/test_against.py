"""Accuracy against b0: lines through the means, what diverged, panels, names and scales."""

import itertools
import math

import numpy as np
import pytest
from against_figures import figure_of
from matplotlib.colors import to_hex
from matplotlib.image import imread
from matplotlib.path import Path
from matplotlib.text import Text

from adaloss.optimizer_names import LOSS_OPTIMIZERS
from analysis.figures import COLUMN_INCHES, save_figure
from analysis.figures.parts.line_styles import MAX_LINES, OPTIMIZER_STYLES
from analysis.figures.parts.sheet import MAX_PANELS
from analysis.figures.parts.ticks import ticks_of
from analysis.tables.tables import TableError

LONG_NAMES = (
    "vit_small_patch16_224.augreg_in21k_ft_in1k",
    "resnet50.fb_swsl_ig1b_ft_in1k",
    "swinv2_base_window12to24_192to384.ms_in22k_ft_in1k",
    "deit3_small_patch16_224.fb_in22k_ft_in1k",
)


def lines(axes, optimizer):
    """The lines in the optimizer's colour: its means, marks over few seeds, its crosses."""
    colour = OPTIMIZER_STYLES[optimizer].colour
    return [line for line in axes.lines if to_hex(line.get_color()) == colour.lower()]


def means(axes, optimizer):
    """The heights of the optimizer's points, from left to right."""
    (line,) = [line for line in lines(axes, optimizer) if line.get_linestyle() == "-"]
    return list(line.get_ydata())


def crosses(axes, optimizer):
    """The places of the optimizer's crosses."""
    (line,) = [line for line in lines(axes, optimizer) if line.get_marker() == "x"]
    return list(line.get_xdata())


def legend(figure):
    (found,) = figure.legends
    return [text.get_text() for text in found.get_texts()]


def note(figure):
    """What is said below the key."""
    return figure.texts[-1].get_text().replace("\n", " ")


def test_a_line_per_optimizer_goes_through_the_means_of_its_cells(records):
    for b0, values in ((10, [70.0]), (0.1, [90.0, 92.0]), (1, [80.0, 81.0])):
        records.cell(values, b0=b0, optimizer="adaloss")
        records.cell([value - 1 for value in values], b0=b0, optimizer="sgd_constant")
    figure = figure_of(records)
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    assert means(axes, "adaloss") == [91.0, 80.5, 70.0]
    assert means(axes, "sgd_constant") == [90.0, 79.5, 69.0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0.1", "1", "10"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("b0", "test top-1 accuracy (%)")
    assert legend(figure) == ["adaloss", "sgd_constant"]
    assert note(figure) == (
        "Points: mean ± standard deviation over 1 to 2 seeds. "
        "Each line is shifted a little sideways."
    )


def test_bars_span_one_deviation_to_either_side(records):
    records.cell([90.0, 92.0], b0=1)
    records.cell([80.0], b0=10)
    (axes,) = figure_of(records).axes
    (bars,) = (found[2][0] for found in axes.containers)
    heights = [[y for _, y in segment] for segment in bars.get_segments()]
    assert heights[0] == pytest.approx([91 - 2**0.5, 91 + 2**0.5])
    assert heights[1] == [80.0, 80.0]


@pytest.mark.parametrize(
    ("spread", "half", "words"),
    [("sem", 1.0, "standard error"), ("ci95", 12.706, "95 % confidence interval")],
)
def test_the_spread_may_be_another_and_is_said(records, spread, half, words):
    records.cell([90.0, 92.0], b0=1)
    figure = figure_of(records, spread=spread)
    (bars,) = (found[2][0] for found in figure.axes[0].containers)
    assert [y for _, y in bars.get_segments()[0]] == pytest.approx([91 - half, 91 + half], rel=1e-3)
    assert words in note(figure)


def test_what_diverged_is_marked_where_it_did_and_breaks_the_line(eventful):
    figure = figure_of(eventful)
    (axes,) = figure.axes
    assert means(axes, "sgd_constant") == pytest.approx([float("nan"), 91.001, 81, 70], nan_ok=True)
    assert crosses(axes, "sgd_constant") == pytest.approx([0.1], rel=0.4)
    assert crosses(axes, "adaloss") == []
    assert means(axes, "adaloss")[2:] == pytest.approx([float("nan")] * 2, nan_ok=True)
    assert legend(figure)[-2:] == ["fewer seeds than declared", "diverged"]


def test_means_over_few_seeds_are_hollow(eventful):
    (axes,) = figure_of(eventful).axes
    hollow = [line for line in axes.lines if line.get_markerfacecolor() == "white"]
    heights = [y for line in hollow for y in line.get_ydata() if not math.isnan(y)]
    assert sorted(heights) == [70.0, 91.0]


def test_when_a_cell_is_not_available_is_the_tables_rule(eventful):
    (axes,) = figure_of(eventful, na_if="all").axes
    assert crosses(axes, "sgd_constant") == []
    assert means(axes, "sgd_constant")[0] == 88.0


def test_crosses_at_the_same_b0_do_not_hide_one_another(records):
    for optimizer in LOSS_OPTIMIZERS:
        records.cell(["diverged"], optimizer=optimizer, b0=1)
        records.cell([90.0], optimizer=optimizer, b0=10)
    (axes,) = figure_of(records).axes
    places = [crosses(axes, optimizer)[0] for optimizer in LOSS_OPTIMIZERS]
    assert places == sorted(set(places))
    assert all(0.3 < place < 3 for place in places)


def test_a_panel_per_model_with_its_name_and_a_common_scale(records):
    for model in ("mlp", "vit", "cnn", "resnet$x_y$"):
        records.cell([90.0, 91.0], model=model)
    figure = figure_of(records)
    assert [axes.get_title() for axes in figure.axes] == ["mlp", "vit", "cnn", r"resnet\$x_y\$"]
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    assert [bool(axes.get_ylabel()) for axes in figure.axes] == [True, False, False, True]


def test_a_panel_per_combination_of_several_fields(records):
    for model in ("mlp", "vit"):
        for lr in (0.1, 0.2):
            records.cell([90.0], model=model, lr=lr)
    figure = figure_of(records, per=("model", "lr"))
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["mlp, lr = 0.1", "mlp, lr = 0.2", "vit, lr = 0.1", "vit, lr = 0.2"]


def test_no_field_for_panels_is_one_panel(records):
    records.cell([90.0], b0=1)
    for per in (None, ()):
        (axes,) = figure_of(records, per=per).axes
        assert axes.get_title() == ""


def test_a_loss_has_what_diverged_at_the_top_where_it_is_worse(records):
    records.cell([90.0], b0=1)
    records.cell(["diverged"], b0=10)
    heights = {}
    for metric in ("test/top1", "test/loss"):
        (axes,) = figure_of(records, metric=metric).axes
        (cross,) = [line for line in lines(axes, "adaloss") if line.get_marker() == "x"]
        heights[metric] = cross.get_ydata()[0]
    assert heights["test/top1"] < 0.1
    assert heights["test/loss"] > 0.9


def test_what_spans_magnitudes_stands_on_a_logarithmic_axis(records, ordinary_epoch):
    for b0, b in ((1, 2.0), (10, 20.0), (100, 150.0)):
        records.complete(records.declare(b0=b0), 90.0, best_val=ordinary_epoch(90.0, b=b))
    (axes,) = figure_of(records, metric="b", at="best_val").axes
    assert axes.get_yscale() == "log"
    records.trials.pop()
    (axes,) = figure_of(records, metric="b", at="best_val").axes
    assert axes.get_yscale() == "linear"


@pytest.mark.parametrize("b0s", [[0.3162277660168379 * 10**k for k in range(12)], [1], [1, 1.1]])
def test_names_of_places_do_not_touch(records, b0s):
    for b0 in b0s:
        records.cell([90.0], b0=b0)
    figure = figure_of(records, width=COLUMN_INCHES)
    assert_apart(figure)


def test_long_names_stand_apart_and_inside_the_figure(records):
    for model in LONG_NAMES:
        records.cell([90.0], model=model)
    figure = figure_of(records, x="model", per=None, width=COLUMN_INCHES)
    assert_apart(figure)
    assert "" not in [text.get_text() for text in figure.axes[0].get_xticklabels()]


@pytest.mark.parametrize(
    ("inches", "degrees", "kept"), [(1.5, 0, 4), (0.4, 45, 4), (0.25, 90, 4), (0.1, 90, 2)]
)
def test_names_are_turned_only_as_far_as_they_have_to_be_and_then_thinned(inches, degrees, kept):
    offsets = [number * inches for number in range(4)]
    ticks = ticks_of(["a name that is of two lines"] * 4, offsets)
    assert ticks.degrees == degrees
    assert len(ticks.kept) == kept


def assert_apart(figure):
    """Draw the figure; no two names along its first panel's x axis cover a common spot."""
    figure.draw_without_rendering()
    names = [text for text in figure.axes[0].get_xticklabels() if text.get_text()]
    corners = [corners_of(text) for text in names]
    for left, right in itertools.pairwise(corners):
        assert not left.intersects_path(right, filled=True)
    for found in corners:
        assert (found.vertices >= 0).all()
        assert (found.vertices <= figure.bbox.size).all()


def corners_of(text):
    """The outline of a text, turned as it stands."""
    turn = text.get_rotation()
    text.set_rotation(0)
    box = text.get_window_extent()
    text.set_rotation(turn)
    turned = text.get_window_extent()
    outline = Path.unit_rectangle().vertices[:4] * box.size - np.array(box.size) / 2
    middle = [(turned.x0 + turned.x1) / 2, (turned.y0 + turned.y1) / 2]
    angle = math.radians(turn)
    rotation = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return Path([*(outline @ rotation + middle), middle], closed=True)


def test_the_places_of_all_values_are_on_the_axis_even_without_a_result(records):
    records.cell([90.0], b0=1)
    records.cell(["missing"], b0=1000)
    (axes,) = figure_of(records).axes
    low, high = axes.get_xlim()
    assert low < 1
    assert high > 1000


def test_text_is_of_a_readable_size_where_the_figure_stands_in_one_column(eventful):
    figure = figure_of(eventful, width=COLUMN_INCHES)
    assert figure.get_figwidth() <= COLUMN_INCHES
    texts = [text for text in figure.findobj(Text) if text.get_text()]
    assert min(text.get_fontsize() for text in texts) >= 6


@pytest.mark.slow
def test_of_too_many_lines_and_panels_the_first_are_shown_and_that_is_said(records):
    for lr in range(1, 17):
        records.declare(lr=lr)
    figure = figure_of(records, line="lr")
    assert len(legend(figure)) == MAX_LINES == 14
    assert "The first 14 of 16 values of lr are shown, up to 14." in note(figure)
    for number in range(25):
        records.declare(model=f"model{number}", lr=1)
    figure = figure_of(records, line="lr")
    assert len(figure.axes) == MAX_PANELS == 24
    assert "The first 24 of 26 panels are shown." in note(figure)


def test_the_best_validation_epoch_is_said_and_drawn(records, ordinary_epoch):
    records.complete(records.declare(), 90.0, best_val=ordinary_epoch(93.0))
    (axes,) = figure_of(records, at="best_val").axes
    assert axes.get_ylabel().replace("\n", " ").endswith("at the best validation epoch")
    assert means(axes, "adaloss") == [93.0]


def test_cells_are_never_mixed_in_a_figure_either(records):
    for lr in (0.1, 0.2):
        records.cell([90.0], lr=lr)
    with pytest.raises(TableError, match="lr"):
        figure_of(records)


@pytest.mark.parametrize(
    "ends", [["diverged"], ["missing"], ["failed"], [90.0], ["diverged", "missing", 90.0]]
)
def test_any_state_of_a_sweep_can_be_drawn(records, tmp_path, ends):
    records.cell(ends)
    save_figure(figure_of(records), tmp_path / "figure.png")
    assert imread(tmp_path / "figure.png").std() > 0


def test_a_sweep_without_trials_is_an_empty_figure(records, tmp_path):
    figure = figure_of(records)
    save_figure(figure, tmp_path / "figure.png")
    assert figure.axes == []
