import math

import matplotlib as mpl
import pytest
from matplotlib.colors import to_hex
from matplotlib.image import imread

from adaloss.trial import OPTIMIZER_NAMES
from adaloss.user_error import UserError
from analysis.figures import UNDATED, accuracy_against, save_figure
from analysis.line_styles import OPTIMIZER_LABELS, OPTIMIZER_STYLES, OTHER_STYLES, line_styles
from analysis.places import places_of
from analysis.tables import TableError

SUFFIXES = tuple(UNDATED)


def figure_of(records, **changes):
    settings = {"metric": "test/top1", "at": "last", "title": "demo"}
    return accuracy_against(records.frame(), **settings | changes)


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
    assert legend(figure) == ["AdaLoss", "SGD, constant rate"]


def test_bars_span_one_deviation_to_either_side(records):
    records.cell([90.0, 92.0], b0=1)
    records.cell([80.0], b0=10)
    (axes,) = figure_of(records).axes
    (bars,) = (found[2][0] for found in axes.containers)
    heights = [[y for _, y in segment] for segment in bars.get_segments()]
    assert heights[0] == pytest.approx([91 - 2**0.5, 91 + 2**0.5])
    assert heights[1] == [80.0, 80.0]


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
    for optimizer in OPTIMIZER_NAMES:
        records.cell(["diverged"], optimizer=optimizer, b0=1)
        records.cell([90.0], optimizer=optimizer, b0=10)
    (axes,) = figure_of(records).axes
    places = [crosses(axes, optimizer)[0] for optimizer in OPTIMIZER_NAMES]
    assert places == sorted(set(places))
    assert all(0.3 < place < 3 for place in places)


def test_a_panel_per_model_with_its_name_and_a_common_scale(records):
    for model in ("mlp", "vit", "cnn", "resnet$x_y$"):
        records.cell([90.0, 91.0], model=model)
    figure = figure_of(records)
    assert [axes.get_title() for axes in figure.axes] == ["mlp", "vit", "cnn", r"resnet\$x_y\$"]
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    assert [bool(axes.get_ylabel()) for axes in figure.axes] == [True, False, False, True]


def test_the_best_validation_epoch_is_said_and_drawn(records, ordinary_epoch):
    records.complete(records.declare(), 90.0, best_val=ordinary_epoch(93.0))
    (axes,) = figure_of(records, at="best_val").axes
    assert axes.get_ylabel().endswith("at the best validation epoch")
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


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_records_give_the_same_bytes(eventful, tmp_path, suffix):
    paths = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for path in paths:
        save_figure(figure_of(eventful), path)
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    for trace in (b"CreationDate", b"dc:date", mpl.__version__.encode()):
        assert trace not in first


def test_an_unknown_suffix_is_refused(records, tmp_path):
    records.cell([90.0])
    with pytest.raises(UserError, match=r"figure.xls: a figure's name must end in \.png, \.svg"):
        save_figure(figure_of(records), tmp_path / "figure.xls")
    assert list(tmp_path.glob("figure*")) == []


def test_the_settings_of_the_user_neither_show_nor_change(eventful, tmp_path):
    save_figure(figure_of(eventful), tmp_path / "plain.png")
    with mpl.rc_context({"lines.linewidth": 9, "font.size": 30, "axes.facecolor": "red"}):
        before = dict(mpl.rcParams)
        save_figure(figure_of(eventful), tmp_path / "theirs.png")
        assert dict(mpl.rcParams) == before
    assert (tmp_path / "theirs.png").read_bytes() == (tmp_path / "plain.png").read_bytes()


def test_every_optimizer_has_a_name_and_a_look_of_its_own():
    assert set(OPTIMIZER_STYLES) == set(OPTIMIZER_LABELS) == set(OPTIMIZER_NAMES)
    looks = [*OPTIMIZER_STYLES.values(), *OTHER_STYLES]
    assert len({style.marker for style in looks}) == len(looks)
    assert len({style.colour for style in OPTIMIZER_STYLES.values()}) == len(OPTIMIZER_NAMES)


def test_an_optimizer_looks_the_same_whatever_is_beside_it():
    mixed = line_styles(["x", "sgd_constant", 0.1, "adaloss"])
    assert mixed["adaloss"] == line_styles(["adaloss"])["adaloss"]
    assert (mixed["x"], mixed[0.1]) == (OTHER_STYLES[0], OTHER_STYLES[1])
    assert len(line_styles(range(20))) == 20


@pytest.mark.parametrize(
    ("values", "ordered", "logarithmic", "spacing"),
    [
        ((10, 0.1, 1), (0.1, 1, 10), True, 1),
        ((1, 10, 1000), (1, 10, 1000), True, 1),
        ((5,), (5,), True, 1),
        ((1.0, 0.0, 2.0), (1.0, 0.0, 2.0), False, 1),
        (("b", "a"), ("b", "a"), False, 1),
        ((True, False), (True, False), False, 1),
        ((None, 64), (None, 64), False, 1),
    ],
)
def test_where_values_stand_on_the_axis(values, ordered, logarithmic, spacing):
    places = places_of(values)
    assert (places.values, places.logarithmic) == (ordered, logarithmic)
    assert places.spacing == pytest.approx(spacing)
    assert places.numbers == (ordered if logarithmic else tuple(range(len(values))))


def test_shifted_places_move_by_the_same_share_everywhere():
    assert places_of((1, 100)).shifted(0.5) == pytest.approx([10, 1000])
    assert places_of(("a", "b")).shifted(0.5) == [0.5, 1.5]
