"""The answer in words: it says what is true of simulated sweeps, and nothing where nothing is."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from adaloss.grid.tables.at import reach_of
from analysis.stats.answer.claims import claims_of
from analysis.stats.frames.frames import PartStatistics, part_statistics
from analysis.stats.frames.pairs import pair_frame
from analysis.stats.page.page import stats_page
from analysis.tables.measure import Measure
from analysis.tables.names import NO_LABELS
from analysis.tables.tuning import Choice

ACCURACY = Measure(metric="test/top1", at="last", goal="maximize")
LOSS = Measure(metric="test/loss", at="last", goal="minimize")
SWEEPS = 400
"""At 5 % per sweep, 95 % of 400 null sweeps have at most 27 with a claim."""
MOST_CLAIMS = 27


@pytest.fixture
def template(records):
    """A frame with a complete trial for each cell of a sweep, to be filled with numbers."""

    def declare(columns, rows, seeds, models=("mlp",)):
        for model in models:
            for column in columns:
                for row in rows:
                    fields = {"optimizer": column, "b0": row, "model": model}
                    records.cell([50.0] * seeds, **fields)
        return records.frame()

    return declare


def filled(frame, values, measure=ACCURACY):
    """The frame with these values, in the order of its rows; NaN is a diverged trial."""
    changed = frame.copy()
    changed[measure.column] = values
    changed["state"] = np.where(np.isnan(values), "diverged", "complete")
    return changed


def parts_of(frame, measure=ACCURACY):
    return part_statistics(
        frame,
        measure=measure,
        generator=np.random.default_rng(0),
        rows="b0",
        columns="optimizer",
        per=("model",),
        na_if="any",
    )


def answer_of(frame, measure=ACCURACY, **changes):
    page = stats_page(
        frame, measure=measure, title="demo", generator=np.random.default_rng(0), **changes
    )
    assert len(page.answer) <= 6
    return page.answer


def simulated(generator, shape, effect=0.0, *, seed_effect=1.0, skewed=False):
    """Values by model, column, row and seed: a seed's cells are correlated by one half."""
    noise = generator.gamma(2, size=shape) if skewed else generator.normal(size=shape)
    shared = generator.normal(size=(1, 1, 1, shape[-1]))
    return 80 + noise + seed_effect * shared + effect


NULLS = {
    "three columns, three rows, five seeds": ((1, 3, 3, 5), False),
    "two models, skewed": ((2, 3, 2, 5), True),
    "one row, three seeds": ((1, 5, 1, 3), False),
}


@pytest.mark.slow
@pytest.mark.parametrize(("shape", "skewed"), NULLS.values(), ids=NULLS)
def test_where_nothing_differs_at_most_5_percent_of_sweeps_have_a_claim(template, shape, skewed):
    models, columns, rows, seeds = shape
    names = ("adaloss", "adagrad_norm", "sgd_constant", "sgd_decay_sqrt", "adam")[:columns]
    frame = template(names, (0.1, 1.0, 10.0)[:rows], seeds, ("mlp", "small_cnn")[:models])
    parts = [part.samples for part in parts_of(frame)]
    generator = np.random.default_rng(20261129)
    found = 0
    for _ in range(SWEEPS):
        values = simulated(generator, shape, skewed=skewed)
        drawn = [replace(part, values=own) for part, own in zip(parts, values, strict=True)]
        claims = claims_of(
            [
                PartStatistics(part, {"pairs": pair_frame(part, ACCURACY, generator)})
                for part in drawn
            ]
        )
        found += any(ranking.worse or ranking.at_rows for ranking in claims.rankings)
    assert found <= MOST_CLAIMS


