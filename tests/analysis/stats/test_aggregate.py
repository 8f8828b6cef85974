import math

import numpy as np
import pytest
from scipy import stats

from analysis.frame.column_types import positive_numbers
from analysis.stats.aggregate import improvement_probabilities, interquartile_means
from analysis.stats.intervals import bootstrap_interval, proportion_interval
from analysis.stats.resampling import resamples_of
from analysis.stats.robustness import (
    area_of,
    cell_means,
    near_best,
    range_of,
    tolerance_of,
    worst_of,
)
from analysis.tables.measure import Measure

NAN = math.nan
ACCURACY = Measure(metric="test/top1", at="last", goal="maximize")
LOSS = Measure(metric="test/loss", at="last", goal="minimize")
ONCE = np.ones((1, 5))


@pytest.fixture
def generator():
    return np.random.default_rng(20260301)


def iqm(scores, counts=None):
    counts = np.ones((1, len(scores))) if counts is None else counts
    return interquartile_means(np.array(scores), np.array(counts))


# The interquartile mean


def test_the_interquartile_mean_leaves_out_the_best_and_worst_quarter():
    assert iqm([100.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, -50.0])[0] == 3.5


@pytest.mark.parametrize("trials", [1, 2, 3, 4, 5, 25, 26])
def test_the_interquartile_mean_is_scipys_trimmed_mean(trials, generator):
    scores = generator.normal(size=trials)
    assert iqm(scores)[0] == pytest.approx(stats.trim_mean(scores, 0.25))


def test_a_resample_is_the_mean_of_the_trials_as_often_as_it_has_them(generator):
    scores = generator.normal(size=9)
    counts = generator.multinomial(9, np.full(9, 1 / 9), size=20).astype(float)
    expected = [stats.trim_mean(np.repeat(scores, c.astype(int)), 0.25) for c in counts]
    np.testing.assert_allclose(iqm(scores, counts), expected)


def test_diverged_trials_matter_only_in_the_middle_half():
    assert iqm([-math.inf, 1.0, 2.0, 3.0])[0] == 1.5
    assert iqm([-math.inf, -math.inf, 2.0, 3.0])[0] == -math.inf
    assert np.isnan(iqm([])[0])


# The probability of improvement


def test_the_probability_of_improvement_is_mann_whitneys(generator):
    # Rounded, so that there are ties.
    first = np.round(generator.normal(1, 1, (4, 5)))
    second = np.round(generator.normal(0, 1, (4, 5)))
    u = [stats.mannwhitneyu(x, y).statistic for x, y in zip(first, second, strict=True)]
    found = improvement_probabilities(first, second, ONCE)[0]
    assert found == pytest.approx(np.mean(u) / 25)
    assert improvement_probabilities(second, first, ONCE)[0] == pytest.approx(1 - found)


def test_ties_and_two_diverged_trials_count_one_half():
    first = np.array([[-math.inf, 1.0]])
    second = np.array([[-math.inf, 1.0]])
    assert improvement_probabilities(first, second, np.ones((1, 2)))[0] == 0.5
    assert improvement_probabilities(first, np.array([[NAN, 2.0]]), np.ones((1, 2)))[0] == 0.0


def test_rows_without_both_sides_are_left_out():
    first = np.array([[1.0, 1.0], [5.0, 5.0], [NAN, NAN]])
    second = np.array([[0.0, 2.0], [NAN, NAN], [1.0, 1.0]])
    assert improvement_probabilities(first, second, np.ones((1, 2)))[0] == 0.5
    assert np.isnan(improvement_probabilities(first[1:], second[1:], np.ones((1, 2)))[0])


def test_a_resample_counts_every_trial_as_often_as_it_has_it(generator):
    first, second = generator.normal(size=(1, 5)), generator.normal(size=(1, 5))
    counts = np.array([[2.0, 0, 1, 2, 0]])
    x, y = (np.repeat(side[0], counts[0].astype(int)) for side in (first, second))
    expected = stats.mannwhitneyu(x, y).statistic / 25
    assert improvement_probabilities(first, second, counts)[0] == pytest.approx(expected)


# Robustness


def test_cell_means_weigh_seeds_as_a_resample_has_them():
    values = np.array([[1.0, 2.0, 6.0], [NAN, 4.0, NAN]])
    means = cell_means(values, np.array([[1.0, 1, 1], [0, 1, 2], [3, 0, 0]]))
    np.testing.assert_allclose(means, [[3.0, 4.0], [14 / 3, 4.0], [1.0, NAN]])


def test_worst_and_range_by_hand():
    means = np.array([[90.0, 95.0, 70.0]])
    assert worst_of(means, "maximize")[0] == 70.0
    assert worst_of(means, "minimize")[0] == 95.0
    assert range_of(means)[0] == 25.0


def test_the_area_is_a_mean_over_decades():
    # A decade at 95 on average, then two decades at 80 on average.
    area = area_of(np.array([[90.0, 100.0, 60.0]]), np.array([-1.0, 0.0, 2.0]))
    assert area[0] == pytest.approx((95 + 2 * 80) / 3)
    assert np.isnan(area_of(np.array([[90.0]]), np.array([0.0]))[0])


