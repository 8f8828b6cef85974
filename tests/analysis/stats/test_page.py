import math

import numpy as np
import pytest
from scipy import stats

from adaloss.grid.tables.at import reach_of
from adaloss.grid.tables.labels import Labels
from analysis.stats.frames.frames import stats_frames
from analysis.stats.page.page import stats_page
from analysis.stats.samples import samples_of
from analysis.tables.measure import Measure
from analysis.tables.names import Names
from analysis.tables.tables import TableError

ACCURACY = Measure(metric="test/top1", at="last", goal="maximize")


def frames_of(records, measure=ACCURACY, **changes):
    return stats_frames(
        records.frame(), measure=measure, generator=np.random.default_rng(0), **changes
    )


def page_of(records, measure=ACCURACY, **changes):
    return stats_page(
        records.frame(),
        measure=measure,
        title="demo",
        generator=np.random.default_rng(0),
        **changes,
    )


def text_of(page):
    """Everything that the page says."""
    return "\n".join(
        line
        for section in page.sections
        for line in (
            section.title,
            *section.before,
            *(" | ".join(row) for row in (section.table.rows if section.table else ())),
            *section.after,
        )
    )


def row(frame, **values):
    """The only row with these values."""
    for name, value in values.items():
        frame = frame[[found == value for found in frame[name]]]
    assert len(frame) == 1
    return frame.iloc[0]


@pytest.fixture
def two_by_two(records):
    """Two optimizers, two values of b0, five seeds, every trial complete."""
    cells = {
        ("adaloss", 0.1): [90.0, 91.0, 92.0, 93.0, 95.0],
        ("adaloss", 10.0): [80.0, 82.0, 81.0, 84.0, 83.0],
        ("sgd_constant", 0.1): [89.0, 90.5, 90.0, 93.5, 92.0],
        ("sgd_constant", 10.0): [70.0, 73.0, 74.0, 73.0, 71.0],
    }
    for (optimizer, b0), values in cells.items():
        records.cell(values, optimizer=optimizer, b0=b0)
    return records


def test_every_pair_is_tested_at_each_row_and_over_all_rows(two_by_two):
    pairs = frames_of(two_by_two)["pairs"]
    at_row = row(pairs, row=0.1)
    theirs = stats.ttest_rel([90.0, 91.0, 92.0, 93.0, 95.0], [89.0, 90.5, 90.0, 93.5, 92.0])
    assert (at_row["scope"], at_row["n"], at_row["seeds"]) == ("row", 5, 5)
    assert at_row["p"] == pytest.approx(theirs.pvalue)
    over_all = row(pairs, scope="all rows")
    means = [85.0, 86.5, 86.5, 88.5, 89.0], [79.5, 81.75, 82.0, 83.25, 81.5]
    assert over_all["row"] is None
    assert over_all["p"] == pytest.approx(stats.ttest_rel(*means).pvalue)
    assert over_all["mean"] == pytest.approx(np.mean(means[0]) - np.mean(means[1]))


@pytest.mark.slow
def test_each_row_is_one_family_and_all_rows_another(two_by_two):
    pairs = frames_of(two_by_two)["pairs"]
    rows = pairs[pairs["scope"] == "row"]
    assert set(rows["tests"]) == {2}
    assert rows["holm_p"].min() == pytest.approx(min(2 * rows["p"].min(), 1))
    over_all = row(pairs, scope="all rows")
    assert (over_all["tests"], over_all["holm_p"]) == (1, over_all["p"])


@pytest.mark.parametrize(
    ("goal", "better"), [("maximize", "adaloss"), ("minimize", "sgd_constant"), (None, None)]
)
def test_which_is_better_follows_the_goal(two_by_two, goal, better):
    pairs = frames_of(two_by_two, Measure(metric="test/top1", at="last", goal=goal))["pairs"]
    assert row(pairs, row=10.0)["better"] == better


def test_without_a_goal_only_differences_and_means_are_given(two_by_two):
    measure = Measure(metric="test/top1", at="last", goal=None)
    frames = frames_of(two_by_two, measure)
    assert len(frames["robustness"]) == len(frames["improvement"]) == 0
    assert len(frames["pairs"]) == 3
    assert "Neither direction is better" in text_of(page_of(two_by_two, measure))


