"""The curves of a report: how many are drawn, their means and their styles."""

import numpy as np
import pytest

from adaloss.tasks.metrics import METRICS
from analysis.figures.parts.course import Course, mean_course
from analysis.figures.parts.line_styles import OPTIMIZER_STYLES, OTHER_STYLES, line_styles
from analysis.report.curves.budget import MOST_SEEDS, budget_of
from analysis.report.curves.curves import mean_values
from analysis.report.figures.data import metric_data, rounded
from analysis.report.figures.markers import DASH_LENGTHS, MARKER_PATHS


@pytest.mark.parametrize(
    ("seeds", "longest", "expected"),
    [
        ([2, 2], 10, (MOST_SEEDS, 2, 10)),  # 6 lines of 10 epochs are 60 numbers
        ([9, 9], 10, (0, 2, 10)),  # 20 lines are too many, 2 means are not
        ([9, 9], 400, (0, 2, 50)),
        ([1] * 80, 10, (0, 50, 2)),
        ([], 0, (MOST_SEEDS, 0, 0)),
    ],
)
def test_curves_keep_to_their_budget(seeds, longest, expected):
    budget = budget_of(seeds, longest=longest, quantities=1, most_numbers=100)
    assert (budget.seeds, budget.cells, budget.epochs) == expected
    assert budget.seeds or budget.cells * budget.epochs <= 100


@pytest.mark.parametrize("lengths", [(3, 3), (3, 2), (0, 0)])
def test_means_of_a_cell_are_those_of_the_printed_figures(lengths):
    generator = np.random.default_rng(0)
    courses = [
        Course(state="complete", epochs=np.arange(1.0, n + 1), values={"b": generator.random(n)})
        for n in lengths
    ]
    courses.append(Course(state="diverged", epochs=np.ones(1), values={"b": np.full(1, 9.0)}))
    epochs, (means,) = mean_values(courses, ("b",))
    expected_epochs, expected = mean_course(courses, "b")
    np.testing.assert_array_equal(epochs, expected_epochs)
    np.testing.assert_allclose(means, expected)


def test_every_line_style_can_be_drawn():
    styles = [*OPTIMIZER_STYLES.values(), *OTHER_STYLES, *line_styles(list(range(40))).values()]
    assert {style.marker for style in styles} <= set(MARKER_PATHS)
    assert {style.dashes for style in styles} == set(DASH_LENGTHS)


def test_the_band_is_at_the_worse_end_whatever_a_loss_is_called():
    at_top = {name for name, metric in METRICS.items() if metric_data(metric)["at_top"]}
    assert {"train/loss", "objective", "distance", "actor_loss"} <= at_top
    assert not {"test/top1", "return", "b"} & at_top


def test_numbers_that_are_close_stay_apart():
    assert rounded(1.00012) != rounded(1.00018)
