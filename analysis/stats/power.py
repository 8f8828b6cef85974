"""What difference a test can find with so many seeds, from the noncentral t distribution."""

from functools import cache
from math import sqrt

from analysis.stats.distributions import ALPHA, noncentral_t_above, normal_cdf, t_quantile

POWER = 0.8
"""The chance of finding a difference that is called findable."""
# To a billionth: pages show three digits.
BISECTIONS = 30


def t_test_power(noncentrality: float, df: float, alpha: float = ALPHA) -> float:
    """The chance that a two-sided t test at ``alpha`` rejects.

    ``noncentrality`` is the true difference in standard errors.
    """
    critical = float(t_quantile(1 - alpha / 2, df))
    sides = (noncentrality, -noncentrality)
    return sum(noncentral_t_above(critical, df, side) for side in sides)


@cache
def findable_noncentrality(df: float, alpha: float = ALPHA, power: float = POWER) -> float:
    """The difference in standard errors that the test finds with this power."""
    low, high = 0.0, 1.0
    while t_test_power(high, df, alpha) < power:
        low, high = high, 2 * high
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if t_test_power(middle, df, alpha) < power:
            low = middle
        else:
            high = middle
    return high


def paired_effect(n: int, alpha: float = ALPHA, power: float = POWER) -> float:
    """The findable mean difference of ``n`` pairs, in standard deviations of the differences.

    Infinite for fewer than two pairs, which allow no test.
    """
    return findable_noncentrality(n - 1, alpha, power) / sqrt(n) if n > 1 else float("inf")


def findable_probability(n: int, alpha: float = ALPHA, power: float = POWER) -> float:
    """The P(X > Y) that ``n`` trials a side in one row can tell from one half.

    By the two-sample t test on normal data of equal spread, which finds there at least what ranks
    do: X and Y that are d standard deviations apart have P(X > Y) = Φ(d/√2). 1 for n < 2.
    """
    if n < 2:
        return 1.0
    apart = findable_noncentrality(2 * n - 2, alpha, power) * sqrt(2 / n)
    return normal_cdf(apart / sqrt(2))
