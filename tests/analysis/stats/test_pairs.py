import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from analysis.stats.distributions import holm
from analysis.stats.intervals import bootstrap_interval, bootstrap_t_intervals
from analysis.stats.pairs import paired_tests
from analysis.stats.power import detectable_probability, paired_effect, t_test_power
from analysis.stats.resampling import all_resamples, resamples_of, weighted_quantile

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=30)
DISTRIBUTIONS = {
    "normal": (lambda generator, shape: generator.normal(size=shape), 0.0),
    # Skewness 1.
    "gamma": (lambda generator, shape: generator.gamma(4, size=shape), 4.0),
}


@pytest.fixture
def generator():
    return np.random.default_rng(20260301)


# Holm's correction


@pytest.mark.parametrize(
    ("raw", "adjusted"),
    [
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.01, 0.02, 0.03, 0.04], [0.04, 0.06, 0.06, 0.06]),
        ([0.5, 0.6], [1.0, 1.0]),
        ([0.03], [0.03]),
        ([0.01, math.nan, 0.02], [0.02, math.nan, 0.02]),
        ([], []),
    ],
)
def test_holm_by_hand(raw, adjusted):
    np.testing.assert_allclose(holm(raw), adjusted, rtol=1e-12)


@given(raw=P_VALUES)
def test_holm_never_lowers_a_p_and_keeps_their_order(raw):
    adjusted = holm(raw)
    assert (adjusted >= raw).all()
    assert (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(raw, kind="stable")]) >= 0).all()


@given(raw=P_VALUES, data=st.data())
def test_holm_does_not_depend_on_the_order_of_the_tests(raw, data):
    order = data.draw(st.permutations(range(len(raw))))
    np.testing.assert_array_equal(holm(np.array(raw)[order]), holm(raw)[order])


@given(raw=P_VALUES)
def test_holm_lies_between_no_correction_and_bonferroni(raw):
    assert (holm(raw) <= np.minimum(1, len(raw) * np.array(raw))).all()


# Paired tests


def test_a_paired_test_is_scipys(generator):
    first, second = generator.normal(90, 1, (7, 6)), generator.normal(90, 1, (7, 6))
    tests = paired_tests(first, second, generator)
    for row in range(7):
        theirs = stats.ttest_rel(first[row], second[row])
        interval = theirs.confidence_interval(0.95)
        ours = (tests.t[row], tests.p[row], tests.df[row], tests.t_low[row], tests.t_high[row])
        expected = (theirs.statistic, theirs.pvalue, theirs.df, interval.low, interval.high)
        assert ours == pytest.approx(expected, rel=1e-9)


def test_a_seed_without_one_side_is_left_out_and_counted(generator):
    nan = math.nan
    first = np.array([[1.0, 2.0, nan, 4.0, 7.0]])
    second = np.array([[0.0, nan, 3.0, 2.0, 1.0]])
    tests = paired_tests(first, second, generator)
    theirs = stats.ttest_rel([1.0, 4.0, 7.0], [0.0, 2.0, 1.0])
    assert (tests.n[0], tests.mean[0]) == (3, 3.0)
    assert tests.p[0] == pytest.approx(theirs.pvalue)


def test_equal_differences_are_no_certainty(generator):
    # 90.3 − 90.2 and 80.3 − 80.2 differ in their last bits.
    tests = paired_tests(np.array([[90.3, 80.3]]), np.array([[90.2, 80.2]]), generator)
    assert tests.constant[0]
    assert tests.sd[0] == 0.0
    assert np.isnan([tests.p[0], tests.t[0], tests.t_low[0], tests.bootstrap_low[0]]).all()


@pytest.mark.parametrize("pairs", [0, 1])
def test_fewer_than_two_pairs_are_no_test(pairs, generator):
    first = np.array([[5.0, math.nan]]) if pairs else np.array([[math.nan, math.nan]])
    tests = paired_tests(first, np.array([[4.0, 3.0]]), generator)
    assert tests.n[0] == pairs
    assert np.isnan([tests.sd[0], tests.p[0], tests.t_low[0]]).all()
    assert np.isnan(tests.mean[0]) == (pairs == 0)


def test_no_comparisons_are_no_error(generator):
    empty = np.empty((0, 5))
    assert len(paired_tests(empty, empty, generator).p) == 0


def test_the_two_sides_are_treated_alike(generator):
    first, second = generator.normal(size=(4, 5)), generator.normal(size=(4, 5))
    one, other = paired_tests(first, second, generator), paired_tests(second, first, generator)
    np.testing.assert_allclose(one.p, other.p)
    np.testing.assert_allclose(one.t_low, -other.t_high)
    # With quantiles of the 126 distinct resamples, not interpolated, but for one resample.
    np.testing.assert_allclose(one.bootstrap_low, -other.bootstrap_high, rtol=0.2)


def test_false_positives_of_a_family_are_held_at_five_percent(generator):
    families, n = 20_000, 5
    columns = generator.normal(size=(families, 5, n))
    i, j = np.triu_indices(5, 1)
    first, second = (columns[:, index].reshape(-1, n) for index in (i, j))
    p = paired_tests(first, second, generator).p.reshape(families, -1)
    assert np.mean([(holm(family) <= 0.05).any() for family in p]) <= 0.05
    assert (p <= 0.05).any(axis=1).mean() > 0.15
    assert (p <= 0.05).mean() == pytest.approx(0.05, abs=0.01)


# Resamples and intervals


