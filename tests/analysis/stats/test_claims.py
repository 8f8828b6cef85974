"""What is claimed of columns: never the wrong direction, and only of what was tried alike."""

import numpy as np
import pytest

from analysis.stats.answer.claims import claims_of
from analysis.stats.frames.frames import part_statistics
from analysis.stats.page.page import stats_page
from analysis.tables.measure import Measure
from analysis.tables.tuning import Choice

ACCURACY = Measure(metric="test/top1", at="last", goal="maximize")


@pytest.fixture
def said_of(records):
    """A function that answers about the records declared so far."""

    def answer(**fields):
        page = stats_page(
            records.frame(),
            measure=ACCURACY,
            title="demo",
            generator=np.random.default_rng(0),
            **fields,
        )
        return page.answer

    return answer


@pytest.mark.parametrize("first", [1000, None])
def test_all_examples_are_a_column_like_any_other(records, said_of, first):
    values = {1000: [70.1, 70.0, 70.3, 70.2, 70.4], None: [90.0, 90.2, 90.1, 90.4, 90.3]}
    for examples in sorted(values, key=lambda value: value != first):
        records.cell(values[examples], train_examples=examples)
    best, worse, *others = said_of(columns="train_examples", rows="b0", per=())
    assert "train_examples = none 90.20" in best
    assert worse.startswith("Worse than it: train_examples = 1000 by 20.00 points")
    assert others[-1].startswith("Nothing was tuned: lr = 0.1 for every train_examples")


def claims_about(records, choices):
    parts = part_statistics(
        records.frame(),
        measure=ACCURACY,
        generator=np.random.default_rng(0),
        rows="b0",
        columns="optimizer",
        per=("model",),
        na_if="any",
    )
    return claims_of(parts, choices)


def choice_of(tried):
    return Choice(values=(0.1,), tried=tried)


def test_unequal_numbers_of_values_are_not_tested_where_they_are_unequal(records):
    for model in ("mlp", "small_cnn"):
        for optimizer, mean in (("adaloss", 90.0), ("sgd_constant", 70.0)):
            records.cell(
                [mean + 0.1, mean + 0.3, mean - 0.2, mean + len(optimizer) / 100, mean],
                optimizer=optimizer,
                model=model,
            )
    tried = {("mlp", "adaloss"): 6, ("small_cnn", "adaloss"): 6, ("mlp", "sgd_constant"): 6}
    choices = {
        (1.0, optimizer, model): choice_of(tried.get((model, optimizer), 1))
        for model in ("mlp", "small_cnn")
        for optimizer in ("adaloss", "sgd_constant")
    }
    mlp, cnn = claims_about(records, choices).rankings
    assert [one.column for one in mlp.worse] == ["sgd_constant"]
    assert (cnn.worse, [one.reason for one in cnn.equals]) == (
        (),
        ["unequal numbers of values were tried"],
    )


def test_at_one_row_only_the_numbers_of_that_row_count(records):
    for b0 in (0.1, 1.0):
        records.cell([90.0, 90.2, 90.1], b0=b0)
        records.cell([70.1, 70.0, 70.3], b0=b0, optimizer="sgd_constant")
    choices = {
        (b0, optimizer, "mlp"): choice_of(3 if (b0, optimizer) == (1.0, "adaloss") else 1)
        for b0 in (0.1, 1.0)
        for optimizer in ("adaloss", "sgd_constant")
    }
    claims = claims_about(records, choices)
    assert (claims.tests, claims.row_tests) == (0, 1)
    assert [one.row for one in claims.rankings[0].at_rows] == [0.1]


def test_a_column_that_beats_the_best_where_both_have_rows_is_named(records, said_of):
    # Each wins once: the first declared counts as best, as no order agrees with every pair.
    records.cell([93.0, 93.1, 93.3], optimizer="adaloss", b0=1.0)
    records.cell([95.1, 95.0, 95.2], optimizer="adagrad_norm", b0=1.0)
    records.cell([90.0, 90.2, 90.1], optimizer="sgd_constant", b0=1.0)
    records.cell([20.0, 20.3, 20.1], optimizer="adagrad_norm", b0=0.01)
    records.cell([80.0, 80.1, 80.2], optimizer="sgd_constant", b0=0.01)
    (best, *_) = said_of()
    assert "adaloss 93.13 (worse than adagrad_norm by 1.97 points (p = " in best
    assert "over every b0 that both have" in best


def test_a_lost_comparison_without_a_test_is_not_called_tested(records, said_of):
    records.cell([93.0], optimizer="adaloss", b0=1.0)
    records.cell([95.0], optimizer="adagrad_norm", b0=1.0)
    records.cell([90.0], optimizer="sgd_constant", b0=1.0)
    records.cell([20.0], optimizer="adagrad_norm", b0=0.01)
    records.cell([80.0], optimizer="sgd_constant", b0=0.01)
    (best, *_) = said_of()
    assert "adaloss 93.00 (not tested (one pair): " in best
    assert "adagrad_norm by -2.00" in best
    assert "finds a true difference" not in best


def test_a_column_that_beats_the_best_of_a_row_is_not_called_worse_there(records):
    # Each pair shares other seeds, so that no order agrees with all of them.
    gone = ["missing"] * 3
    low, high = [90.0, 90.1, 90.2], [95.0, 95.2, 95.3]
    for optimizer, values in (
        ("adaloss", [*low, *high, *gone]),
        ("adagrad_norm", [*high, *gone, *low]),
        ("sgd_constant", [*gone, *low, *high]),
    ):
        records.cell(values, optimizer=optimizer, b0=1.0)
        records.cell([50.0] * 9, optimizer=optimizer, b0=10.0)
    (ranking,) = claims_about(records, {}).rankings
    assert [one.column for one in ranking.at_rows] == ["sgd_constant"]


def test_each_claim_names_the_tests_of_its_own_family(records, said_of):
    for b0 in (0.1, 1.0, 10.0):
        records.cell([90.0, 90.2, 90.1, 90.3, 90.5], b0=b0)
        records.cell([70.1, 70.0, 70.3, 70.2, 70.2], b0=b0, optimizer="sgd_constant")
        records.cell([89.0, 91.3, 90.4, 90.1, 90.3], b0=b0, optimizer="adagrad_norm")
    said = said_of()
    assert any(
        "Worse than it over every b0, after Holm's correction for 3 tests" in s for s in said
    )
    assert any("of a single b0, after Holm's correction for 9 tests" in s for s in said)
