import math

import pytest
from matplotlib.colors import to_hex

from adaloss.grid.tables.at import reach_of
from analysis.figures import COLUMN_INCHES, paired_differences, save_figure
from analysis.figures.pairs import Pairs, pairs_of
from analysis.figures.parts.line_styles import OPTIMIZER_STYLES, line_styles
from analysis.tables.cells import TrialEnd
from analysis.tables.tables import TableError


def figure_of(records, **changes):
    settings = {"metric": "test/top1", "at": "last", "title": "demo"}
    return paired_differences(records.frame(), **settings | changes)


def lines(axes, optimizer, marker):
    colour = OPTIMIZER_STYLES[optimizer].colour.lower()
    return [
        line
        for line in axes.lines
        if to_hex(line.get_color()) == colour and line.get_marker() == marker
    ]


def means(axes, optimizer):
    """The heights of the optimizer's marks, from left to right."""
    found = lines(axes, optimizer, OPTIMIZER_STYLES[optimizer].marker)
    (line,) = [line for line in found if line.get_markersize() > 2]
    return list(line.get_ydata())


def seeds(axes, optimizer):
    (points,) = [found for found in lines(axes, optimizer, "o") if found.get_markersize() < 2]
    return list(points.get_ydata())


def intervals(axes):
    """The ends of every interval."""
    return [
        [float(y) for _, y in segment]
        for bars in axes.containers
        for segment in bars[2][0].get_segments()
    ]


def crosses(axes, optimizer):
    """Where the optimizer's crosses are: (b0, share of the panel's height)."""
    found = lines(axes, optimizer, "x")
    return [point for line in found for point in zip(*line.get_data(), strict=True)]


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def note(figure):
    return figure.texts[-1].get_text().replace("\n", " ")


def test_differences_are_seed_by_seed_with_the_mean_and_its_t_interval(records):
    records.cell([90.0, 80.0, 85.0], optimizer="adaloss")
    records.cell([91.0, 83.0, 87.0], optimizer="sgd_constant")
    figure = figure_of(records)
    (axes,) = figure.axes
    assert seeds(axes, "sgd_constant") == [1.0, 3.0, 2.0]
    assert means(axes, "sgd_constant") == [2.0]
    # Student's t for 95 % and two degrees of freedom is 4.3027; the standard deviation is 1.
    half = 4.3027 / math.sqrt(3)
    assert intervals(axes) == [pytest.approx([2 - half, 2 + half], abs=1e-4)]
    assert [list(line.get_ydata()) for line in axes.lines].count([0, 0]) == 1
    assert axes.get_ylabel().replace("\n", " ") == (
        "test top-1 accuracy (percentage points) minus that of adaloss; higher: better than adaloss"
    )
    assert legend(figure) == ["sgd_constant"]
    assert "over 3 seeds." in note(figure)


def test_rows_stand_in_ascending_order_beside_one_another(records):
    for b0, gain in ((10, 1.0), (0.1, 2.0)):
        records.cell([90.0, 91.0], optimizer="adaloss", b0=b0)
        records.cell([90.0 + gain, 91.0 + gain], optimizer="sgd_constant", b0=b0)
        records.cell([90.0 - gain, 91.0 - gain], optimizer="sgd_decay_sqrt", b0=b0)
    (axes,) = figure_of(records).axes
    assert means(axes, "sgd_constant") == [2.0, 1.0]
    assert means(axes, "sgd_decay_sqrt") == [-2.0, -1.0]
    (left,) = lines(axes, "sgd_constant", "^")
    (right,) = lines(axes, "sgd_decay_sqrt", "v")
    assert left.get_xdata()[0] < 0.1 < right.get_xdata()[0]


def test_only_seeds_for_which_both_are_complete_are_compared_and_n_is_written(records):
    records.cell([90.0, "missing", 85.0, 80.0], optimizer="adaloss")
    records.cell([91.0, 99.0, "failed", 83.0], optimizer="sgd_constant")
    figure = figure_of(records)
    (axes,) = figure.axes
    assert seeds(axes, "sgd_constant") == [1.0, 3.0]
    assert [text.get_text() for text in axes.texts] == ["2"]
    assert "over 4 seeds. A number above a mark: its number of seeds." in note(figure)


@pytest.mark.slow
def test_numbers_without_room_are_left_out_and_said(records):
    for b0 in range(1, 61):
        records.cell([90.0, 91.0], optimizer="adaloss", b0=b0)
        records.cell([91.0, "missing"], optimizer="sgd_constant", b0=b0)
    figure = figure_of(records, width=COLUMN_INCHES)
    assert list(figure.axes[0].texts) == []
    assert "Some marks are over fewer seeds, at least 1." in note(figure)