def test_a_diverged_cell_is_not_tested_and_says_so(records):
    records.cell([90.0, 91.0, 92.0], b0=0.1)
    records.cell([90.0, 91.0, 93.0], b0=1.0)
    records.cell([80.0, "diverged", 82.0], b0=0.1, optimizer="sgd_constant")
    records.cell([80.0, 81.0, 81.5], b0=1.0, optimizer="sgd_constant")
    frames = frames_of(records)
    at_row = row(frames["pairs"], row=0.1)
    assert math.isnan(at_row["p"])
    assert (at_row["n"], at_row["note"]) == (0, "sgd_constant diverged")
    assert row(frames["pairs"], row=1.0)["tests"] == 1
    over_all = row(frames["pairs"], scope="all rows")
    assert over_all["note"] == "sgd_constant diverged at b0 = 0.1"
    assert math.isnan(over_all["p"])


def test_with_na_if_majority_the_pairs_that_are_left_are_tested(records):
    records.cell([90.0, 91.0, 92.0], b0=0.1)
    records.cell([80.0, "diverged", 83.0], b0=0.1, optimizer="sgd_constant")
    at_row = row(frames_of(records, na_if="majority")["pairs"], row=0.1)
    assert (at_row["n"], at_row["seeds"], at_row["mean"]) == (2, 3, 9.5)


def test_failed_and_missing_trials_are_left_out_and_n_says_so(records):
    records.cell([90.0, 91.0, 92.0, "missing", 95.0])
    records.cell([80.0, 82.0, "failed", 83.0, 84.0], optimizer="sgd_constant")
    frames = frames_of(records)
    assert row(frames["pairs"], scope="row")["n"] == 3
    aggregate = row(frames["aggregate"], column="sgd_constant")
    assert (aggregate["trials"], aggregate["declared"], aggregate["diverged"]) == (4, 5, 0)
    assert "3/5" in text_of(page_of(records))


def test_a_seed_that_lacks_a_row_is_not_averaged_over_rows(records):
    records.cell([90.0, 91.0, 92.0], b0=0.1)
    records.cell([80.0, 81.0, "missing"], b0=1.0)
    records.cell([70.0, 72.0, 71.0], b0=0.1, optimizer="sgd_constant")
    records.cell([70.0, 71.0, 79.0], b0=1.0, optimizer="sgd_constant")
    over_all = row(frames_of(records)["pairs"], scope="all rows")
    assert (over_all["n"], over_all["mean"]) == (2, pytest.approx((15 + 14.5) / 2))


def test_equal_differences_are_said_not_tested(records):
    records.cell([90.3, 80.3, 70.3])
    records.cell([90.2, 80.2, 70.2], optimizer="sgd_constant")
    at_row = row(frames_of(records)["pairs"], scope="row")
    assert math.isnan(at_row["p"])
    assert math.isnan(at_row["holm_p"])
    assert at_row["note"] == "all differences are equal: no test"


def test_one_seed_has_differences_but_neither_tests_nor_intervals(records):
    records.cell([90.0])
    records.cell([80.0], optimizer="sgd_constant")
    frames = frames_of(records)
    at_row = row(frames["pairs"], scope="row")
    assert (at_row["mean"], at_row["note"]) == (10.0, "one pair: no test")
    assert frames["aggregate"]["iqm"].tolist() == [90.0, 80.0]
    for name in ("robustness", "aggregate", "improvement"):
        assert frames[name]["low"].isna().all()
    assert "With n = 1 there is no test" in text_of(page_of(records))


def test_a_single_optimizer_has_nothing_to_be_compared_with(records):
    records.cell([90.0, 91.0, 93.0])
    assert len(frames_of(records)["pairs"]) == 0
    assert "There are no two columns to compare." in text_of(page_of(records))


def test_a_sweep_without_trials_says_so(two_by_two):
    empty = two_by_two.frame().iloc[:0]
    page = stats_page(empty, measure=ACCURACY, title="demo", generator=np.random.default_rng(0))
    assert "The sweep has no trials." in text_of(page)


