import numpy as np
import pytest
from matplotlib.collections import PatchCollection, QuadMesh
from matplotlib.text import Text

from adaloss.grid.tables.at import reach_of
from adaloss.tasks.metrics import METRICS
from analysis.figures import COLUMN_INCHES, heat_map, save_figure
from analysis.figures.heat_cells import GROUNDS, RASTER_CELLS, colours_of, ink_on
from analysis.tables.tables import TableError


def figure_of(records, **changes):
    settings = {"metric": "test/top1", "at": "last", "title": "demo"}
    return heat_map(records.frame(), **settings | changes)


def mesh(axes):
    (found,) = [drawn for drawn in axes.collections if isinstance(drawn, QuadMesh)]
    return found


def written(axes):
    """What stands in each cell, row by row from the top."""
    spots = {
        (int(text.get_position()[1]), int(text.get_position()[0])): text.get_text()
        for text in axes.texts
    }
    rows, columns = mesh(axes).get_array().shape
    return [[spots[row, column] for column in range(columns)] for row in range(rows)]


def grounds(axes):
    """The hatch or grey of the cells without a mean: their (row, column) by what it means."""
    found = [drawn for drawn in axes.collections if isinstance(drawn, PatchCollection)]
    return {
        ground.words: {
            (int(path.vertices[0][1]), int(path.vertices[0][0])) for path in drawn.get_paths()
        }
        for ground, drawn in zip(GROUNDS.values(), found, strict=True)
        if drawn.get_paths()
    }


def names(labels):
    return [label.get_text() for label in labels]


def legend(figure):
    return [text.get_text() for found in figure.legends for text in found.get_texts()]


def note(figure):
    return figure.texts[-1].get_text().replace("\n", " ")


def test_every_mean_has_its_colour_and_is_written(records):
    for b0, value in ((10, 70.0), (0.1, 90.0)):
        records.cell([value, value + 1], b0=b0, optimizer="adaloss")
        records.cell([value - 2], b0=b0, optimizer="sgd_constant")
    figure = figure_of(records)
    axes, bar = figure.axes
    assert mesh(axes).get_array().tolist() == [[90.5, 88.0], [70.5, 68.0]]
    assert written(axes) == [["90.50", "88.00"], ["70.50", "68.00"]]
    assert names(axes.get_yticklabels()) == ["0.1", "10"]
    assert names(axes.get_xticklabels()) == ["adaloss", "sgd_constant"]
    assert axes.get_ylim() == (2, 0)
    assert bar.get_ylabel() == "test top-1 accuracy (%)"
    assert note(figure) == "Colours and numbers: means over 1 to 2 seeds. Bright: better."


def test_at_a_target_the_colours_are_those_of_the_metric(records):
    for b0, first in ((1, 1), (10, 2)):
        records.reach(records.declare(b0=b0), first)
    at = "reach val/top1 90"
    frame = records.frame(targets=[reach_of(at)])
    axes, bar = heat_map(frame, metric="step", at=at, title="demo").axes
    assert mesh(axes).get_array().tolist() == [[10.0], [20.0]]
    assert bar.get_ylabel().startswith("step")


def test_cells_without_a_mean_are_hatched_grey_or_blank_and_named(eventful):
    eventful.cell([50.0], optimizer="adagrad_norm", b0=100)
    figure = figure_of(eventful)
    axes = figure.axes[0]
    assert written(axes) == [
        ["91.00", "N/A", ""],
        ["91.00\n(2/3)", "91.00", ""],
        ["failed", "81.00", ""],
        ["–", "70.00\n(1/3)", "50.00"],
    ]
    assert grounds(axes) == {"N/A": {(0, 1)}, "failed": {(2, 0)}, "–": {(3, 0)}}
    assert np.ma.getmaskarray(mesh(axes).get_array())[:, 0].tolist() == [False, False, True, True]
    hatches = {ground.hatch for ground in GROUNDS.values()}
    assert len(hatches) == len(GROUNDS)
    assert legend(figure) == ["N/A: diverged", "failed", "–: no value yet"]
    assert "(k/n): only k of n seeds have a value." in note(figure)


def test_all_panels_share_one_scale(records):
    records.cell([50.0], model="mlp")
    records.cell([90.0], model="vit")
    left, right, _ = figure_of(records).axes
    assert [axes.get_title() for axes in (left, right)] == ["mlp", "vit"]
    assert [mesh(axes).get_clim() for axes in (left, right)] == [(50.0, 90.0)] * 2


