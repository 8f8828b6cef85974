"""Welch's test agrees with scipy's and with numbers worked out by hand."""

import itertools
import math

import pytest
from scipy import stats

from analysis.comparison.welch import Sample, degrees_of_freedom, welch

SAMPLES = [
    Sample(mean=mean, std=std, n=n)
    for mean, std, n in [
        (90.65, 0.09, 3),
        (90.62, 0.20, 5),
        (68.34, 2.87, 3),
        (2.33, 0.35, 2),
        (83.96, 1e-6, 100),
        (84.0, 0.0, 4),
    ]
]
PAIRS = [(a, b) for a, b in itertools.permutations(SAMPLES, 2)]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_t_p_and_interval_are_scipys(ours, theirs):
    made = welch(ours, theirs)
    known = stats.ttest_ind_from_stats(
        ours.mean, ours.std, ours.n, theirs.mean, theirs.std, theirs.n, equal_var=False
    )
    assert made.t == pytest.approx(known.statistic, rel=1e-12)
    assert made.p == pytest.approx(known.pvalue, rel=1e-9, abs=1e-300)
    half = stats.t.ppf(0.975, made.df) * math.hypot(
        ours.std / math.sqrt(ours.n), theirs.std / math.sqrt(theirs.n)
    )
    assert (made.low, made.high) == pytest.approx(
        (made.difference - half, made.difference + half), rel=1e-9
    )


def test_a_case_worked_out_by_hand():
    # Variances of the means: 3²/9 = 1 and 4²/4 = 4. SE = √5, df = 25/(1/8 + 16/3) = 600/131.
    made = welch(Sample(mean=12.0, std=3.0, n=9), Sample(mean=7.0, std=4.0, n=4))
    assert made.difference == 5.0
    assert made.standard_error == pytest.approx(math.sqrt(5))
    assert made.t == pytest.approx(math.sqrt(5))
    assert made.df == pytest.approx(600 / 131)


def test_one_side_without_spread_has_the_others_degrees_of_freedom():
    assert degrees_of_freedom(SAMPLES[5], SAMPLES[0]) == pytest.approx(2)


def test_without_any_spread_there_is_no_test():
    still = Sample(mean=90.0, std=0.0, n=3)
    assert welch(still, Sample(mean=91.0, std=0.0, n=3)) is None


def test_the_tiniest_spread_is_still_one():
    made = welch(Sample(mean=1.0, std=1e-200, n=3), Sample(mean=1.0, std=1e-200, n=3))
    assert made.df == pytest.approx(4)
    assert (made.t, made.p) == (0, 1)


def test_the_smallest_resolvable_difference_is_found_four_times_out_of_five():
    # With many runs the t approximation is the normal one: 1.960 + 0.842 standard errors.
    made = welch(Sample(mean=0, std=1, n=5000), Sample(mean=0, std=1, n=5000))
    assert made.smallest / made.standard_error == pytest.approx(2.8016, abs=1e-3)
    # With few the exact power, by the noncentral t, is near: 76 to 84 %.
    few = welch(Sample(mean=0, std=1, n=5), Sample(mean=0, std=1, n=5))
    shift, critical = few.smallest / few.standard_error, stats.t.ppf(0.975, few.df)
    assert 0.76 < stats.nct.sf(critical, few.df, shift) < 0.84


def test_exchanging_the_sides_turns_the_sign():
    there = welch(SAMPLES[0], SAMPLES[1])
    back = welch(SAMPLES[1], SAMPLES[0])
    assert (back.difference, back.t) == (-there.difference, -there.t)
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low))
    assert (back.p, back.df, back.smallest) == pytest.approx((there.p, there.df, there.smallest))