def test_a_sweep_without_results_has_no_numbers(records):
    records.cell(["missing", "failed", "missing"])
    records.cell(["missing", "missing", "missing"], optimizer="sgd_constant")
    frames = frames_of(records)
    assert frames["pairs"]["note"].tolist() == ["no pair", "no pair"]
    assert frames["aggregate"]["iqm"].isna().all()
    assert frames["robustness"]["value"].isna().all()
    assert "no row has trials of both" in text_of(page_of(records))


# Robustness


def robust(records, statistic, column="adaloss", measure=ACCURACY, **changes):
    robustness = frames_of(records, measure, **changes)["robustness"]
    return row(robustness, statistic=statistic, column=column)


def test_robustness_is_of_the_cell_means(two_by_two):
    worst, area = robust(two_by_two, "worst"), robust(two_by_two, "area")
    assert (worst["value"], worst["note"], worst["n"]) == (82.0, "at b0 = 10", 5)
    assert robust(two_by_two, "range")["value"] == pytest.approx(10.2)
    assert area["value"] == pytest.approx((92.2 + 82.0) / 2)
    # 10.2 points in two decades.
    assert robust(two_by_two, "width")["value"] == pytest.approx(2 / 10.2)
    assert worst["low"] < 82.0 < worst["high"]


def test_rows_are_put_in_order(records):
    for b0, value in ((100.0, 90.0), (1.0, 91.0), (10.0, 80.0)):
        records.cell([value, value], b0=b0)
    assert robust(records, "area")["value"] == pytest.approx((85.5 + 85.0) / 2)


def test_a_diverged_cell_is_the_worst_case_and_counts_as_no_accuracy(records):
    records.cell([90.0, 90.0], b0=1.0)
    records.cell([90.0, "diverged"], b0=0.1)
    assert robust(records, "worst")["note"] == "diverged at b0 = 0.1"
    assert math.isnan(robust(records, "worst")["value"])
    assert robust(records, "area")["value"] == 45.0
    assert robust(records, "width")["value"] == 0.0
    assert "diverged at b0 = 0.1" in text_of(page_of(records))


def test_a_loss_has_no_area_where_a_cell_diverged(records):
    records.cell([90.0, 90.0], b0=1.0)
    records.cell(["diverged", 90.0], b0=0.1)
    loss = Measure(metric="test/loss", at="last", goal="minimize")
    assert math.isnan(robust(records, "area", measure=loss)["value"])
    assert robust(records, "area", measure=loss)["note"] == "diverged at b0 = 0.1"


def test_a_row_without_a_value_leaves_no_area(records):
    records.cell([90.0, 90.0], b0=1.0)
    records.cell(["missing", "missing"], b0=0.1)
    assert robust(records, "area")["note"] == "no value at b0 = 0.1"
    assert "no value at b0 = 0.1" in robust(records, "worst")["note"]
    assert robust(records, "worst")["value"] == 90.0


def test_a_single_row_has_a_worst_case_but_no_area(two_by_two, records):
    two_by_two.trials[:] = [trial for trial in two_by_two.trials if trial.b0 == 0.1]
    assert robust(records, "worst")["value"] == pytest.approx(92.2)
    assert robust(records, "area")["note"] == "one row"


def test_the_tolerance_may_be_chosen(two_by_two):
    assert robust(two_by_two, "width", tolerance=5.1)["value"] == pytest.approx(1.0)


def test_robustness_needs_rows_of_positive_numbers(two_by_two):
    changes = {"rows": "optimizer", "columns": "b0"}
    assert len(frames_of(two_by_two, **changes)["robustness"]) == 0
    assert "positive numbers: optimizer" in text_of(page_of(two_by_two, **changes))


# Aggregates


def test_the_interquartile_mean_is_of_all_trials_of_the_optimizer(two_by_two):
    trials = [90.0, 91.0, 92.0, 93.0, 95.0, 80.0, 82.0, 81.0, 84.0, 83.0]
    found = row(frames_of(two_by_two)["aggregate"], column="adaloss")
    assert found["iqm"] == pytest.approx(stats.trim_mean(trials, 0.25))
    assert (found["trials"], found["n"]) == (10, 5)
    assert found["low"] < found["iqm"] < found["high"]