def test_what_diverged_is_in_a_band_at_the_worse_edge_the_baselines_too(records):
    records.cell([90.0, 91.0], optimizer="adaloss", b0=1)
    records.cell([91.0, "diverged"], optimizer="sgd_constant", b0=1)
    records.cell(["diverged", 91.0], optimizer="adaloss", b0=10)
    records.cell([91.0, 92.0], optimizer="sgd_constant", b0=10)
    figure = figure_of(records)
    (axes,) = figure.axes
    assert crosses(axes, "sgd_constant") == [(pytest.approx(1), pytest.approx(0.05))]
    assert crosses(axes, "adaloss") == [(pytest.approx(10, rel=0.4), pytest.approx(0.05))]
    assert means(axes, "sgd_constant") == [1.0, 1.0]
    assert legend(figure)[1:] == ["a seed diverged", "a seed of adaloss diverged"]
    (axes,) = figure_of(records, metric="test/loss").axes
    assert crosses(axes, "sgd_constant")[0][1] == pytest.approx(0.95)
    assert crosses(axes, "adaloss")[0][1] == pytest.approx(0.95)


def test_crosses_of_the_baseline_and_of_others_stand_apart(records):
    for optimizer in ("adaloss", "adagrad_norm", "sgd_constant", "sgd_decay_sqrt"):
        records.cell([90.0, "diverged"], optimizer=optimizer, b0=1)
        records.cell([90.0, 91.0], optimizer=optimizer, b0=10)
    (axes,) = figure_of(records).axes
    places = [
        crosses(axes, optimizer)[0][0]
        for optimizer in ("adaloss", "adagrad_norm", "sgd_constant", "sgd_decay_sqrt")
    ]
    assert places == sorted(set(places))
    assert all(0.3 < place < 3 for place in places)


def test_lower_is_better_for_a_loss(records):
    for optimizer in ("adaloss", "sgd_constant"):
        records.cell([90.0], optimizer=optimizer)
    (axes,) = figure_of(records, metric="test/loss").axes
    assert axes.get_ylabel().endswith("lower: better than adaloss")
    (axes,) = figure_of(records, metric="b").axes
    assert axes.get_ylabel().replace("\n", " ").endswith("above zero: larger than for adaloss")


def test_one_seed_is_a_mark_without_an_interval(records):
    records.cell([90.0], optimizer="adaloss")
    records.cell([91.0], optimizer="sgd_constant")
    figure = figure_of(records)
    (axes,) = figure.axes
    assert means(axes, "sgd_constant") == [1.0]
    assert seeds(axes, "sgd_constant") == []
    assert intervals(axes) == [[1.0, 1.0]]
    assert note(figure) == "Marks: the difference of one seed."


def test_a_gap_is_explained(records):
    records.cell([90.0, "missing"], optimizer="adaloss")
    records.cell(["missing", 91.0], optimizer="sgd_constant")
    figure = figure_of(records)
    assert "A gap: no seed is complete for both." in note(figure)
    assert all(map(math.isnan, means(figure.axes[0], "sgd_constant")))


def test_the_baseline_is_a_choice(records):
    for optimizer, value in (("sgd_constant", 80.0), ("adaloss", 90.0), ("adagrad_norm", 85.0)):
        records.cell([value], optimizer=optimizer)
    (axes,) = figure_of(records).axes
    assert means(axes, "sgd_constant") == [-10.0]
    (axes,) = figure_of(records, baseline="sgd_constant").axes
    assert (means(axes, "adaloss"), means(axes, "adagrad_norm")) == ([10.0], [5.0])
    assert "minus that of sgd_constant;" in axes.get_ylabel().replace("\n", " ")


@pytest.mark.parametrize(("baseline", "named"), [(None, "lr = 1"), (0.1, "lr = 0.1"), ("0.1",) * 2])
def test_without_adaloss_the_baseline_is_the_first_value_and_may_be_a_number(
    records, baseline, named
):
    for lr in (1, 0.1):
        records.cell([90.0], lr=lr)
    (axes,) = figure_of(records, line="lr", baseline=baseline).axes
    assert named in axes.get_ylabel()
    style = line_styles([1, 0.1])[1.0 if named != "lr = 1" else 0.1]
    (mark,) = [line for line in axes.lines if line.get_marker() == style.marker]
    assert to_hex(mark.get_color()) == style.colour.lower()


def test_a_baseline_that_is_not_there_and_one_line_alone_are_refused(records):
    records.cell([90.0], optimizer="adaloss")
    with pytest.raises(TableError, match="need two values of optimizer; there is only adaloss"):
        figure_of(records)
    records.cell([90.0], optimizer="sgd_constant")
    with pytest.raises(TableError, match="no optimizer adam; there are adaloss, sgd_constant"):
        figure_of(records, baseline="adam")


def test_a_part_without_the_baseline_is_an_empty_panel(records, tmp_path):
    records.cell([90.0], optimizer="adaloss", model="mlp")
    records.cell([91.0], optimizer="sgd_constant", model="mlp")
    records.cell([91.0], optimizer="sgd_constant", model="vit")
    figure = figure_of(records)
    save_figure(figure, tmp_path / "figure.png")
    assert all(map(math.isnan, means(figure.axes[1], "sgd_constant")))