def test_brighter_is_better_for_a_loss_too(records):
    records.cell([90.0])
    for metric, name in (("test/top1", "viridis"), ("test/loss", "viridis_r"), ("b", "viridis")):
        figure = figure_of(records, metric=metric)
        assert mesh(figure.axes[0]).get_cmap().name == name
        assert ("better" in note(figure)) is (metric != "b")


def test_what_spans_magnitudes_is_on_a_logarithmic_scale(records, ordinary_epoch):
    for b0, b in ((1, 2.0), (100, 150.0)):
        records.complete(records.declare(b0=b0), 90.0, best_val=ordinary_epoch(90.0, b=b))
    axes, bar = figure_of(records, metric="b", at="best_val").axes
    assert mesh(axes).norm(np.sqrt(2.0 * 150.0)) == pytest.approx(0.5)
    assert [text.get_text() for text in bar.get_yticklabels(minor=True)] == []
    assert bar.get_yscale() == "log"


def test_numbers_are_written_in_the_ink_that_can_be_read(records):
    for b0, value in enumerate((0.0, 25.0, 50.0, 75.0, 100.0), start=1):
        records.cell([value], b0=b0)
    (axes, _) = figure_of(records).axes
    for text, value in zip(axes.texts, (0.0, 25.0, 50.0, 75.0, 100.0), strict=True):
        ground = luminance(mesh(axes).get_cmap()(value / 100)[:3])
        ink = {"black": 0.0, "white": 1.0}[text.get_color()]
        bright, dark = max(ground, ink), min(ground, ink)
        assert (bright + 0.05) / (dark + 0.05) >= 4.5


def luminance(colour):
    """The relative luminance of WCAG 2."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def test_a_mean_that_is_infinite_is_written_and_leaves_the_scale_alone(records, ordinary_epoch):
    records.complete(records.declare(b0=1), 90.0)
    broken = ordinary_epoch(90.0, test_loss=float("inf"))
    records.complete(records.declare(b0=2), 90.0, best_val=broken)
    axes = figure_of(records, metric="test/loss", at="best_val").axes[0]
    assert written(axes) == [["0.70"], ["inf"]]
    low, high = mesh(axes).get_clim()
    assert 0 < low < 0.7 < high < 1
    cells = records.table().cells.values()
    assert ink_on(colours_of(list(cells), METRICS["test/top1"]), float("inf")) == "black"


@pytest.mark.slow
def test_many_cells_are_a_picture_in_vector_files_and_say_that_numbers_are_left_out(records):
    count = 0
    for lr in range(1, 42):
        for b0 in range(1, 51):
            records.declare(lr=lr, b0=b0)
            count += 1
    records.complete(records.trials[0], 90.0)
    figure = figure_of(records, columns="lr")
    axes = figure.axes[0]
    assert count > RASTER_CELLS
    assert mesh(axes).get_rasterized()
    assert list(axes.texts) == []
    assert "The cells are too small to write their numbers in." in note(figure)
    assert axes.get_xlabel() == "lr"


def test_a_few_cells_are_shapes(records):
    records.cell([90.0])
    assert not mesh(figure_of(records).axes[0]).get_rasterized()


def test_decimals_are_a_choice(records):
    records.cell([90.0])
    assert written(figure_of(records, decimals=0).axes[0]) == [["90"]]


def test_one_panel_fits_a_column_of_a_paper_in_readable_text(eventful):
    figure = figure_of(eventful)
    assert figure.get_figwidth() <= COLUMN_INCHES
    texts = [text for text in figure.findobj(Text) if text.get_text()]
    assert min(text.get_fontsize() for text in texts) >= 6


def test_cells_are_never_mixed(records):
    for lr in (0.1, 0.2):
        records.cell([90.0], lr=lr)
    with pytest.raises(TableError, match="lr"):
        figure_of(records)


@pytest.mark.parametrize("ends", [["diverged"], ["missing"], ["failed"]])
def test_without_any_mean_there_is_no_colour_bar(records, tmp_path, ends):
    records.cell(ends)
    figure = figure_of(records)
    save_figure(figure, tmp_path / "figure.png")
    assert len(figure.axes) == 1


def test_a_sweep_without_trials_is_an_empty_figure(records):
    assert figure_of(records).axes == []


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_same_records_give_the_same_bytes(eventful, tmp_path, suffix):
    paths = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for path in paths:
        save_figure(figure_of(eventful), path)
    first, second = (path.read_bytes() for path in paths)
    assert first == second
