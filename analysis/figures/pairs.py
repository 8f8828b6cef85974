"""Differences between the trials of one seed: same initial weights, same batches, two columns."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean, stdev

import pandas as pd

from adaloss.records.result import TrialState
from analysis.frame.column_types import values_of
from analysis.tables.cells import t_quantile
from analysis.tables.tables import Table

Key = tuple[object, object]
"""A row's and a column's value."""
SeedEnds = Mapping[object, tuple[str, float]]
"""The state and the value, or NaN, of every seed of a cell."""


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """The differences, other minus baseline, of the seeds for which both are complete.

    ``expected`` counts the seeds that either declares, ``diverged`` the other's diverged seeds.
    """

    differences: tuple[float, ...]
    expected: int
    diverged: int

    @property
    def is_partial(self) -> bool:
        """Whether the mean is over fewer seeds than declared."""
        return 0 < len(self.differences) < self.expected

    @property
    def mean(self) -> float:
        """Their mean, NaN without any."""
        return fmean(self.differences) if self.differences else math.nan

    @property
    def half_width(self) -> float:
        """Half the 95 % confidence interval of the mean by Student's t; NaN with fewer than two."""
        n = len(self.differences)
        if n < 2:
            return math.nan
        return stdev(self.differences) / math.sqrt(n) * t_quantile(0.975, n - 1)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A part of the sweep compared with one of its columns.

    ``pairs`` are those of every cell of another column with the baseline in its row;
    ``baseline_diverged`` has the rows in which a seed of the baseline diverged.
    """

    table: Table
    baseline: object
    pairs: Mapping[Key, Pairs]
    baseline_diverged: frozenset[object]

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


def comparison_of(table: Table, part: pd.DataFrame, baseline: object, column: str) -> Comparison:
    """The comparison of a table's cells, with the values of the rows ``part`` in ``column``."""
    cells = ends_by_cell(part, (table.row_field, table.column_field), column)
    return Comparison(
        table=table,
        baseline=baseline,
        pairs={
            (row, value): pairs_of(seeds, cells.get((row, baseline), {}))
            for (row, value), seeds in cells.items()
            if value != baseline
        },
        baseline_diverged=frozenset(
            row
            for (row, value), seeds in cells.items()
            if value == baseline and diverged_in(seeds.values())
        ),
    )


def ends_by_cell(
    part: pd.DataFrame, fields: tuple[str, str], column: str
) -> dict[Key, dict[object, tuple[str, float]]]:
    """The states and values of every cell's seeds, by the values of the two fields."""
    cells: dict[Key, dict[object, tuple[str, float]]] = {}
    columns = (values_of(part, name) for name in (*fields, "seed", "state"))
    for first, second, seed, state, value in zip(*columns, part[column], strict=True):
        cells.setdefault((first, second), {})[seed] = (state, value)
    return cells


def pairs_of(other: SeedEnds, baseline: SeedEnds) -> Pairs:
    """The pairs of two cells."""
    seeds = dict.fromkeys((*baseline, *other))
    differences = (
        other[seed][1] - baseline[seed][1]
        for seed in seeds
        if is_complete(seed, other) and is_complete(seed, baseline)
    )
    return Pairs(
        differences=tuple(d for d in differences if math.isfinite(d)),
        expected=len(seeds),
        diverged=diverged_in(other.values()),
    )


def is_complete(seed: object, ends: SeedEnds) -> bool:
    """Whether the seed's trial is complete in this cell."""
    return seed in ends and ends[seed][0] == TrialState.COMPLETE.value


def diverged_in(ends: Iterable[tuple[str, float]]) -> int:
    """How many of these seeds diverged."""
    return sum(state == TrialState.DIVERGED.value for state, _ in ends)