def test_of_losses_the_interquartile_mean_is_no_negative_number(records, ordinary_epoch):
    for seed, loss in enumerate((0.1, 0.2, 0.3, 0.4)):
        trial = records.declare(seed=seed)
        records.end(trial, "complete", last=ordinary_epoch(90.0, test_loss=loss))
    loss = Measure(metric="test/loss", at="last", goal="minimize")
    found = row(frames_of(records, loss)["aggregate"], column="adaloss")
    assert found["iqm"] == pytest.approx(0.25)
    assert found["low"] < 0.25 < found["high"]


def test_a_diverged_trial_is_the_worst_of_the_interquartile_mean(records):
    records.cell([90.0, 91.0, 92.0, "diverged"])
    records.cell([90.0, 91.0, "diverged", "diverged"], optimizer="sgd_constant")
    aggregate = frames_of(records)["aggregate"]
    assert row(aggregate, column="adaloss")["iqm"] == 90.5
    gone = row(aggregate, column="sgd_constant")
    assert math.isnan(gone["iqm"])
    assert (gone["diverged"], gone["note"]) == (2, "a diverged trial is in the middle half")
    assert "N/A" in text_of(page_of(records))


def test_an_infinite_loss_is_as_bad_as_a_diverged_trial(records, ordinary_epoch):
    for seed, loss in enumerate((0.1, 0.2, math.inf)):
        trial = records.declare(seed=seed)
        records.end(trial, "complete", last=ordinary_epoch(90.0, test_loss=loss))
    loss = Measure(metric="test/loss", at="last", goal="minimize")
    assert robust(records, "worst", measure=loss)["note"] == "diverged at b0 = 1"


def test_a_better_column_called_none_is_named(records):
    records.cell([80.0, 81.0, 82.1], train_examples=1000)
    records.cell([90.0, 91.0, 92.0], train_examples=None)
    text = text_of(page_of(records, columns="train_examples", per=()))
    (line,) = [line for line in text.splitlines() if line.startswith("1000 − none")]
    assert line.split(" | ")[-2] == "none"


@pytest.mark.parametrize(
    ("rows", "columns"), [("train_examples", "optimizer"), ("optimizer", "train_examples")]
)
def test_none_has_its_label_in_every_section(records, rows, columns):
    for examples in (None, 1000):
        for optimizer in ("adaloss", "sgd_constant"):
            value = 80.0 + (examples is None) + 3 * (optimizer == "adaloss")
            values = [value, value + 1, value + 2.1 + (examples is None)]
            records.cell(values, train_examples=examples, optimizer=optimizer)
    names = Names(Labels({"train_examples": {None: "all images"}}))
    page = page_of(records, rows=rows, columns=columns, per=(), names=names)
    lines = [line for each in page.sections if each.table for line in each.table.rows]
    shown = {text for line in lines for text in line[:2]}
    assert {text for text in shown if "none" in text} == set()
    assert any("all images" in text for text in shown)
    better = {line[-2] for line in lines if len(line) > 10}
    assert "none" not in better


def test_declared_are_the_trials_of_the_column_not_of_the_most_complete(records):
    records.cell([90.0, 91.0, 92.0], b0=0.1)
    records.cell([80.0, 81.0], b0=0.1, optimizer="sgd_constant")
    aggregate = frames_of(records)["aggregate"]
    assert row(aggregate, column="sgd_constant")["declared"] == 2


def test_what_diverged_has_no_place_among_values_without_a_goal(records):
    records.cell([90.0, 91.0, 92.0, 93.0, "diverged"], b0=0.1)
    measure = Measure(metric="test/top1", at="last", goal=None)
    (found,) = frames_of(records, measure)["aggregate"].to_dict("records")
    assert math.isnan(found["iqm"])
    assert found["note"] == "trials diverged, and neither direction is better"


def test_who_never_gets_there_has_no_place_among_values_without_a_goal(records):
    for seed, first in enumerate((1, 2, 2, None)):
        records.reach(records.declare(seed=seed), first)
    at = "reach val/top1 90"
    frames = stats_frames(
        records.frame(targets=[reach_of(at)]),
        measure=Measure(metric="b", at=at, goal=None),
        generator=np.random.default_rng(0),
    )
    (found,) = frames["aggregate"].to_dict("records")
    assert math.isnan(found["iqm"])
    assert (found["trials"], found["diverged"]) == (4, 1)
    assert found["note"] == "trials diverged or not reached, and neither direction is better"


