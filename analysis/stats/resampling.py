"""Resamples of seeds with replacement: all of them if they are few, else random ones."""

from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import comb, factorial

import numpy as np

from analysis.stats.distributions import Floats, floats

RESAMPLES = 2000
"""The number of random resamples if all would be more."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Resamples:
    """``counts[r, i]`` says how often resample r has the i-th of ``n`` seeds.

    ``weights[r]`` is the probability of resample r; they add up to 1. ``exact`` means that these
    are all resamples, so nothing is random.
    """

    counts: Floats
    weights: Floats
    exact: bool

    @property
    def n(self) -> int:
        """The number of seeds."""
        return int(self.counts.shape[1])


def resamples_of(n: int, generator: np.random.Generator, number: int = RESAMPLES) -> Resamples:
    """Resamples of ``n`` ≥ 1 seeds: ``number`` random ones, or all if they are no more (n ≤ 7).

    Order aside, n seeds have (2n − 1 choose n) resamples: 126 for 5 seeds.
    """
    if comb(2 * n - 1, n) <= number:
        return all_resamples(n)
    counts = floats(generator.multinomial(n, np.full(n, 1 / n), size=number))
    return Resamples(counts=counts, weights=np.full(number, 1 / number), exact=False)


def all_resamples(n: int) -> Resamples:
    """Every resample of ``n`` seeds with its multinomial probability n! / (c_1!…c_n! n^n)."""
    drawn = combinations_with_replacement(range(n), n)
    counts = np.array([np.bincount(seeds, minlength=n) for seeds in drawn])
    factorials = floats([factorial(count) for count in range(n + 1)])
    weights = factorials[n] / factorials[counts].prod(axis=1) / float(n) ** n
    return Resamples(counts=floats(counts), weights=weights, exact=True)


def weighted_quantile(values: Floats, weights: Floats, probability: float) -> Floats:
    """The weighted quantile of each row: the smallest value with this much weight up to it."""
    order = np.argsort(values, axis=1)
    # The sum of weights is 1 only up to rounding.
    reached = np.cumsum(weights[order], axis=1) >= probability - 1e-12
    found = np.take_along_axis(order, reached.argmax(axis=1)[:, None], axis=1)
    return np.take_along_axis(values, found, axis=1)[:, 0]
