"""The robustness of each column of one part as a frame, with bootstrap intervals.

The width has no interval: its estimate jumps if cells are about equally good, and no tried method
(bootstrap or jackknife standard error, percentiles) covers it with 92 to 97 %; they cover 86 to
99.8 %, depending on the curve.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from adaloss.tasks.metric import Goal
from analysis.frame.column_types import positive_numbers
from analysis.stats.distributions import Floats, floats
from analysis.stats.frames.rows import frame_of
from analysis.stats.intervals import NO_INTERVAL, bootstrap_interval
from analysis.stats.resampling import Resamples
from analysis.stats.robustness import (
    area_of,
    cell_means,
    is_accuracy,
    near_best,
    range_of,
    tolerance_of,
    worst_of,
)
from analysis.stats.samples import Samples
from analysis.tables.measure import Measure
from analysis.tables.tables import AVERAGED_FIELD

WORST, RANGE, AREA, WIDTH = "worst", "range", "area", "width"
ROBUSTNESS_COLUMNS = ("column", "statistic", "value", "low", "high", "n", "rows", "note")
ABSENT = "not part of the sweep"
AT_LEAST = "reaches the end of the rows"


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """One column's means over ascending rows: ``means[0]`` of all seeds, then of resamples.

    ``decades`` is log10 of the rows, ``n`` the fewest seeds of a cell with a mean. ``diverged``
    and ``lacking`` are the rows without a mean, by reason (``lost`` names the first); ``absent``
    are the rows that the sweep does not have for this column.
    """

    decades: Floats
    means: Floats
    weights: Floats
    n: int
    row_name: str
    worst_row: str
    lost: str
    diverged: tuple[str, ...]
    lacking: tuple[str, ...]
    absent: tuple[str, ...]

    @property
    def rows(self) -> int:
        """The number of rows with a mean."""
        return int((~np.isnan(self.means[0])).sum())

    def rows_text(self, rows: Sequence[str]) -> str:
        """``b0 = 0.01, 0.1``."""
        return f"{self.row_name} = {', '.join(rows)}"


def robustness_frame(
    samples: Samples,
    measure: Measure,
    row_field: str,
    resamples: Resamples,
    tolerance: float | None,
) -> pd.DataFrame:
    """A row per column and statistic: worst, range, area and width.

    Columns: ``column``, ``statistic``, ``value`` and its 95 % bootstrap interval ``low`` to
    ``high`` (in the metric's units; the width is in decades and has none), ``n``, the fewest
    seeds of a cell, ``rows`` with a mean, and ``note``. Empty if the rows are not positive numbers
    or the metric has no goal.
    """
    numbers = positive_numbers(samples.rows)
    # Seeds are numbers but not a scale.
    if numbers is None or measure.goal is None or row_field == AVERAGED_FIELD:
        return frame_of((), ROBUSTNESS_COLUMNS)
    decades = np.log10(floats(numbers))
    found: list[tuple[object, ...]] = []
    for column, name in enumerate(samples.columns):
        curve = curve_of(samples, column, decades, measure.goal, resamples)
        found += [(name, *row) for row in statistics_of(curve, measure, measure.goal, tolerance)]
    return frame_of(found, ROBUSTNESS_COLUMNS)


def curve_of(
    samples: Samples,
    column: int,
    decades: Floats,
    goal: Goal,
    resamples: Resamples,
) -> Curve:
    """The column's cell means with all seeds and in each resample."""
    order = [row for row in np.argsort(decades) if samples.declared[column, row]]
    present = [bool(samples.has_mean[column, row]) for row in order]
    values = np.where(np.array(present)[:, None], samples.values[column, order], np.nan)
    counts = np.concatenate([np.ones((1, resamples.n)), resamples.counts])
    means = cell_means(values, counts)
    seeds = (~np.isnan(values)).sum(axis=1)[present]
    texts = [samples.row_texts[row] for row in order]
    gone = [bool(samples.not_available[column, row]) for row in order]
    known = np.where(np.isnan(means[0]), np.inf if goal == "maximize" else -np.inf, means[0])
    worst = known.argmin() if goal == "maximize" else known.argmax()
    return Curve(
        decades=decades[order],
        means=means,
        weights=resamples.weights,
        n=int(seeds.min()) if len(seeds) else 0,
        row_name=samples.row_name,
        worst_row=texts[int(worst)],
        lost=samples.lost,
        diverged=tuple(text for text, is_gone in zip(texts, gone, strict=True) if is_gone),
        lacking=tuple(
            text
            for text, is_gone, is_there in zip(texts, gone, present, strict=True)
            if not is_gone and not is_there
        ),
        absent=tuple(
            text
            for text, declared in zip(samples.row_texts, samples.declared[column], strict=True)
            if not declared
        ),
    )


Statistic = tuple[str, float, float, float, int, int, str]


def statistics_of(
    curve: Curve, measure: Measure, goal: Goal, tolerance: float | None
) -> Iterator[Statistic]:
    """Name, value, low, high, seeds, rows and note of each statistic."""
    known = curve.means[:, ~np.isnan(curve.means[0])]
    there = known.shape[1] > 0
    gone = f"{curve.lost} at {curve.rows_text(curve.diverged)}" if curve.diverged else ""
    lacking = f"no value at {curve.rows_text(curve.lacking)}" if curve.lacking else ""
    worst = worst_of(known, goal) if there and not gone else None
    at = f"at {curve.rows_text((curve.worst_row,))}" + (f"; {lacking}" if lacking else "")
    absent = f"{ABSENT} at {curve.rows_text(curve.absent)}" if curve.absent else ""
    yield statistic(WORST, worst, curve, "; ".join(filter(None, (gone or at, absent))))
    yield statistic(RANGE, range_of(known) if worst is not None else None, curve, gone or lacking)
    yield area_statistic(curve, measure, gone, lacking)
    yield width_statistic(curve, measure, goal, tolerance)


def area_statistic(curve: Curve, measure: Measure, gone: str, lacking: str) -> Statistic:
    """The area; a diverged cell counts as 0 for a percentage and has no value otherwise."""
    if lacking or (gone and not is_accuracy(measure)):
        return statistic(AREA, None, curve, lacking or gone)
    if len(curve.decades) < 2:
        return statistic(AREA, None, curve, "one row")
    # Every cell without a mean diverged; a resample without seeds of another cell has none.
    zero = np.isnan(curve.means[0])
    means = np.where(zero, 0.0, curve.means)
    note = f"0 at {curve.rows_text(curve.diverged)} ({curve.lost})" if gone else ""
    return statistic(AREA, area_of(means, curve.decades), curve, note)


def width_statistic(
    curve: Curve, measure: Measure, goal: Goal, tolerance: float | None
) -> Statistic:
    """The width around the best; the note has its ends."""
    if not curve.rows:
        return statistic(WIDTH, None, curve, "")
    scores = curve.means[:1] if goal == "maximize" else -curve.means[:1]
    low, high = near_best(
        scores, curve.decades, tolerance_of(np.nanmax(scores, axis=1), measure, tolerance)
    )
    at_end = low[0] <= curve.decades[0] or high[0] >= curve.decades[-1]
    note = f"{10 ** low[0]:.3g} to {10 ** high[0]:.3g}"
    width, text = float(high[0] - low[0]), f"{note}, {AT_LEAST}" if at_end else note
    return (WIDTH, width, *NO_INTERVAL, curve.n, curve.rows, text)


def statistic(name: str, replicates: Floats | None, curve: Curve, note: str) -> Statistic:
    """The value of all seeds, first of ``replicates``, with the interval from the others."""
    if replicates is None:
        return (name, np.nan, *NO_INTERVAL, curve.n, curve.rows, note)
    value = float(replicates[0])
    low, high = bootstrap_interval(value, floats(replicates[1:]), curve.weights, curve.n)
    return (name, value, low, high, curve.n, curve.rows, note)