def test_one_difference_far_from_the_others_does_not_hide_them(records):
    for b0, loss in ((1, 0.1), (2, 0.2), (3, 0.3), (4, 0.4), (5, 50.0)):
        records.cell([90.0], optimizer="adaloss", b0=b0)
        records.cell([90.0 - loss], optimizer="sgd_constant", b0=b0)
    figure = figure_of(records)
    assert figure.axes[0].get_yscale() == "symlog"
    assert "The scale is linear up to ±0.5 and logarithmic beyond." in note(figure)
    records.trials.pop()
    figure = figure_of(records)
    assert figure.axes[0].get_yscale() == "linear"
    assert "logarithmic" not in note(figure)


def test_differences_may_be_of_any_size(records):
    for b0, loss in ((1, 1e13), (2, 1e13), (3, 1e13), (4, 1e13), (5, 1e15)):
        records.cell([0.0], optimizer="adaloss", b0=b0)
        records.cell([loss], optimizer="sgd_constant", b0=b0)
    assert "The scale is linear up to ±1e+13 and logarithmic beyond." in note(figure_of(records))


def end(value, state="complete", *, is_unreached=False):
    return TrialEnd(trial_id="", state=state, value=value, is_unreached=is_unreached)


def test_pairs_know_their_mean_and_interval():
    complete = {seed: end(float(seed)) for seed in range(3)}
    pairs = pairs_of({0: end(2.0), 1: end(math.nan, "diverged")}, complete)
    assert pairs == Pairs(differences=(2.0,), expected=3, beyond=frozenset({"diverged"}))
    assert pairs.mean == 2
    assert math.isnan(pairs.half_width)
    assert math.isnan(pairs_of({}, complete).mean)
    infinite = pairs_of({0: end(math.inf)}, complete)
    assert infinite.differences == ()


def test_a_seed_that_never_reaches_the_target_leaves_no_mean():
    reached = {seed: end(float(seed)) for seed in range(3)}
    some = reached | {1: end(math.inf, is_unreached=True)}
    ours, theirs = pairs_of(some, reached), pairs_of(reached, some)
    assert (ours.beyond, theirs.beyond) == ({"not reached"}, set())
    for pairs in (ours, theirs):
        assert pairs.differences == (0.0, 0.0)
        assert math.isnan(pairs.mean)
        assert math.isnan(pairs.half_width)
        assert not pairs.is_partial


AT = "reach val/top1 90"


def test_what_never_reaches_the_target_is_in_the_band_and_has_no_mark(records):
    epochs = {
        ("adaloss", 1): (2, 2, 2), ("sgd_constant", 1): (1, None, 3),
        ("adaloss", 10): (2, None, 2), ("sgd_constant", 10): (1, 2, 3),
    }  # fmt: skip
    for (optimizer, b0), firsts in epochs.items():
        for seed, first in enumerate(firsts):
            trial = records.declare(optimizer=optimizer, b0=b0, seed=seed, epochs=3)
            records.reach(trial, first)
    frame = records.frame(targets=[reach_of(AT)])
    figure = paired_differences(frame, metric="epoch", at=AT, title="demo")
    (axes,) = figure.axes
    assert seeds(axes, "sgd_constant") == [-1.0, 1.0, -1.0, 1.0]
    assert all(map(math.isnan, means(axes, "sgd_constant")))
    assert crosses(axes, "sgd_constant") == [(pytest.approx(1), pytest.approx(0.95))]
    assert crosses(axes, "adaloss") == [(pytest.approx(10, rel=0.4), pytest.approx(0.95))]
    assert legend(figure)[1:] == [
        "a seed did not reach the target",
        "a seed of adaloss did not reach the target",
    ]
    assert "No mark: a seed did not reach the target" in note(figure)
    assert "A gap" not in note(figure)


def test_at_a_target_the_differences_are_those_of_the_metric(records):
    for optimizer, first in (("adaloss", 3), ("sgd_constant", 1)):
        for seed in (0, 1):
            trial = records.declare(optimizer=optimizer, seed=seed, epochs=3)
            records.reach(trial, first)
    frame = records.frame(targets=[reach_of(AT)])
    (axes,) = paired_differences(frame, metric="step", at=AT, title="demo").axes
    assert means(axes, "sgd_constant") == [-20.0]
    assert axes.get_ylabel().startswith("step")


def test_a_sweep_without_trials_is_an_empty_figure(records):
    assert figure_of(records).axes == []


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_same_records_give_the_same_bytes(eventful, tmp_path, suffix):
    paths = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for path in paths:
        save_figure(figure_of(eventful), path)
    first, second = (path.read_bytes() for path in paths)
    assert first == second