@pytest.mark.slow
@pytest.mark.parametrize("tried", [(6, 6), (30, 1)], ids=["equally many", "30 against 1"])
def test_tuning_on_the_same_seeds_makes_no_claim_either(template, tried):
    frame = template(("adaloss", "sgd_constant"), (1.0,), 5)
    (part,) = [part.samples for part in parts_of(frame)]
    generator = np.random.default_rng(20261130)
    found = 0
    for _ in range(SWEEPS):
        chosen = []
        for number in tried:
            # Validation and test of a trial are correlated by 0.8.
            shared = generator.normal(size=(number, 5)) * 2
            validation, test = (shared + generator.normal(size=(number, 5)) for _ in range(2))
            chosen.append(80 + test[validation.mean(axis=1).argmax()])
        drawn = replace(part, values=np.array(chosen)[:, None, :])
        pairs = {"pairs": pair_frame(drawn, ACCURACY, generator)}
        choices = {
            (1.0, column, "mlp"): Choice(values=(0.1,), tried=number)
            for column, number in zip(part.columns, tried, strict=True)
        }
        (ranking,) = claims_of([PartStatistics(drawn, pairs)], choices).rankings
        found += bool(ranking.worse)
    assert found <= MOST_CLAIMS


def test_the_best_mean_is_over_the_rows_that_another_column_has(records):
    records.cell([90.0, 91.0], optimizer="adaloss", b0=1)
    records.cell([50.0, 51.0], optimizer="adaloss", b0=10)
    records.cell([80.0, 82.0], optimizer="sgd_constant", b0=1)
    assert "mlp: adaloss 90.50 (" in answer_of(records.frame())[0]


def test_equal_differences_and_ties_are_not_tested_and_said_so(records):
    records.cell([90.0, 91.0, 92.0], optimizer="adaloss")
    records.cell([90.0, 91.0, 92.0], optimizer="adagrad_norm")
    records.cell([89.0, 90.0, 91.0], optimizer="sgd_constant")
    first = answer_of(records.frame())[0]
    assert "adaloss 91.00 (not tested (all differences are equal): " in first
    assert "adagrad_norm by 0.00, sgd_constant by 1.00" in first


def test_columns_without_a_mean_are_named_and_not_called_worse(records):
    for seed_values, optimizer in (
        ([90.0, 91.0, 92.0], "adaloss"),
        ([60.0, 62.0, 61.0], "adagrad_norm"),
        ([95.0, "diverged", 95.0], "sgd_constant"),
    ):
        records.cell(seed_values, optimizer=optimizer)
    first = answer_of(records.frame())[0]
    assert "adaloss 91.00 (without a mean to compare: sgd_constant)" in first


def test_where_only_one_column_has_a_mean_it_is_named(records):
    records.cell([90.0, 91.0], optimizer="adaloss")
    records.cell(["diverged", 80.0], optimizer="sgd_constant")
    first = answer_of(records.frame())[0]
    assert first.endswith("mlp: adaloss 90.50 (without a mean to compare: sgd_constant).")


def test_with_tuning_divergence_is_counted_over_all_values_tried(records):
    records.cell([90.0, 91.0], optimizer="adaloss", lr=0.1)
    records.cell(["diverged", "failed"], optimizer="adaloss", lr=1.0)
    shown = records.frame()
    said = answer_of(shown[shown["lr"] == 0.1], whole=shown, tune=("lr",))
    assert (
        "Diverged: adaloss in 1 of 4 trials, of all lr tried; "
        "1 of 4 trials failed, of all lr tried." in said
    )


@pytest.mark.slow
def test_a_column_that_is_worse_everywhere_is_named_with_its_difference_and_p(template):
    frame = template(("adaloss", "sgd_constant", "adagrad_norm"), (0.1, 1.0), 5)
    effect = np.array([0.0, -10.0, 0.0]).reshape(1, 3, 1, 1)
    right = 0
    for seed in range(40):
        generator = np.random.default_rng(seed)
        values = simulated(generator, (1, 3, 2, 5), effect).reshape(-1)
        claims = claims_of(parts_of(filled(frame, values)))
        (ranking,) = claims.rankings
        assert ranking.best != "sgd_constant"
        right += [one.column for one in ranking.worse] == ["sgd_constant"]
    assert right >= 36
    best, worse, *_ = answer_of(filled(frame, values))
    assert best.startswith("Best mean test top-1 accuracy (%) over every b0: mlp: ")
    assert "sgd_constant" not in best
    assert worse.startswith("Worse than it over every b0, after Holm's correction for 3 tests: ")
    amount = next(one.amount for one in ranking.worse)
    assert f"sgd_constant by {amount:.2f} points (p " in worse


