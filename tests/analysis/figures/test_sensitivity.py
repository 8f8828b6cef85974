"""Figures of tuned tables along the tuned field, and of what targets take."""

import math

import pytest
from matplotlib.colors import to_hex

from adaloss.grid.tables.at import reach_of
from adaloss.grid.tables.spec import TableSpec
from adaloss.records.result import TrialState
from analysis.figures import accuracy_against, performance_profile
from analysis.figures.parts.line_styles import OPTIMIZER_STYLES
from analysis.stats.profiles import profiles_of
from analysis.tables.measure import Measure
from analysis.tables.tuning import sensitivities

ACCURACY = Measure(metric="test/top1", at="last", goal="maximize")
AT = "reach val/top1 90"
COST = Measure(metric="epoch", at=AT, goal="minimize")
SPEC = TableSpec(rows="b0", columns="optimizer", per=("model",), at=AT)


def bars(axes, optimizer):
    """The ends of the optimizer's bar and its marks."""
    colour = OPTIMIZER_STYLES[optimizer].colour.lower()
    own = [
        line
        for line in axes.lines
        if to_hex(line.get_color()) == colour and line.get_transform() != axes.transData
    ]
    (bar,) = [line for line in own if line.get_marker() == "None"]
    marks = [line.get_marker() for line in own if line.get_marker() in "<>|"]
    return list(bar.get_xdata()), marks


def note(figure):
    return figure.texts[-1].get_text().replace("\n", " ")


def test_a_bar_spans_the_values_within_a_point_of_the_lines_best(records):
    for lr, wide, narrow in ((0.1, 89.5, 70.0), (1.0, 90.0, 90.0), (10.0, 70.0, 70.0)):
        records.cell([wide], lr=lr, optimizer="adaloss")
        records.cell([narrow], lr=lr, optimizer="sgd_constant")
    figure = accuracy_against(
        records.frame(), x="lr", metric="test/top1", at="last", title="t", ranges=True
    )
    (axes,) = figure.axes
    ends, marks = bars(axes, "adaloss")
    # From the first value, to 1/20 of the way down from 1 to 10.
    assert ends == pytest.approx([0.1, 10 ** (1 / 20)])
    assert marks == ["<", "|"]
    ends, marks = bars(axes, "sgd_constant")
    assert ends == pytest.approx([10 ** (-1 / 20), 10 ** (1 / 20)])
    assert marks == ["|", "|"]
    assert "near its best (within 1 percentage point)" in note(figure)


def test_bars_are_outside_of_the_values(records):
    for lr, value in ((0.1, 80.0), (1.0, 90.0), (10.0, 85.0)):
        records.cell([value], lr=lr)
    (axes,) = accuracy_against(
        records.frame(), x="lr", metric="test/top1", at="last", title="t", ranges=True
    ).axes
    (bar,) = [
        line
        for line in axes.lines
        if line.get_transform() != axes.transData and len(line.get_xdata()) == 2
    ]
    height = axes.transAxes.transform((0, bar.get_ydata()[0]))[1]
    assert height > axes.transData.transform((1, 90.0))[1]


def test_of_a_loss_the_range_is_around_the_smallest(records, ordinary_epoch):
    for lr, loss in ((0.1, 1.0), (1.0, 0.5), (10.0, 1.5)):
        last = ordinary_epoch(90.0, test_loss=loss)
        records.end(records.declare(lr=lr), TrialState.COMPLETE, last=last, best_val=last)
    figure = accuracy_against(
        records.frame(), x="lr", metric="test/loss", at="last", title="t", ranges=True
    )
    (axes,) = figure.axes
    ends, _ = bars(axes, "adaloss")
    # 5 % of 0.5, on the way to 1.0 and to 1.5.
    assert ends == pytest.approx([10 ** (-0.025 / 0.5), 10 ** (0.025 / 1.0)])
    assert "near its best (within 5 % of the best value)" in note(figure)


def test_a_bar_ends_where_the_values_tried_for_the_line_end(records):
    for lr, value in ((1e-4, 70.0), (1e-3, 80.0), (1e-2, 90.0)):
        records.cell([value], lr=lr, optimizer="adaloss")
    for lr, value in ((1e-2, 90.0), (1e-1, 90.0), (1.0, 70.0)):
        records.cell([value], lr=lr, optimizer="sgd_constant")
    (axes,) = accuracy_against(
        records.frame(), x="lr", metric="test/top1", at="last", title="t", ranges=True
    ).axes
    ends, marks = bars(axes, "adaloss")
    assert ends == pytest.approx([10**-2.1, 1e-2])
    assert marks == ["|", ">"]
    ends, marks = bars(axes, "sgd_constant")
    assert ends == pytest.approx([1e-2, 10**-0.95])
    assert marks == ["<", "|"]


def test_a_value_that_was_not_tried_for_the_line_does_not_end_its_bar(records):
    for lr in (0.01, 1.0):
        records.cell([90.0], lr=lr, optimizer="adaloss")
    for lr in (0.01, 0.1, 1.0):
        records.cell([90.0], lr=lr, optimizer="sgd_constant")
    (axes,) = accuracy_against(
        records.frame(), x="lr", metric="test/top1", at="last", title="t", ranges=True
    ).axes
    ends, marks = bars(axes, "adaloss")
    assert ends == pytest.approx([0.01, 1.0])
    assert marks == ["<", ">"]


