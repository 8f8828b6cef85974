"""Differences between the trials of one seed: same initial weights, same batches, two columns."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean, stdev

import pandas as pd

from adaloss.records.result import TrialState
from analysis.frame.column_types import values_of
from analysis.tables.cells import TrialEnd, ends_of, t_quantile
from analysis.tables.measure import Measure
from analysis.tables.tables import Table

Key = tuple[object, object]
"""A row's and a column's value."""
SeedEnds = Mapping[object, TrialEnd]
"""The end of every seed of a cell."""
DIVERGED, UNREACHED = "diverged", "not reached"
"""Why a seed is worse than any number."""


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """The differences, other minus baseline, of the seeds for which both are complete.

    ``expected`` counts the seeds that either declares. ``beyond`` says why seeds of the other are
    worse than any number. Where seeds of either are ``unreached``, never at the target, there is no
    mean: that of the others would flatter.
    """

    differences: tuple[float, ...]
    expected: int
    beyond: frozenset[str] = frozenset()
    unreached: bool = False

    @property
    def is_partial(self) -> bool:
        """Whether the mean is over fewer seeds than declared."""
        return not self.unreached and 0 < len(self.differences) < self.expected

    @property
    def mean(self) -> float:
        """Their mean, NaN without one."""
        return fmean(self.differences) if self.differences and not self.unreached else math.nan

    @property
    def half_width(self) -> float:
        """Half the 95 % confidence interval of the mean by Student's t; NaN with fewer than two."""
        n = len(self.differences)
        if n < 2 or self.unreached:
            return math.nan
        return stdev(self.differences) / math.sqrt(n) * t_quantile(0.975, n - 1)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A part of the sweep compared with one of its columns.

    ``pairs`` are those of every cell of another column with the baseline in its row;
    ``baseline_beyond`` says by row why seeds of the baseline are worse than any number.
    """

    table: Table
    baseline: object
    pairs: Mapping[Key, Pairs]
    baseline_beyond: Mapping[object, frozenset[str]]

    @property
    def baseline_name(self) -> str:
        """The baseline in words."""
        return self.table.names.alone(self.table.column_field, self.baseline)

    def sizes(self) -> Iterator[float]:
        """The absolute value of each seed's difference and of each interval's ends."""
        for found in self.pairs.values():
            yield from map(abs, found.differences)
            if not math.isnan(found.half_width):
                yield abs(found.mean) + found.half_width


def comparison_of(table: Table, part: pd.DataFrame, baseline: object) -> Comparison:
    """The comparison of a table's cells, whose trials are the rows ``part``."""
    cells = ends_by_cell(part, (table.row_field, table.column_field), table.measure)
    return Comparison(
        table=table,
        baseline=baseline,
        pairs={
            (row, value): pairs_of(seeds, cells.get((row, baseline), {}))
            for (row, value), seeds in cells.items()
            if value != baseline
        },
        baseline_beyond={
            row: beyond_in(seeds.values())
            for (row, value), seeds in cells.items()
            if value == baseline
        },
    )


def ends_by_cell(
    part: pd.DataFrame, fields: tuple[str, str], measure: Measure
) -> dict[Key, dict[object, TrialEnd]]:
    """The ends of every cell's seeds, by the values of the two fields."""
    cells: dict[Key, dict[object, TrialEnd]] = {}
    columns = (values_of(part, name) for name in (*fields, "seed"))
    for first, second, seed, end in zip(*columns, ends_of(part, measure), strict=True):
        cells.setdefault((first, second), {})[seed] = end
    return cells


def pairs_of(other: SeedEnds, baseline: SeedEnds) -> Pairs:
    """The pairs of two cells."""
    seeds = dict.fromkeys((*baseline, *other))
    differences = (
        other[seed].value - baseline[seed].value
        for seed in seeds
        if is_complete(seed, other) and is_complete(seed, baseline)
    )
    return Pairs(
        differences=tuple(d for d in differences if math.isfinite(d)),
        expected=len(seeds),
        beyond=beyond_in(other.values()),
        unreached=any(end.is_unreached for end in (*other.values(), *baseline.values())),
    )


def is_complete(seed: object, ends: SeedEnds) -> bool:
    """Whether the seed's trial is complete in this cell."""
    return seed in ends and ends[seed].state == TrialState.COMPLETE.value


def beyond_in(ends: Iterable[TrialEnd]) -> frozenset[str]:
    """Why some of these seeds are worse than any number."""
    seeds = list(ends)
    there = {
        DIVERGED: any(end.state == TrialState.DIVERGED.value for end in seeds),
        UNREACHED: any(end.is_unreached for end in seeds),
    }
    return frozenset(reason for reason, is_there in there.items() if is_there)


def beyond_words(reasons: Iterable[frozenset[str]]) -> str:
    """Why seeds are worse than any number; empty if none is."""
    return " or ".join(sorted(frozenset().union(*reasons)))
