import math

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from adaloss.records.result import TrialState
from analysis.figures import PAGE_INCHES, curves_by_part, save_figure
from analysis.figures.curve_panels import MOST_THIN_LINES
from analysis.figures.parts.course import Course, mean_course, steps_of_an_epoch
from analysis.figures.parts.labels import evenly
from analysis.figures.parts.line_styles import OPTIMIZER_STYLES
from analysis.figures.writing.saving import lay_out
from analysis.frame.frame import history_frame
from analysis.tables.tables import TableError


@pytest.fixture
def course(records, ordinary_epoch):
    """Declare a trial that recorded these training losses, one an epoch, and ended as told."""

    def recorded(losses, end="complete", b=3.0, **fields):
        trial = records.declare(epochs=8, **fields)
        records.store.open_trial(trial)
        for epoch, loss in enumerate(losses, start=1):
            metrics = ordinary_epoch(50.0 + epoch, epoch=epoch, train_loss=loss, b=b)
            records.store.append_metrics(trial, metrics)
        if end == "complete":
            records.end(trial, TrialState.COMPLETE, last=metrics, best_val=metrics)
        elif end == "diverged":
            records.diverge(trial)
        elif end == "failed":
            records.fail(trial)

    return recorded


def figures_of(records, **changes):
    history = history_frame(records.trials, records.store)
    parts = curves_by_part(history, records.frame(), **{"title": "demo"} | changes)
    return [(name, draw()) for name, draw in parts]


def figure_of(records, **changes):
    """The only figure."""
    ((_, figure),) = figures_of(records, **changes)
    return figure


def panel(figure, row, column=0):
    """The axes of a quantity, from the top, and of a value of b0, from the left."""
    columns = figure.axes[0].get_gridspec().ncols
    return figure.axes[row * columns + column]


def lines(axes, optimizer):
    colour = OPTIMIZER_STYLES[optimizer].colour.lower()
    return [line for line in axes.lines if to_hex(line.get_color()) == colour]


def mean(axes, optimizer="adaloss"):
    """The thick line, as (epoch, value)."""
    marker = OPTIMIZER_STYLES[optimizer].marker
    (line,) = [found for found in lines(axes, optimizer) if found.get_marker() == marker]
    assert line.get_linewidth() > 1
    return list(zip(*map(np.ndarray.tolist, line.get_data()), strict=True))


def seeds(axes, optimizer="adaloss", dashes="-"):
    """The values of each thin line."""
    thin = [
        found
        for found in lines(axes, optimizer)
        if found.get_linewidth() == 0.5 and found.get_linestyle() == dashes
    ]
    values = [value for line in thin for value in line.get_ydata()]
    gaps = [index for index, value in enumerate(values) if math.isnan(value)]
    return [values[a:b] for a, b in zip([0, *(gap + 1 for gap in gaps)], gaps, strict=False)]


def crosses(axes, optimizer="adaloss"):
    """Where the optimizer's crosses are, in the panel's data or at its edge."""
    found = [line for line in lines(axes, optimizer) if line.get_marker() == "x"]
    return [point for line in found for point in zip(*line.get_data(), strict=True)]


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def note(figure):
    return figure.texts[-1].get_text().replace("\n", " ")


def test_rows_are_quantities_and_columns_values_of_b0(records, course):
    for b0 in (10, 0.1):
        course([1.0, 0.5], b0=b0)
    figure = figure_of(records)
    labels = [panel(figure, row).get_ylabel().replace("\n", " ") for row in range(5)]
    assert labels == [
        "training loss (nats)",
        "validation loss (nats)",
        "test top-1 accuracy (%)",
        "effective learning rate of the last step",
        "b after the last step",
    ]
    assert [panel(figure, 0, column).get_title() for column in (0, 1)] == ["b0 = 0.1", "b0 = 10"]
    assert [panel(figure, row).get_yscale() for row in range(5)] == [
        "log",
        "log",
        "linear",
        "log",
        "log",
    ]
    assert panel(figure, 4).get_xlabel() == "epoch"
    assert len(figure.axes) == 10


def test_the_axis_says_how_many_steps_an_epoch_has_where_all_have_the_same():
    rows = [("a", 1, 50), ("a", 2, 100), ("b", 1, 50), ("c", 1, 3)]
    history = pd.DataFrame(rows, columns=["trial_id", "epoch", "step"])
    assert steps_of_an_epoch(history, pd.Series(["a", "b"])) == 50
    assert steps_of_an_epoch(history, pd.Series(["a", "c"])) is None
    assert steps_of_an_epoch(history.drop(columns="step"), pd.Series(["a"])) is None