def test_at_a_target_the_line_is_that_of_the_metric(records):
    for lr, first in ((0.1, 2), (1.0, 1)):
        records.reach(records.declare(lr=lr), first)
    frame = records.frame(targets=[reach_of(AT)])
    (axes,) = accuracy_against(frame, x="lr", metric="step", at=AT, title="t").axes
    ((line, *_),) = axes.containers
    assert list(line.get_ydata()) == [20.0, 10.0]
    assert axes.get_ylabel().startswith("step")


def test_names_have_no_range(records):
    records.cell([80.0], optimizer="adaloss")
    records.cell([90.0], optimizer="sgd_constant")
    figure = accuracy_against(
        records.frame(), x="optimizer", line="b0", metric="test/top1", at="last", title="t",
        ranges=True,
    )  # fmt: skip
    assert "Bars" not in note(figure)


def test_sensitivity_is_along_a_tuned_field_of_numbers_with_the_others_tuned(records):
    for lr in (0.1, 1.0):
        for decay, value in ((0.0, 80.0), (0.01, 85.0)):
            records.cell([value + lr], lr=lr, weight_decay=decay)
    spec = TableSpec(per=("model",), tune=("lr", "weight_decay"))
    (along,) = sensitivities(records.frame(), spec, ACCURACY)
    assert (along.spec.rows, along.spec.tune) == ("lr", ("weight_decay",))
    assert sorted(along.frame["lr"]) == [0.1, 1.0]


@pytest.mark.parametrize("values", [(1000, None), (None, 1000)])
def test_a_row_called_none_is_a_row_of_its_own(records, values):
    for examples in values:
        for lr in (0.1, 1.0):
            records.cell([80 + lr], lr=lr, train_examples=examples)
    spec = TableSpec(rows="train_examples", tune=("lr",), per=("model",))
    (along,) = sensitivities(records.frame(), spec, ACCURACY)
    assert along.spec.per == ("train_examples", "model")


@pytest.fixture
def costs(records):
    """A frame of epochs to the target, by model and optimizer, from lists over seeds."""

    def declare(epochs):
        for (model, optimizer), values in epochs.items():
            ends = ["diverged" if value is None else 50.0 for value in values]
            records.cell(ends, model=model, optimizer=optimizer)
        frame = records.frame()
        frame[COST.column] = [
            math.nan if value is None else value for values in epochs.values() for value in values
        ]
        return frame

    return declare


def test_a_profile_counts_problems_within_a_factor_of_the_fastest(costs):
    frame = costs(
        {
            ("mlp", "adaloss"): [2.0, 2.0, math.inf],
            ("mlp", "sgd_constant"): [4.0, 4.0, 4.0],
            ("small_cnn", "adaloss"): [9.0, 9.0, 9.0],
            ("small_cnn", "sgd_constant"): [6.0, 6.0, None],
        }
    )
    profiles = profiles_of(frame, SPEC, COST)
    assert profiles.problems == 2
    assert profiles.ratios == {"adaloss": (1.0, 1.5), "sgd_constant": (1.0, 2.0)}
    assert profiles.within("adaloss", 1.5) == 1.0
    assert profiles.within("sgd_constant", 1.5) == 0.5


def test_what_mostly_diverges_or_never_arrives_is_never_fast(costs):
    frame = costs(
        {
            ("mlp", "adaloss"): [2.0, None, None],
            ("mlp", "sgd_constant"): [math.inf, math.inf, 1.0],
            ("small_cnn", "adaloss"): [3.0, 3.0, 3.0],
        }
    )
    profiles = profiles_of(frame, SPEC, COST)
    assert profiles.ratios == {"adaloss": (1.0, math.inf), "sgd_constant": (math.inf, math.inf)}
    assert (profiles.unsolved, profiles.lacking["sgd_constant"]) == (1, 1)


def test_a_target_that_is_reached_at_once_costs_nothing(costs):
    frame = costs(
        {
            ("mlp", "adaloss"): [0.0, 0.0, 0.0],
            ("mlp", "sgd_constant"): [4.0, 4.0, 4.0],
        }
    )
    assert profiles_of(frame, SPEC, COST).ratios == {"adaloss": (1.0,), "sgd_constant": (math.inf,)}


def test_the_profile_is_drawn_as_steps_with_what_a_problem_is(costs):
    frame = costs(
        {
            ("mlp", "adaloss"): [2.0],
            ("mlp", "sgd_constant"): [4.0],
            ("small_cnn", "adaloss"): [math.inf],
            ("small_cnn", "sgd_constant"): [6.0],
        }
    )
    figure = performance_profile(frame, spec=SPEC, measure=COST, title="t")
    (axes,) = figure.axes
    shares = {to_hex(line.get_color()): list(line.get_ydata()) for line in axes.lines}
    assert shares[OPTIMIZER_STYLES["adaloss"].colour.lower()] == [0.5, 0.5, 0.5]
    assert shares[OPTIMIZER_STYLES["sgd_constant"].colour.lower()] == [0.5, 0.5, 1.0, 1.0]
    said = note(figure)
    assert "The share of 2 problems (b0 × model) with validation top-1 accuracy ≥ 90 %" in said
    assert reach_of(AT).words in said
