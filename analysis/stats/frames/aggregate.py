"""The interquartile mean of each column and the probability of improvement of each pair."""

from itertools import combinations

import numpy as np
import pandas as pd

from analysis.stats.aggregate import improvement_probabilities, interquartile_means
from analysis.stats.distributions import Bools, Floats
from analysis.stats.frames.rows import frame_of
from analysis.stats.intervals import (
    FEWEST_FOR_BOOTSTRAP,
    NO_INTERVAL,
    bootstrap_interval,
    proportion_interval,
)
from analysis.stats.resampling import Resamples
from analysis.stats.samples import Samples
from analysis.tables.measure import Measure

AGGREGATE_COLUMNS = ("column", "iqm", "low", "high", "trials", "diverged", "declared", "n", "note")
IMPROVEMENT_COLUMNS = ("first", "second", "probability", "low", "high", "rows", "n", "note")


def scores_of(samples: Samples, measure: Measure) -> Floats:
    """The values as scores: losses are negated, and diverged trials are −inf."""
    sign = -1.0 if measure.goal == "minimize" else 1.0
    return np.where(samples.diverged, -np.inf, sign * samples.values)


def with_all(resamples: Resamples) -> Floats:
    """The counts of all seeds once, then those of the resamples."""
    return np.concatenate([np.ones((1, resamples.n)), resamples.counts])


def aggregate_frame(samples: Samples, measure: Measure, resamples: Resamples) -> pd.DataFrame:
    """The interquartile mean of all trials of each column, over rows and seeds.

    Columns: ``column``, ``iqm`` and its 95 % bootstrap interval ``low`` to ``high`` in the
    metric's units, finished ``trials`` with the ``diverged`` among them, ``declared`` trials,
    ``n`` seeds, and ``note``. NaN if a diverged trial is in the middle half.
    """
    scores, counts = scores_of(samples, measure), with_all(resamples)
    rows = [
        (name, *aggregate_of(scores[column], samples, column, measure, counts, resamples))
        for column, name in enumerate(samples.columns)
    ]
    return frame_of(rows, AGGREGATE_COLUMNS)


def aggregate_of(
    scores: Floats,
    samples: Samples,
    column: int,
    measure: Measure,
    counts: Floats,
    resamples: Resamples,
) -> tuple[float, float, float, int, int, int, int, str]:
    """A row of :func:`aggregate_frame` without its name."""
    used = ~np.isnan(scores) & ~samples.repeated[column]
    seed_of = np.nonzero(used)[1]
    replicates = interquartile_means(scores[used], counts[:, seed_of])
    estimate = float(replicates[0])
    n = len(set(seed_of.tolist()))
    low, high = bootstrap_interval(estimate, replicates[1:], resamples.weights, n)
    if measure.goal == "minimize":
        estimate, low, high = -estimate, -high, -low
    diverged = int((samples.diverged[column] & used).sum())
    declared = samples.is_trial[column] & ~samples.repeated[column]
    numbers = (int(used.sum()), diverged, int(declared.sum()), n)
    if measure.goal is None and diverged:
        note = f"trials {samples.lost}, and neither direction is better"
        return (np.nan, *NO_INTERVAL, *numbers, note)
    if np.isinf(estimate):
        return (np.nan, *NO_INTERVAL, *numbers, "a diverged trial is in the middle half")
    reached = n >= FEWEST_FOR_BOOTSTRAP and np.isnan(low) and np.isinf(replicates).any()
    return (estimate, low, high, *numbers, "resamples reach diverged trials" if reached else "")


def improvement_frame(samples: Samples, measure: Measure) -> pd.DataFrame:
    """P(first is better than second) of each pair of columns, averaged over the rows.

    Columns: ``first``, ``second``, ``probability`` and its 95 % jackknife interval ``low`` to
    ``high``, over ``rows`` that have trials of both, ``n``, the fewest seeds of a cell, and
    ``note``. Empty if the metric has no goal.
    """
    if measure.goal is None:
        return frame_of((), IMPROVEMENT_COLUMNS)
    scores = scores_of(samples, measure)
    rows = [
        (*(samples.columns[i] for i in pair), *improvement_of(scores[list(pair)]))
        for pair in combinations(range(len(samples.columns)), 2)
    ]
    return frame_of(rows, IMPROVEMENT_COLUMNS)


def improvement_of(scores: Floats) -> tuple[float, float, float, int, int, str]:
    """A row of :func:`improvement_frame` without its names."""
    present: Bools = ~np.isnan(scores)
    rows = present.any(axis=2).all(axis=0)
    if not rows.any():
        return (np.nan, *NO_INTERVAL, 0, 0, "no row has trials of both")
    n = int(present[:, rows].sum(axis=2).min())
    seeds = np.flatnonzero(present[:, rows].any(axis=(0, 1)))
    once = np.ones(scores.shape[2])
    without = np.array([once - (np.arange(len(once)) == seed) for seed in seeds])
    found = improvement_probabilities(scores[0], scores[1], np.vstack([once, without]))
    estimate = float(found[0])
    low, high = proportion_interval(estimate, found[1:], n)
    same = np.isnan(low) and np.ptp(found[~np.isnan(found)]) == 0
    note = "the same without any one seed: no interval" if same else ""
    return (estimate, low, high, int(rows.sum()), n, note)
