"""Paired differences per seed: Student's paired t, its interval and the bootstrap-t interval."""

from dataclasses import dataclass

import numpy as np

from analysis.stats.distributions import Bools, Floats, floats, two_sided_p
from analysis.stats.intervals import (
    FEWEST_FOR_BOOTSTRAP_T,
    ROUNDING,
    bootstrap_t_intervals,
    t_margin,
)
from analysis.stats.resampling import resamples_of

MOST_BOOTSTRAP_WORK = 20_000_000
"""The limit of comparisons × resamples for bootstrap intervals of one n: about two seconds."""
CHUNK = 200_000
"""How many of these are processed at once: arrays of 1.6 MB."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PairedTests:
    """One paired comparison per entry, over the ``n`` seeds that both sides have.

    ``mean`` and ``sd`` (ddof = 1) are of the differences; ``t``, ``df`` and ``p`` (two-sided) are
    the paired t-test's, ``t_low`` and ``t_high`` its 95 % interval of the mean difference,
    ``bootstrap_low`` and ``bootstrap_high`` the bootstrap-t interval. NaN is a missing value.
    ``constant``: all (two or more) differences are equal, which allows no test. ``too_much``: too
    many comparisons have this n to compute bootstrap intervals.
    """

    n: Floats
    mean: Floats
    sd: Floats
    t: Floats
    df: Floats
    p: Floats
    t_low: Floats
    t_high: Floats
    bootstrap_low: Floats
    bootstrap_high: Floats
    constant: Bools
    too_much: Bools


def paired_tests(first: Floats, second: Floats, generator: np.random.Generator) -> PairedTests:
    """The comparison of each row of ``first`` with ``second``, a column per seed; NaN is no value.

    A seed that lacks either value is omitted. Bootstrap intervals need 4 pairs.
    """
    differences = first - second
    n = floats((~np.isnan(differences)).sum(axis=1))
    mean = np.where(n > 0, np.nansum(differences, axis=1) / np.maximum(n, 1), np.nan)
    size = sizes(first, second)
    mean = np.where(np.abs(mean) <= ROUNDING * size, 0.0, mean)
    squares = np.nansum((differences - mean[:, None]) ** 2, axis=1)
    sd = np.where(n > 1, np.sqrt(squares / np.maximum(n - 1, 1)), np.nan)
    constant = (n > 1) & (sd <= ROUNDING * size)
    sd = np.where(constant, 0.0, sd)
    testable = (n > 1) & ~constant
    error = np.where(testable, sd, np.nan) / np.sqrt(np.maximum(n, 1))
    margin = np.where(testable, t_margin(sd, n), np.nan)
    bootstrap_low, bootstrap_high, too_much = bootstrap_by_n(differences, n, generator)
    return PairedTests(
        n=n,
        mean=mean,
        sd=sd,
        t=mean / error,
        df=np.where(testable, n - 1, np.nan),
        p=two_sided_p(mean / error, n - 1),
        t_low=mean - margin,
        t_high=mean + margin,
        bootstrap_low=np.where(constant, np.nan, bootstrap_low),
        bootstrap_high=np.where(constant, np.nan, bootstrap_high),
        constant=constant,
        too_much=too_much,
    )


def sizes(first: Floats, second: Floats) -> Floats:
    """The largest absolute value of each row, the scale of rounding errors in differences."""
    both = np.abs(np.concatenate([first, second], axis=1))
    return floats(np.max(both, axis=1, initial=0.0, where=~np.isnan(both)))


def bootstrap_by_n(
    differences: Floats, n: Floats, generator: np.random.Generator
) -> tuple[Floats, Floats, Bools]:
    """The bootstrap-t interval of each row, and which rows were too many."""
    low, high = np.full(len(n), np.nan), np.full(len(n), np.nan)
    too_much = np.zeros(len(n), dtype=bool)
    # Present values first, each row's in the order of the seeds.
    order = np.argsort(np.isnan(differences), axis=1, kind="stable")
    packed = np.take_along_axis(differences, order, axis=1)
    for number in sorted({int(value) for value in n if value >= FEWEST_FOR_BOOTSTRAP_T}):
        chosen = n == number
        resamples = resamples_of(number, generator)
        if chosen.sum() * len(resamples.weights) > MOST_BOOTSTRAP_WORK:
            too_much |= chosen
        else:
            step = max(1, CHUNK // len(resamples.weights))
            for rows in np.split(np.flatnonzero(chosen), range(step, int(chosen.sum()), step)):
                low[rows], high[rows] = bootstrap_t_intervals(packed[rows, :number], resamples)
    return low, high, too_much


def mean_over_rows(values: Floats) -> Floats:
    """The mean over rows (axis 0) of each seed, NaN unless every row has the seed."""
    if not len(values):
        return np.full(values.shape[1], np.nan)
    return floats(values.mean(axis=0))
