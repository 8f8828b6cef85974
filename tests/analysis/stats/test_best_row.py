"""The answer about a table with one column: which row is best, and how the next ones compare."""

import numpy as np
import pytest

from analysis.stats.page.page import stats_page
from analysis.tables.measure import Measure
from analysis.tables.tuning import Choice


@pytest.fixture
def answer_of(programs):
    """A function that answers about the losses at each learning rate of one program."""
    programs.metric = "error"

    def answer(losses=(), *, goal="minimize", **changes):
        for rate, values in dict(losses).items():
            programs.cell(values, lr=rate)
        settings = {"rows": "lr", "columns": "program", "per": ()} | changes
        page = stats_page(
            programs.frame(),
            measure=Measure(metric="error", at="last", goal=goal),
            title="demo",
            generator=np.random.default_rng(0),
            **settings,
        )
        return page.answer

    return answer


def test_the_best_row_comes_first_with_the_next_two(answer_of):
    said = answer_of({0.01: [3.0, 5.0], 0.1: [1.0, 2.0], 1.0: [2.0, 3.0], 10.0: [8.0, 8.5]})
    assert said == (
        "Best mean error: 1.5000 at lr = 0.1; next 2.5000 at lr = 1 and 4.0000 at lr = 0.01 "
        "(2 seeds each).",
    )


@pytest.mark.parametrize(
    ("goal", "expected"),
    [
        ("minimize", "1.0000 at lr = 0.01, the smallest tried; next 2.0000"),
        ("maximize", "3.0000 at lr = 1, the largest tried; next 2.0000"),
    ],
)
def test_a_best_row_at_the_edge_of_the_tried_numbers_is_called_so(answer_of, goal, expected):
    first, *_ = answer_of({0.01: [0.5, 1.5], 0.1: [1.5, 2.5], 1.0: [2.5, 3.5]}, goal=goal)
    assert expected in first


def test_nothing_lies_below_zero(answer_of):
    first, *_ = answer_of({0.0: [1.0], 0.5: [2.0], 0.9: [3.0]})
    assert first == (
        "Best error: 1.0000 at lr = 0; next 2.0000 at lr = 0.5 and 3.0000 at lr = 0.9 "
        "(one trial each)."
    )


def test_names_have_no_edge(answer_of):
    first, *_ = answer_of({"cosine": [1.0], "linear": [2.0], 3: [4.0]})
    assert first.startswith("Best error: 1.0000 at lr = cosine; next 2.0000 at lr = linear and ")


def test_a_row_that_diverged_is_never_the_best_and_was_tried(answer_of):
    best, diverged = answer_of({0.1: [2.0, 2.0], 1.0: [1.0, 1.0], 10.0: [0.1, "diverged"]})
    assert best == ("Best mean error: 1.0000 at lr = 1; next 2.0000 at lr = 0.1 (2 seeds each).")
    assert diverged == "Diverged: train.py in 1 of 6 trials (lr = 10)."


def test_a_row_without_a_result_is_no_edge_yet(answer_of):
    best, rest = answer_of(
        {0.1: [2.0, 2.0], 1.0: [1.0, "failed"], 10.0: ["missing", "missing"]},
    )
    assert best == (
        "Best mean error: 1.0000 at lr = 1, the largest tried; next 2.0000 at lr = 0.1 "
        "(1 to 2 seeds)."
    )
    assert rest == "1 of 6 trials failed; 2 of 6 trials have not ended."


def test_a_row_that_alone_has_a_mean(answer_of):
    best, *_ = answer_of({0.1: ["diverged"], 1.0: [1.0], 10.0: ["failed"]})
    assert (
        best
        == "Best error: 1.0000 at lr = 1, the largest tried; no other lr has a mean (one trial)."
    )


def test_no_row_with_a_mean_leaves_only_how_the_trials_ended(answer_of):
    assert answer_of({0.1: ["diverged"], 1.0: ["failed"]}) == (
        "Diverged: train.py in 1 of 2 trials (lr = 0.1); 1 of 2 trials failed.",
    )


def test_rows_whose_means_read_the_same_are_the_best_together(answer_of):
    first, *_ = answer_of({0.1: [1.0], 1.0: [1.000001], 10.0: [2.0]})
    assert first == (
        "Best error: 1.0000 at lr = 0.1 and at lr = 1; next 2.0000 at lr = 10 (one trial each)."
    )


def test_each_part_has_its_best_row(programs, answer_of):
    for model, factor in (("mlp:big", 1.0), ("cnn", 2.0)):
        for rate, loss in ((0.1, 3.0), (1.0, 1.0), (10.0, 2.0)):
            programs.cell([factor * loss], lr=rate, model=model)
    first, *_ = answer_of(per=("model",))
    assert first == (
        "Best error: mlp:big: 1.0000 at lr = 1, next 2.0000 at lr = 10 and 3.0000 at lr = 0.1 "
        "(one trial each); cnn: 2.0000 at lr = 1, next 4.0000 at lr = 10 and 6.0000 at lr = 0.1 "
        "(one trial each)."
    )


def test_a_tuned_value_is_named_with_its_row(answer_of):
    choices = {
        (0.1, "train.py"): Choice(values=(0.9,), tried=2),
        (1.0, "train.py"): Choice(values=(0.5,), tried=2),
    }
    first, *_ = answer_of({0.1: [2.0], 1.0: [1.0]}, tune=("p",), choices=choices)
    assert first.startswith("Best error: 1.0000 at lr = 1 with p = 0.5, the largest tried; next ")


def test_without_a_goal_no_row_is_best(answer_of):
    assert answer_of({0.1: [1.0], 1.0: [2.0]}, goal=None) == ()
