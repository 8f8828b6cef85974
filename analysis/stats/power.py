"""The minimum detectable difference of a test with n seeds, from the noncentral t distribution."""

from functools import cache
from math import sqrt

from scipy.special import ndtr, stdtrit

from analysis.stats.distributions import ALPHA, noncentral_t_above

POWER = 0.8
"""The power at the minimum detectable difference."""
# Thirty halvings: accurate to a billionth, while pages show three digits.
BISECTIONS = 30


def t_test_power(noncentrality: float, df: float, alpha: float = ALPHA) -> float:
    """The probability that a two-sided t test at ``alpha`` rejects.

    ``noncentrality`` is the true difference in standard errors.
    """
    critical = float(stdtrit(df, 1 - alpha / 2))
    sides = (noncentrality, -noncentrality)
    return sum(noncentral_t_above(critical, df, side) for side in sides)


@cache
def detectable_noncentrality(df: float, alpha: float = ALPHA, power: float = POWER) -> float:
    """The difference in standard errors that the test detects with this power."""
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
    """The minimum detectable mean difference of ``n`` pairs, in standard deviations of differences.

    Infinite for fewer than two pairs, which allow no test.
    """
    return detectable_noncentrality(n - 1, alpha, power) / sqrt(n) if n > 1 else float("inf")


def detectable_probability(n: int, alpha: float = ALPHA, power: float = POWER) -> float:
    """The smallest P(X > Y) that ``n`` trials per side in one row can distinguish from one half.

    Computed with the two-sample t test on normal data of equal spread, which is at least as
    powerful as ranks there: X and Y that are d standard deviations apart have
    P(X > Y) = Φ(d/√2). 1 for n < 2.
    """
    if n < 2:
        return 1.0
    apart = detectable_noncentrality(2 * n - 2, alpha, power) * sqrt(2 / n)
    return float(ndtr(apart / sqrt(2)))
