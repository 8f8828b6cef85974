"""The interquartile mean and the probability of improvement (Agarwal et al. 2021).

"Deep Reinforcement Learning at the Edge of the Statistical Precipice", NeurIPS 2021, section 4.3.
Higher scores are better (losses are negated); a diverged trial is −inf, worse than any complete
one; NaN is no trial. Counts say how often a resample has each seed.
"""

import numpy as np

from analysis.stats.distributions import Floats, floats

CHUNK = 200_000
"""The number of array entries processed at once: 1.6 MB."""


def interquartile_means(scores: Floats, counts: Floats) -> Floats:
    """The mean of the middle half of the trials of each resample.

    ``scores`` has a trial per entry, none NaN; ``counts`` (resamples × trials) says how often each
    is drawn. Of N trials the ⌊N/4⌋ best and worst are omitted, as in rliable. −inf if a diverged
    trial is in the middle half, NaN if a resample has no trial.
    """
    order = np.argsort(scores, kind="stable")
    size = max(1, CHUNK // max(1, len(scores)))
    chunks = [counts[start : start + size, order] for start in range(0, len(counts), size)]
    return np.concatenate([middle_means(scores[order], chunk) for chunk in chunks])


def middle_means(ascending: Floats, counts: Floats) -> Floats:
    """:func:`interquartile_means` of scores in ascending order."""
    until = np.cumsum(counts, axis=1)
    total = until[:, -1:] if len(ascending) else np.zeros((len(counts), 1))
    cut = np.floor(total / 4)
    inside = np.minimum(until, total - cut) - np.maximum(until - counts, cut)
    inside = np.maximum(inside, 0)
    finite = np.isfinite(ascending)
    middle = np.where(total > 0, total - 2 * cut, np.nan)[:, 0]
    means = inside[:, finite] @ ascending[finite] / middle
    return np.where(inside[:, ~finite].any(axis=1), -np.inf, means)


def improvement_probabilities(first: Floats, second: Floats, counts: Floats) -> Floats:
    """P(X > Y) of each resample: per row over all pairs of trials, then averaged over the rows.

    ``first`` and ``second`` are rows × seeds. A row's share of pairs in which the first is better,
    ties counting one half, is the Mann-Whitney U over the number of pairs. Rows that lack either
    side are omitted; NaN if none is left, or if a resample leaves a row without trials.
    """
    used = (~np.isnan(first)).any(axis=1) & (~np.isnan(second)).any(axis=1)
    if not used.any():
        return np.full(len(counts), np.nan)
    total = np.zeros(len(counts))
    size = max(1, CHUNK // (first.shape[1] * (len(counts) + first.shape[1])))
    rows = np.flatnonzero(used)
    for start in range(0, len(rows), size):
        chosen = rows[start : start + size]
        total += row_probabilities(first[chosen], second[chosen], counts).sum(axis=0)
    return floats(total / used.sum())


def row_probabilities(first: Floats, second: Floats, counts: Floats) -> Floats:
    """The probability of each row (axis 0) in each resample (axis 1)."""
    x, y = first[:, :, None], second[:, None, :]
    wins = floats(x > y) + floats(x == y) / 2
    won = ((counts @ wins) * counts).sum(axis=2)
    pairs = (counts @ floats(~np.isnan(first)).T) * (counts @ floats(~np.isnan(second)).T)
    with np.errstate(invalid="ignore"):
        return floats(won / np.where(pairs > 0, pairs, np.nan).T)