def test_a_column_that_is_worse_at_one_row_is_named_with_the_row(template):
    frame = template(("adaloss", "sgd_constant"), (0.1, 1.0, 10.0), 5)
    effect = np.zeros((1, 2, 3, 1))
    effect[0, 1, 2] = -30.0
    values = simulated(np.random.default_rng(1), (1, 2, 3, 5), effect).reshape(-1)
    (said,) = [text for text in answer_of(filled(frame, values)) if "single b0" in text]
    assert "mlp: sgd_constant at 10 by " in said


def test_what_is_not_distinguished_comes_with_the_difference_that_would_be_found(template):
    frame = template(("adaloss", "sgd_constant"), (1.0,), 5)
    values = simulated(np.random.default_rng(2), (1, 2, 1, 5)).reshape(-1)
    first = answer_of(filled(frame, values))[0]
    assert "not distinguishable from it by n = 5, which finds a true difference of " in first
    assert " points in 4 of 5 sweeps: " in first


def test_of_a_loss_the_smaller_is_better(template):
    frame = template(("adaloss", "sgd_constant"), (1.0,), 5)
    effect = np.array([0.0, -10.0]).reshape(1, 2, 1, 1)
    values = simulated(np.random.default_rng(3), (1, 2, 1, 5), effect).reshape(-1)
    best, worse, *_ = answer_of(filled(frame, values, LOSS), LOSS)
    assert best.startswith("Best mean test loss (nats): mlp: sgd_constant ")
    assert "adaloss by " in worse
    assert "points" not in worse


def test_one_seed_allows_no_test_and_the_answer_says_so(template):
    frame = template(("adaloss", "sgd_constant"), (1.0,), 1)
    first = answer_of(filled(frame, np.array([80.0, 70.0])))[0]
    assert first == (
        "Best mean test top-1 accuracy (%): mlp: adaloss 80.00 "
        "(not tested (one pair): sgd_constant by 10.00)."
    )


def test_too_few_seeds_for_the_tests_are_called_too_few(template):
    frame = template(("adaloss", "sgd_constant", "adagrad_norm", "adam"), (0.1, 1.0, 10.0), 2)
    values = 10 * simulated(np.random.default_rng(4), (1, 4, 3, 2)).reshape(-1)
    assert "by n = 2, too few for 6 tests: " in answer_of(filled(frame, values))[0]


def test_who_diverged_is_counted_with_the_rows_and_never_the_best(template):
    frame = template(("adaloss", "sgd_constant"), (0.1, 1.0), 3)
    values = simulated(np.random.default_rng(5), (1, 2, 2, 3))
    values[0, 1, 0, :2] = np.nan
    values[0, 1, 1] += 10
    said = answer_of(filled(frame, values.reshape(-1)))
    assert "Diverged: sgd_constant in 2 of 6 trials (b0 = 0.1)." in said
    assert not any("Worse" in text and "adaloss by" in text for text in said)


def test_cells_that_share_diverged_trials_are_all_named_and_the_trials_counted_once(records):
    for alpha in (0.5, 1.0):
        records.cell([90.0, 91.0], alpha=alpha)
    records.cell(["diverged", "diverged"], optimizer="sgd_constant")
    shared = records.frame()
    constant = shared[shared["optimizer"] == "sgd_constant"]
    frame = pd.concat([shared, constant.assign(alpha=0.5)], ignore_index=True)
    said = answer_of(frame, rows="alpha", per=("model",))
    assert "Diverged: sgd_constant in 2 of 2 trials (alpha = 1, 0.5)." in said


def test_failed_and_missing_trials_are_counted(records):
    records.cell([80.0, "failed", "missing"])
    assert "1 of 3 trials failed; 1 of 3 trials have not ended." in answer_of(records.frame())