def test_seeds_are_thin_and_their_mean_thick_in_the_optimizers_colour(records, course):
    for optimizer, factor in (("adaloss", 1), ("sgd_constant", 2)):
        for seed, losses in enumerate(([1.0, 0.5], [3.0, 1.5])):
            course([factor * loss for loss in losses], seed=seed, optimizer=optimizer)
    figure = figure_of(records)
    axes = panel(figure, 0)
    assert seeds(axes) == [[1.0, 0.5], [3.0, 1.5]]
    assert mean(axes) == [(1, 2.0), (2, 1.0)]
    assert mean(axes, "sgd_constant") == [(1, 4.0), (2, 2.0)]
    assert legend(figure) == ["adaloss", "sgd_constant", "one seed"]


def test_what_diverged_has_a_cross_where_its_line_ends_and_is_not_averaged_in(records, course):
    course([1.0, 0.5, 0.25], seed=0)
    course([2.0, 900.0], "diverged", seed=1)
    figure = figure_of(records)
    axes = panel(figure, 0)
    assert crosses(axes) == [(2.0, pytest.approx(0.915))]
    assert [2.0, 900.0] in seeds(axes)
    assert mean(axes) == [(1, 1.0), (2, 0.5), (3, 0.25)]
    assert legend(figure)[-1] == "diverged"


def test_what_diverged_without_a_record_has_its_cross_at_the_start(records, course):
    course([1.0, 0.5], optimizer="adaloss")
    for optimizer in ("sgd_constant", "sgd_decay_sqrt"):
        course([], "diverged", optimizer=optimizer)
        course([1.0, 0.5], b0=10, optimizer=optimizer)
    figure = figure_of(records)
    assert "A × at the left edge: diverged in the first epoch." in note(figure)
    heights = [crosses(panel(figure, row), "sgd_constant")[0][1] for row in range(5)]
    assert heights == pytest.approx([0.915, 0.915, 0.085, 0.085, 0.085])
    starts = [
        line.get_transform().transform(line.get_xydata())[0]
        for optimizer in ("sgd_constant", "sgd_decay_sqrt")
        for line in lines(panel(figure, 0), optimizer)
        if line.get_marker() == "x"
    ]
    assert starts[1][0] - starts[0][0] > 4
    assert crosses(panel(figure, 0, 1), "sgd_constant") == []


def test_a_loss_that_is_no_number_has_its_cross_at_the_edge_of_that_epoch(records, course):
    course([1.0, 0.5, 0.4], seed=0)
    course([2.0, math.inf], "diverged", seed=1)
    axes = panel(figure_of(records), 0)
    assert crosses(axes) == [(2.0, pytest.approx(0.915))]
    assert axes.get_ylim()[1] < 10


def test_what_failed_or_is_not_finished_is_dotted_and_not_averaged_in(records, course):
    course([1.0, 0.5], seed=0)
    course([3.0, 2.0], "failed", seed=1)
    course([4.0, 3.0], "missing", seed=2)
    figure = figure_of(records)
    axes = panel(figure, 0)
    assert seeds(axes, dashes=":") == [[3.0, 2.0], [4.0, 3.0]]
    assert mean(axes) == [(1, 1.0), (2, 0.5)]
    assert "failed or not finished" in legend(figure)


def test_a_mean_is_over_the_epochs_that_every_complete_seed_has():
    def course_of(losses):
        epochs = np.arange(1.0, len(losses) + 1)
        return Course(state="complete", epochs=epochs, values={"b": np.array(losses)})

    epochs, means = mean_course([course_of([1.0, 2.0, 3.0]), course_of([3.0, 4.0])], "b")
    assert epochs.tolist() == [1, 2]
    assert means.tolist() == [2, 3]
    assert mean_course([], "b")[0].size == 0


def test_an_optimizer_without_a_rate_is_left_out_of_those_panels_and_named(records, course):
    course([1.0, 0.5], optimizer="adaloss")
    course([1.0, 0.5], optimizer="adagrad_norm_rowwise", b=None)
    course([], "diverged", optimizer="adagrad_norm_rowwise", b0=10)
    figure = figure_of(records, quantities=["train/loss", "b"])
    assert "adagrad_norm_rowwise has no single b." in note(figure)
    drawn = [
        value
        for column in (0, 1)
        for line in lines(panel(figure, 1, column), "adagrad_norm_rowwise")
        for value in line.get_ydata()
    ]
    assert all(map(math.isnan, drawn))
    assert crosses(panel(figure, 0, 1), "adagrad_norm_rowwise")


def test_one_epoch_is_drawn_as_points_side_by_side(records, course):
    for seed in (0, 1):
        course([1.0 + seed], seed=seed, optimizer="adaloss")
        course([2.0 + seed], seed=seed, optimizer="sgd_constant")
    figure = figure_of(records)
    axes = panel(figure, 0)
    assert all(line.get_linestyle() == "None" for line in axes.lines if line.get_marker() == ".")
    ((left, first),), ((right, second),) = mean(axes), mean(axes, "sgd_constant")
    assert (first, second) == (1.5, 2.5)
    assert left < 1 < right
    assert "Large: mean" in note(figure)