@pytest.mark.parametrize("n", [1, 2, 5, 7])
def test_few_seeds_are_resampled_in_every_way(n, generator):
    resamples = resamples_of(n, generator)
    assert resamples.exact
    assert len(resamples.weights) == math.comb(2 * n - 1, n)
    assert resamples.weights.sum() == pytest.approx(1)
    assert (resamples.counts.sum(axis=1) == n).all()
    same = (resamples.counts == n).any(axis=1)
    np.testing.assert_allclose(resamples.weights[same], n**-n)


def test_many_seeds_are_resampled_at_random_from_the_generator_given():
    one, same = (resamples_of(8, np.random.default_rng(1)) for _ in range(2))
    other = resamples_of(8, np.random.default_rng(2))
    assert not one.exact
    assert (one.counts == same.counts).all()
    assert (one.counts != other.counts).any()


def test_a_weighted_quantile_by_hand():
    values, weights = np.array([[3.0, 1.0, 2.0]]), np.array([0.5, 0.1, 0.4])
    found = [weighted_quantile(values, weights, q)[0] for q in (0.1, 0.11, 0.5, 0.51, 1.0)]
    assert found == [1.0, 2.0, 2.0, 3.0, 3.0]


def test_the_standard_error_interval_of_a_mean_is_students(generator):
    samples, resamples = generator.normal(size=5), all_resamples(5)
    means = resamples.counts @ samples / 5
    found = bootstrap_interval(samples.mean(), means, resamples.weights, 5)
    assert found == pytest.approx(stats.ttest_1samp(samples, 0).confidence_interval(0.95))


@pytest.mark.slow
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("n", [4, 5, 10, 20])
def test_bootstrap_t_and_t_intervals_cover_the_mean(n, distribution, generator):
    draw, mean = DISTRIBUTIONS[distribution]
    samples = draw(generator, (4000, n))
    low, high = bootstrap_t_intervals(samples, resamples_of(n, generator))
    assert 0.92 <= ((low <= mean) & (mean <= high)).mean() <= 0.97
    tests = paired_tests(samples, np.zeros_like(samples), generator)
    assert 0.92 <= ((tests.t_low <= mean) & (mean <= tests.t_high)).mean() <= 0.97


def test_a_plain_percentile_interval_of_five_seeds_does_not_cover(generator):
    samples, resamples = generator.normal(size=(4000, 5)), all_resamples(5)
    means = samples @ resamples.counts.T / 5
    low, high = (weighted_quantile(means, resamples.weights, q) for q in (0.025, 0.975))
    assert ((low <= 0) & (high >= 0)).mean() < 0.88


def test_three_seeds_have_no_bootstrap_t_interval(generator):
    low, _ = bootstrap_t_intervals(generator.normal(size=(20, 3)), all_resamples(3))
    assert np.isnan(low).all()
    tests = paired_tests(generator.normal(size=(1, 3)), np.zeros((1, 3)), generator)
    assert np.isnan(tests.bootstrap_low[0])
    assert np.isfinite(tests.t_low[0])


def test_too_many_equal_differences_have_no_bootstrap_t_interval():
    low, high = bootstrap_t_intervals(np.array([[0.0, 0.0, 0.0, 0.28, 0.28]]), all_resamples(5))
    assert np.isnan([low[0], high[0]]).all()


@pytest.mark.parametrize(
    ("replicates", "n"), [([1.0, 1.0, 1.0], 5), ([0.0, math.inf, 1.0], 5), ([0.0, 1.0, 2.0], 2)]
)
def test_no_interval_where_resamples_say_nothing(replicates, n):
    found = bootstrap_interval(1.0, np.array(replicates), np.full(3, 1 / 3), n)
    assert np.isnan(found).all()


# Power


@pytest.mark.parametrize(
    ("n", "effect"),
    [(2, 1.0), (3, 9.0), (5, 1.0), (5, 1.682), (10, 1.0), (20, 0.3), (30, 0.0), (1000, 0.1)],
)
def test_power_is_that_of_the_noncentral_t(n, effect):
    critical, shift = stats.t.ppf(0.975, n - 1), effect * math.sqrt(n)
    theirs = stats.nct.sf(critical, n - 1, shift) + stats.nct.cdf(-critical, n - 1, shift)
    assert t_test_power(shift, n - 1) == pytest.approx(theirs, abs=1e-10)


def test_power_far_out_where_scipy_has_no_answer():
    df, shift, alpha = 2, 31.0, 0.05 / 30
    critical = stats.t.ppf(1 - alpha / 2, df)
    above, _ = integrate.quad(
        lambda v: stats.norm.sf(critical * math.sqrt(v / df) - shift) * stats.chi2.pdf(v, df),
        0,
        40,
        points=[df * (shift / critical) ** 2],
    )
    assert t_test_power(shift, df, alpha) == pytest.approx(above, abs=1e-4)


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 30])
@pytest.mark.parametrize("n", [3, 5, 20])
def test_a_detectable_effect_is_found_four_times_in_five(n, alpha, generator):
    samples = generator.normal(paired_effect(n, alpha), 1, (20_000, n))
    p = stats.ttest_1samp(samples, 0, axis=1).pvalue
    assert (p <= alpha).mean() == pytest.approx(0.8, abs=0.012)


def test_one_seed_finds_nothing_and_more_seeds_find_more():
    assert paired_effect(1) == math.inf
    assert detectable_probability(1) == 1.0
    effects = [paired_effect(n) for n in range(2, 12)]
    assert effects == sorted(effects, reverse=True)
    assert paired_effect(5) == pytest.approx(1.682, abs=1e-3)
    assert 0.5 < detectable_probability(20) < detectable_probability(5) < 1
