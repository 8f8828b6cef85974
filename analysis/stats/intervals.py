"""95 % confidence intervals from few seeds, chosen by measured coverage.

A plain percentile bootstrap of 5 seeds covers 83 %. Of the alternatives in Hesterberg 2015 ("What
Teachers Should Know About the Bootstrap", The American Statistician 69) the expanded percentile
interval, with levels Φ(∓√(n/(n−1))·t), was measured to cover 90.5 % at n = 5 on skewed data (a
gamma of shape 4), which is too little; the bootstrap-t covers 94 to 96 % there for n ≥ 4, so it is
used for means. Statistics without a standard error use Student's t with the bootstrap's standard
error, proportions with the jackknife's.
"""

import numpy as np
from scipy.special import stdtrit

from analysis.stats.distributions import LEVEL, Floats, floats
from analysis.stats.resampling import Resamples, weighted_quantile

FEWEST_FOR_BOOTSTRAP_T = 4
"""With 3 seeds, a ninth of the resamples repeat one seed: the interval would be infinite."""
FEWEST_FOR_BOOTSTRAP = 4
"""Measured to cover 92 to 97 % for this many seeds; with 3, an interquartile mean's covers 91 %."""
TAIL = (1 - LEVEL) / 2
# A spread below this share of the values' size is a rounding error.
ROUNDING = 1e-12

Interval = tuple[float, float]
NO_INTERVAL: Interval = (float("nan"), float("nan"))


def t_margin(sd: Floats, n: Floats) -> Floats:
    """Half the width of Student's t interval of a mean of ``n`` values; NaN if n < 2."""
    return floats(stdtrit(n - 1, 1 - TAIL) * sd / np.sqrt(np.maximum(n, 1)))


def bootstrap_t_intervals(samples: Floats, resamples: Resamples) -> tuple[Floats, Floats]:
    """The bootstrap-t interval of the mean of each row of ``samples``: the lows and the highs.

    Mean − q·s/√n, with q the quantiles of (mean* − mean)/(s*/√n) over the resamples (Efron 1981;
    Hesterberg 2015). Seeds that are all equal in a resample make that ratio infinite: if this
    reaches a quantile, or if all values are equal, there is no interval (NaN).
    """
    n = resamples.n
    mean = samples.mean(axis=1)
    t = studentized(samples - mean[:, None], resamples)
    error = samples.std(axis=1, ddof=1) / np.sqrt(n)
    with np.errstate(invalid="ignore"):
        low = mean - weighted_quantile(t, resamples.weights, 1 - TAIL) * error
        high = mean - weighted_quantile(t, resamples.weights, TAIL) * error
    given = np.isfinite(low) & np.isfinite(high) & (error > ROUNDING * size_of(samples))
    return np.where(given, low, np.nan), np.where(given, high, np.nan)


def studentized(deviations: Floats, resamples: Resamples) -> Floats:
    """mean*/(s*/√n) of the deviations from their mean: a row per sample, a column per resample."""
    n = resamples.n
    mean = deviations @ resamples.counts.T / n
    square = deviations**2 @ resamples.counts.T / n
    variance = square - mean**2
    none = variance <= ROUNDING * (deviations**2).max(axis=1, keepdims=True)
    error = np.sqrt(np.where(none, 1.0, variance) / (n - 1))
    infinite = np.where(np.abs(mean) <= ROUNDING * size_of(deviations)[:, None], 0.0, np.inf)
    return np.where(none, np.copysign(infinite, mean), mean / error)


def size_of(samples: Floats) -> Floats:
    """The largest absolute value of each row."""
    return floats(np.abs(samples).max(axis=1))


def standard_error(replicates: Floats, weights: Floats, n: int) -> float:
    """The bootstrap's standard error times √(n/(n−1)), which makes it right for a mean.

    Replicates that are NaN (a resample without any seed of some cell) are omitted; NaN if they
    have half of the weight or more, or if one is infinite.
    """
    known = ~np.isnan(replicates)
    share = weights[known].sum()
    if n < 2 or share <= 0.5 or np.isinf(replicates).any():
        return float("nan")
    kept, weight = replicates[known], weights[known] / share
    deviations = kept - weight @ kept
    return float(np.sqrt(weight @ deviations**2 * n / (n - 1)))


def bootstrap_interval(
    estimate: float,
    replicates: Floats,
    weights: Floats,
    n: int,
) -> Interval:
    """Estimate ± t·(bootstrap standard error) with n − 1 degrees of freedom.

    For n seeds that were resampled (Hesterberg 2015, "t interval with bootstrap standard error").
    NaN below ``FEWEST_FOR_BOOTSTRAP`` seeds, and if the resamples do not vary or have no value,
    because they then contain no information on the statistic's uncertainty.
    """
    if n < FEWEST_FOR_BOOTSTRAP or not np.isfinite(estimate):
        return NO_INTERVAL
    error = standard_error(replicates, weights, n)
    if not error > ROUNDING * abs(estimate):
        return NO_INTERVAL
    margin = float(stdtrit(n - 1, 1 - TAIL)) * error
    return estimate - margin, estimate + margin


def proportion_interval(estimate: float, without: Floats, n: int) -> Interval:
    """Arcsine √estimate ± t·(jackknife standard error), transformed back: an interval in [0, 1].

    ``without`` has the proportion without each seed in turn; n − 1 degrees of freedom. The
    bootstrap's variance of a mean over pairs is too large where cells do not correlate (it covered
    98 % at n = 5), and on the plain scale the interval is too short near 0 and 1 (88 % at a
    proportion of 0.86). This interval covers 92 to 97 % up to there; beyond 0.9, and for a single
    row, it covers 90 to nearly 100 %. The jackknife is that of Efron 1982, "The Jackknife, the
    Bootstrap and Other Resampling Plans", section 3. NaN below ``FEWEST_FOR_BOOTSTRAP`` seeds, at 0
    and 1, and if no seed makes a difference.
    """
    if n < FEWEST_FOR_BOOTSTRAP or not 0 < estimate < 1 or np.isnan(without).any():
        return NO_INTERVAL
    seeds = len(without)
    error = float(np.sqrt((seeds - 1) / seeds * ((without - without.mean()) ** 2).sum()))
    if not error > ROUNDING:
        return NO_INTERVAL
    # The derivative of arcsine √p is 1/(2√(p(1 − p))).
    margin = float(stdtrit(n - 1, 1 - TAIL)) * error / (2 * np.sqrt(estimate * (1 - estimate)))
    angle = np.arcsin(np.sqrt(estimate))
    low, high = np.sin(np.clip([angle - margin, angle + margin], 0, np.pi / 2)) ** 2
    return float(low), float(high)
