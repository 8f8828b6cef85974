"""Welch's test of two means from their standard deviations, and its detectable difference."""

import math
from dataclasses import dataclass

from scipy.special import stdtrit

from analysis.stats.distributions import two_sided_p

LEVEL = 0.05
POWER = 0.80


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Mean and standard deviation (ddof = 1) of ``n`` ≥ 2 runs."""

    mean: float
    std: float
    n: int

    @property
    def standard_error(self) -> float:
        """The standard error of the mean."""
        return self.std / math.sqrt(self.n)


@dataclass(frozen=True, kw_only=True)
class Welch:
    """The test that two means are equal; variances may differ (Welch, Biometrika 34, 1947).

    ``df`` are the degrees of freedom by Welch and Satterthwaite, ``p`` is two-sided. ``low`` and
    ``high`` bound the difference with 95 % confidence. ``smallest`` is the minimum detectable
    difference at 5 % with 80 % power, by the t approximation (t₀.₉₇₅ + t₀.₈₀) · SE.
    """

    difference: float
    standard_error: float
    t: float
    df: float
    p: float
    low: float
    high: float
    smallest: float


def welch(ours: Sample, theirs: Sample) -> Welch | None:
    """Test ``ours.mean - theirs.mean``; None if neither sample has any spread."""
    error = math.hypot(ours.standard_error, theirs.standard_error)
    if error == 0:
        return None
    df = degrees_of_freedom(ours, theirs)
    difference = ours.mean - theirs.mean
    reach = error * float(stdtrit(df, 1 - LEVEL / 2))
    return Welch(
        difference=difference,
        standard_error=error,
        t=difference / error,
        df=df,
        p=float(two_sided_p(difference / error, df)),
        low=difference - reach,
        high=difference + reach,
        smallest=reach + error * float(stdtrit(df, POWER)),
    )


def degrees_of_freedom(ours: Sample, theirs: Sample) -> float:
    """The degrees of freedom of the difference's standard error, by Welch and Satterthwaite."""
    # Computed from shares: squares of variances would underflow.
    error = math.hypot(ours.standard_error, theirs.standard_error)
    share = (ours.standard_error / error) ** 2
    rest = (theirs.standard_error / error) ** 2
    return 1 / (share**2 / (ours.n - 1) + rest**2 / (theirs.n - 1))
