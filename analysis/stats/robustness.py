"""The robustness of an optimizer to b0 (or any positive row), from cell means.

All functions take the means of one column's cells as an array (means × rows), one line for each
resample, with rows in ascending order; NaN is a cell without a mean.
"""

import numpy as np

from adaloss.tasks.metric import Goal
from analysis.stats.distributions import Bools, Floats, floats
from analysis.tables.measure import Measure

POINTS = 1.0
"""The distance from the best that counts as near it, for percentages, in points."""
SHARE = 0.05
"""The same for other metrics, relative to the best."""


def is_accuracy(measure: Measure) -> bool:
    """Whether the measure is a percentage of right answers."""
    return measure.about.is_percentage


def cell_means(values: Floats, counts: Floats) -> Floats:
    """The mean of each row (rows × seeds, NaN is no value) in each resample (counts × seeds).

    NaN where a resample has no seed of the row.
    """
    present = ~np.isnan(values)
    number = counts @ present.T
    total = counts @ np.where(present, values, 0.0).T
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def worst_of(means: Floats, goal: Goal) -> Floats:
    """The worst mean; NaN if a cell has none."""
    return floats(means.min(axis=1) if goal == "maximize" else means.max(axis=1))


def range_of(means: Floats) -> Floats:
    """The best minus the worst mean, in the metric's units; NaN if a cell has none."""
    return floats(means.max(axis=1) - means.min(axis=1))


def area_of(means: Floats, decades: Floats) -> Floats:
    """The area under the means against log10 of the rows, divided by the decades they span.

    This is a mean over the axis, in the metric's units (trapezoids between neighbours); NaN if a
    cell has no mean, or if there is only one row.
    """
    if len(decades) < 2:
        return np.full(len(means), np.nan)
    area = np.trapezoid(means, decades, axis=1) / (decades[-1] - decades[0])
    return floats(area)


def tolerance_of(best: Floats, measure: Measure, tolerance: float | None) -> Floats:
    """The distance from the best that counts as near it, in the metric's units.

    ``tolerance`` is in points for an accuracy (default 1), a share of the best's size for any
    other metric (default 0.05): a loss has no scale of its own.
    """
    if is_accuracy(measure):
        return np.full_like(best, POINTS if tolerance is None else tolerance)
    return np.abs(best) * (SHARE if tolerance is None else tolerance)


def near_words(measure: Measure, tolerance: float | None = None) -> str:
    """The distance of :func:`tolerance_of` in words."""
    if is_accuracy(measure):
        points = POINTS if tolerance is None else tolerance
        return f"{points:g} percentage {'point' if points == 1 else 'points'}"
    return f"{100 * (SHARE if tolerance is None else tolerance):g} % of the best value"


def near_best(scores: Floats, decades: Floats, tolerance: Floats) -> tuple[Floats, Floats]:
    """The range of rows, in log10, in which the score stays within ``tolerance`` of the best.

    The range is around the best row (the first of equals), with linear interpolation; a neighbour
    without a mean ends it. Higher scores are better. NaN if no row has a mean.
    """
    some = ~np.isnan(scores).all(axis=1)
    filled = np.where(np.isnan(scores), -np.inf, scores)
    best = filled.argmax(axis=1)
    floor = np.take_along_axis(filled, best[:, None], axis=1)[:, 0] - tolerance
    last = len(decades) - 1
    high = edge(filled, decades, best, floor)
    low = edge(filled[:, ::-1], decades[::-1], last - best, floor)
    return np.where(some, low, np.nan), np.where(some, high, np.nan)


def edge(scores: Floats, decades: Floats, best: Floats, floor: Floats) -> Floats:
    """The position above the ``best`` row at which the score falls below ``floor``."""
    index = np.arange(len(decades))
    below: Bools = (scores < floor[:, None]) & (index > best[:, None])
    ends = below.any(axis=1)
    outside = np.where(ends, below.argmax(axis=1), len(decades) - 1)
    inside = np.where(ends, outside - 1, outside)
    at = np.arange(len(scores))
    upper, lower = scores[at, inside], scores[at, outside]
    crosses = ends & np.isfinite(lower)
    fall = np.where(crosses, upper - np.where(crosses, lower, 0.0), 1.0)
    step = np.where(crosses, (upper - np.where(crosses, floor, 0.0)) / fall, 0.0)
    return floats(decades[inside] + step * (decades[outside] - decades[inside]))