@pytest.mark.slow
def test_of_many_values_of_b0_some_are_shown_and_named(records, course):
    for b0 in range(1, 13):
        course([1.0, 0.5], b0=b0)
    figure = figure_of(records, width=PAGE_INCHES)
    titles = [panel(figure, 0, column).get_title() for column in range(8)]
    assert titles == [f"b0 = {b0}" for b0 in (1, 3, 4, 6, 7, 9, 10, 12)]
    assert "Shown are 8 of 12 values of b0: 1, 3, 4, 6, 7, 9, 10 and 12." in note(figure)
    narrow = figure_of(records, width=3.3)
    assert "Shown are 3 of 12 values of b0: 1, 7 and 12." in note(narrow)
    assert narrow.get_figwidth() <= 3.3


@pytest.mark.parametrize(
    ("values", "most", "chosen"),
    [("abc", 3, "abc"), ("abcde", 3, "ace"), ("abcde", 1, "a"), ("abcde", 2, "ae"), ("", 3, "")],
)
def test_values_are_chosen_evenly_with_the_first_and_the_last(values, most, chosen):
    assert "".join(evenly(values, most)) == chosen


def test_a_figure_per_model_with_its_name(records, course):
    for model in ("mlp", "vit"):
        course([1.0, 0.5], model=model)
    figures = figures_of(records)
    assert [name for name, _ in figures] == ["mlp", "vit"]
    assert figures[1][1].get_suptitle() == "demo: vit"


@pytest.mark.slow
def test_a_part_of_which_no_trial_has_begun_has_no_figure(records, course):
    for model in ("mlp", "vit", "cnn", "resnet"):
        records.declare(model=model, seed=9, epochs=8)
    assert [name for name, _ in figures_of(records)] == ["mlp", "vit", "cnn", "resnet"]
    course([1.0, 0.5], model="vit")
    course([2.0], "missing", model="cnn")
    records.fail(records.declare(model="resnet", epochs=8))
    assert [name for name, _ in figures_of(records)] == ["vit", "cnn", "resnet"]


def test_the_sweeps_metric_takes_the_place_of_the_test_accuracy(records, course):
    course([1.0, 0.5])
    axes = panel(figure_of(records, metric="val/top1"), 2)
    assert axes.get_ylabel().replace("\n", " ") == "validation top-1 accuracy (%)"


def test_of_very_many_seeds_some_are_drawn_and_the_mean_is_of_all(records, course):
    for seed in range(MOST_THIN_LINES + 2):
        course([1.0 + seed, 1.0], seed=seed)
    course([5.0, 99.0], "diverged", seed=100)
    figure = figure_of(records, quantities=["train/loss"])
    axes = panel(figure, 0)
    assert len(seeds(axes)) == MOST_THIN_LINES
    assert [5.0, 99.0] in seeds(axes)
    assert mean(axes)[0] == (1, 1 + 21 / 2)
    assert f"Of up to {MOST_THIN_LINES + 3} seeds in a cell {MOST_THIN_LINES} are" in note(figure)


def test_unknown_quantities_are_refused_at_once(records, course):
    course([1.0])
    history = history_frame(records.trials, records.store)
    with pytest.raises(TableError, match="there is no speed; there are train/loss"):
        curves_by_part(history, records.frame(), title="", quantities=["speed"])


def test_a_sweep_that_has_not_begun_has_empty_panels(records, tmp_path):
    records.declare()
    figure = figure_of(records)
    save_figure(figure, tmp_path / "figure.png")
    assert len(figure.axes) == 5


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_same_records_give_the_same_bytes(records, course, tmp_path, suffix):
    course([1.0, 0.5], seed=0)
    course([2.0, 9.0], "diverged", seed=1)
    paths = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for path in paths:
        save_figure(figure_of(records), path)
    first, second = (path.read_bytes() for path in paths)
    assert first == second


def places(figure):
    lay_out(figure)
    return [axes.get_position().get_points() for axes in figure.axes]


def test_places_of_panels_leave_out_the_bits_that_differ_from_time_to_time(records, course):
    for b0 in (0.01, 1.0, 100.0):
        course([1.0, 0.5, 0.1], b0=b0)
    # Some are 0.44215430902188819 now and ...883 then, as the solver's variables lie in memory.
    corners = np.array(places(figure_of(records)))
    assert np.array_equal(corners, corners.round(9))


@pytest.mark.slow
def test_panels_without_labels_would_take_no_room_in_the_layout(records, course):
    for b0 in (0.01, 1.0, 100.0):
        course([1.0, 0.5, 0.1], b0=b0)
    figure = figure_of(records)
    for axes in figure.axes:
        axes.xaxis.set_in_layout(True)
        axes.yaxis.set_in_layout(True)
    assert np.array_equal(places(figure), places(figure_of(records)))


def test_a_line_that_is_joined_over_gaps_may_have_no_epoch_yet():
    empty = Course(state="missing", epochs=np.empty(0), values={}, is_joined=True)
    assert len(empty.shown("loss").epochs) == 0