def test_at_a_target_a_cell_without_the_metric_has_no_mean(records):
    records.reach(records.declare(optimizer="sgd_constant"), 1, b=None)
    at = "reach val/top1 90"
    (found,) = samples_of(
        records.frame(targets=[reach_of(at)]),
        rows="b0",
        columns="optimizer",
        per=(),
        measure=Measure(metric="b", at=at, goal=None),
        na_if="any",
    )
    assert not found.has_mean.any()


def test_one_trial_in_many_rows_counts_once_in_the_aggregate(records):
    for alpha in (1.0, 2.0):
        records.cell([90.0, 91.0], optimizer="sgd_constant", alpha=alpha)
    found = row(frames_of(records, rows="alpha")["aggregate"], column="sgd_constant")
    assert (found["trials"], found["declared"]) == (2, 2)


def test_always_better_has_no_interval_and_says_why(records):
    records.cell([90.0, 91.0, 92.0, 93.0])
    records.cell([80.0, 81.0, 82.0, 83.0], optimizer="sgd_constant")
    found = row(frames_of(records)["improvement"], first="adaloss")
    assert found["probability"] == 1.0
    assert math.isnan(found["low"])
    assert found["note"] == "the same without any one seed: no interval"


# The page


def test_a_part_per_value_of_the_fields_of_per(two_by_two):
    two_by_two.cell([90.0, 91.0], model="small_cnn")
    pages = page_of(two_by_two), page_of(two_by_two, per=("model", "dataset"))
    for page, part in zip(pages, ("small_cnn: ", "small_cnn, digits: "), strict=True):
        assert sum(section.title.startswith(part) for section in page.sections) == 5
    assert set(frames_of(two_by_two)["pairs"]["part"]) == {"mlp"}


def test_a_cell_of_trials_that_differ_in_more_than_the_seed_is_refused(two_by_two):
    two_by_two.cell([90.0, 91.0], model="small_cnn", b0=0.1)
    with pytest.raises(TableError, match="model"):
        frames_of(two_by_two, per=())


def test_the_same_records_and_generator_give_the_same_page(records):
    rng = np.random.default_rng(1)
    for optimizer in ("adaloss", "sgd_constant"):
        records.cell(rng.normal(90, 1, 9).tolist(), optimizer=optimizer)
    assert page_of(records) == page_of(records)


def test_every_line_of_a_table_has_its_headings(two_by_two):
    tables = [section.table for section in page_of(two_by_two).sections if section.table]
    assert len(tables) == 5
    assert all(len(line) == len(table.header) for table in tables for line in table.rows)


def test_the_page_says_what_so_many_seeds_can_find(two_by_two):
    text = text_of(page_of(two_by_two))
    assert (
        "With n = 5 seeds a paired t-test at 5 % detects, with 80 % power, a difference of 1.68 "
        "standard deviations of the differences; after Holm over 2 tests, at its first step, 2.05."
    ) in text
    assert "Hesterberg 2015" in text
    assert "Higher is better." in text


def test_a_long_family_lists_its_smallest_p_and_says_so(records, monkeypatch):
    monkeypatch.setattr("analysis.stats.page.pairs.MOST_LINES", 1)
    for b0, value in ((0.1, 89.0), (1.0, 80.0)):
        records.cell([90.0, 91.0, 92.5], b0=b0)
        records.cell([value, value + 1, value + 2], optimizer="sgd_constant", b0=b0)
    page = page_of(records)
    lines = page.sections[1].table.rows
    assert [line[0] for line in lines] == ["1"]
    assert "Listed: the 1 of 2 comparisons with the smallest p." in text_of(page)


def test_too_many_comparisons_for_the_bootstrap_are_said(two_by_two, monkeypatch):
    monkeypatch.setattr("analysis.stats.pairs.MOST_BOOTSTRAP_WORK", 200)
    pairs = frames_of(two_by_two)["pairs"]
    at_rows = pairs[pairs["scope"] == "row"]
    assert at_rows["bootstrap_low"].isna().all()
    assert at_rows["t_low"].notna().all()
    assert math.isfinite(row(pairs, scope="all rows")["bootstrap_low"])
    assert "No bootstrap intervals here" in text_of(page_of(two_by_two))