def test_robustness_is_in_decades_around_the_own_best(records):
    for b0, wide, narrow in ((0.1, 89.9, 50.0), (1, 90.0, 90.0), (10, 89.9, 50.0)):
        records.cell([wide, wide + 0.1], b0=b0, optimizer="adaloss")
        records.cell([narrow, narrow + 0.1], b0=b0, optimizer="sgd_constant")
    (said,) = [text for text in answer_of(records.frame()) if text.startswith("Decades")]
    assert said == (
        "Decades of b0 near the own best (within 1 percentage point): "
        "mlp: adaloss at least 2.0, sgd_constant 0.1."
    )


def test_a_width_with_a_cell_that_has_not_ended_is_not_said(records):
    for b0 in (0.1, 1, 10):
        records.cell([90.0, 90.1], b0=b0, optimizer="adaloss")
        records.cell([90.0, 90.1] if b0 == 1 else ["missing"] * 2, b0=b0, optimizer="sgd_constant")
        records.cell([90.0, 90.1] if b0 == 1 else ["diverged"] * 2, b0=b0, optimizer="adam")
    (said,) = [text for text in answer_of(records.frame()) if text.startswith("Decades")]
    assert said.endswith(": mlp: adaloss at least 2.0, adam 0.0.")


def test_what_was_not_tuned_is_said_with_whom_that_favours(records):
    records.cell([80.0, 81.0], optimizer="adaloss", lr=0.1)
    records.cell([80.0, 82.0], optimizer="sgd_constant", lr=0.1)
    assert answer_of(records.frame())[-1] == (
        "Nothing was tuned: lr = 0.1 for every optimizer, which favours those that it happens to "
        "suit."
    )


def test_learning_rates_given_by_hand_are_listed(records):
    records.cell([80.0, 81.0], optimizer="adaloss", lr=0.1)
    records.cell([80.0, 82.0], optimizer="sgd_constant", lr=1.0)
    assert "lr was given (0.1; 1 for sgd_constant)" in answer_of(records.frame())[-1]


CHOICES: Mapping[tuple[object, ...], Choice] = {
    (1.0, "adaloss", "mlp"): Choice(values=(0.1,), tried=6, upwards=("lr",)),
    (1.0, "sgd_constant", "mlp"): Choice(values=(0.1,), tried=1),
}


def test_unequal_numbers_of_tuned_values_and_edges_are_said(records):
    records.cell([80.0, 81.0], optimizer="adaloss")
    records.cell([80.0, 82.0], optimizer="sgd_constant")
    assert answer_of(records.frame(), tune=("lr",), choices=CHOICES)[-1] == (
        "lr was chosen by the validation top-1 accuracy (%) of the same seeds, of 1 for "
        "sgd_constant and 6 for adaloss, "
        "which favours those with more; that of adaloss is at the edge of its range and may be "
        "better beyond."
    )


def test_a_metric_without_a_goal_ranks_nothing(records):
    records.cell([80.0, 81.0], optimizer="adaloss")
    records.cell([80.0, 82.0], optimizer="sgd_constant")
    said = answer_of(records.frame(), Measure(metric="b", at="last", goal=None))
    assert not any("est mean" in text for text in said)


def test_who_never_gets_there_is_counted_also_of_a_metric_without_a_goal(records):
    for seed, first in enumerate((1, 2, None)):
        records.reach(records.declare(seed=seed), first)
    at = "reach val/top1 90"
    said = answer_of(records.frame(targets=[reach_of(at)]), Measure(metric="b", at=at, goal=None))
    assert "Never got there: adaloss in 1 of 3 trials." in said


def test_an_empty_sweep_has_no_answer(records):
    frame = pd.DataFrame(columns=list(records.frame()))
    assert answer_of(frame, names=NO_LABELS) == ()


def test_of_many_parts_and_columns_the_first_are_named(template):
    columns = ("adaloss", "adagrad_norm", "sgd_constant", "sgd_decay_sqrt", "adam", "sgd", "adamw")
    models = tuple(f"timm:model{number}" for number in range(5))
    frame = template(columns, (1.0,), 2, models)
    values = simulated(np.random.default_rng(6), (5, 7, 1, 2)).reshape(-1)
    first = answer_of(filled(frame, values))[0]
    assert "; 2 more in the statistics." in first
    assert " and 2 more by up to " in first