@pytest.mark.parametrize(
    ("scores", "low", "high"),
    [
        # Falls by 4 per decade on the left, by 2 on the right: 1 point is 0.25 and 0.5 decades.
        ([86.0, 90.0, 88.0], -0.25, 0.5),
        ([89.5, 90.0, 89.5], -1.0, 1.0),
        ([NAN, 90.0, 88.0], 0.0, 0.5),
        ([86.0, 90.0, NAN], -0.25, 0.0),
        ([90.0, 80.0, 90.0], -1.0, -0.9),
        ([NAN, NAN, 90.0], 1.0, 1.0),
        ([NAN, NAN, NAN], NAN, NAN),
    ],
)
def test_where_a_score_stays_within_a_point_of_the_best(scores, low, high):
    found = near_best(np.array([scores]), np.array([-1.0, 0.0, 1.0]), np.ones(1))
    np.testing.assert_allclose(np.concatenate(found), [low, high], atol=1e-12)


def test_an_accuracy_may_be_a_point_off_and_a_loss_five_percent():
    best = np.array([2.0])
    assert tolerance_of(best, ACCURACY, None)[0] == 1.0
    assert tolerance_of(best, ACCURACY, 0.5)[0] == 0.5
    assert tolerance_of(-best, LOSS, None)[0] == pytest.approx(0.1)


@pytest.mark.parametrize("rows", [["a", "b"], [0.0, 1.0], [-1, 1], [True, False], [None, 1.0]])
def test_an_axis_of_other_than_positive_numbers_is_none(rows):
    assert positive_numbers(rows) is None
    assert positive_numbers([0.1, 1, 10]) == [0.1, 1, 10]


# Coverage


ROWS = np.array([96.9, 96.9, 97.0, 96.3, 78.0])[:, None]
DECADES = np.arange(-2.0, 3.0)
SPREAD, BEHIND = 0.6, 0.3
# With mean 0 and deviation 1; the second has a skewness of 1.
NOISE = {
    "normal": lambda generator, shape: generator.normal(size=shape),
    "gamma": lambda generator, shape: (generator.gamma(4, size=shape) - 4) / 2,
}


def cells(generator, noise, n, correlation):
    """Five cells of n seeds; the cells of a seed correlate, since they share their start."""
    seed, own = NOISE[noise](generator, (1, n)), NOISE[noise](generator, (5, n))
    return ROWS + SPREAD * (math.sqrt(correlation) * seed + math.sqrt(1 - correlation) * own)


def found(first, second, resamples):
    """Of each statistic the estimate and its interval."""
    n = resamples.n
    counts = np.concatenate([np.ones((1, n)), resamples.counts])
    means = cell_means(first, counts)
    replicates = {
        "worst": worst_of(means, "maximize"),
        "range": range_of(means),
        "area": area_of(means, DECADES),
        "iqm": interquartile_means(first.ravel(), np.tile(counts, (1, 5))),
    }
    without = np.concatenate([np.ones((1, n)), 1 - np.eye(n)])
    improvement = improvement_probabilities(first, second, without)
    return {
        name: bootstrap_interval(values[0], values[1:], resamples.weights, n)
        for name, values in replicates.items()
    } | {"improvement": proportion_interval(improvement[0], improvement[1:], n)}


def truth(generator, noise, correlation):
    """The statistics of infinitely many seeds; the last two from very many."""
    first, second = (cells(generator, noise, 100_000, correlation) for _ in range(2))
    below = np.searchsorted(np.sort(second[0] - BEHIND), first[0])
    return {
        "worst": 78.0,
        "range": 19.0,
        "area": area_of(ROWS.T, DECADES)[0],
        "iqm": stats.trim_mean(first.ravel(), 0.25),
        "improvement": below.mean() / second.shape[1],
    }


@pytest.mark.slow
@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize(("n", "correlation"), [(4, 0.5), (5, 0.0), (5, 0.5), (10, 0.5)])
def test_intervals_over_seeds_cover_92_to_97_percent(n, correlation, noise, generator):
    expected = truth(generator, noise, correlation)
    covered = dict.fromkeys(expected, 0)
    resamples, sweeps = resamples_of(n, generator, 500), 1000
    for _ in range(sweeps):
        first, second = (cells(generator, noise, n, correlation) for _ in range(2))
        for name, (low, high) in found(first, second - BEHIND, resamples).items():
            covered[name] += low <= expected[name] <= high
    rates = {name: hits / sweeps for name, hits in covered.items()}
    assert all(0.92 <= rate <= 0.97 for rate in rates.values()), rates


def test_a_proportions_interval_stays_a_proportion():
    low, high = proportion_interval(0.98, np.array([0.9, 1.0, 1.0, 1.0, 1.0]), 5)
    assert 0 < low < 0.98 < high == 1.0


@pytest.mark.parametrize(
    ("estimate", "without", "n"),
    [(1.0, [1.0] * 5, 5), (0.5, [0.5] * 5, 5), (0.6, [0.5, 0.6, 0.7], 3), (0.6, [NAN] * 5, 5)],
)
def test_no_interval_of_a_proportion_where_seeds_say_nothing(estimate, without, n):
    assert np.isnan(proportion_interval(estimate, np.array(without), n)).all()
