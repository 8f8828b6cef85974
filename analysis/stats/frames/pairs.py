"""The paired comparisons of one part as a frame: at every row, and over all rows together."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from analysis.stats.distributions import ALPHA, Floats, floats, holm
from analysis.stats.frames.rows import frame_of
from analysis.stats.intervals import FEWEST_FOR_BOOTSTRAP_T
from analysis.stats.pairs import PairedTests, mean_over_rows, paired_tests
from analysis.stats.power import paired_effect
from analysis.stats.samples import Samples
from analysis.tables.measure import Measure
from analysis.tables.tuning import Choices

TOO_MUCH_WORK = "too much work for the bootstrap"
UNEQUAL = "unequal numbers of values were tried"
ONE_ROW, ALL_ROWS = "row", "all rows"
"""The scope of a comparison: one row of the table, or each seed's mean over the rows."""
FIRST, SECOND = "first", "second"
"""The sides of a comparison."""
PAIR_COLUMNS = (
    *("scope", "row", "first", "second", "n", "seeds", "mean", "sd", "t", "df", "p"),
    *("t_low", "t_high", "bootstrap_low", "bootstrap_high", "tests", "holm_p"),
    *("better", "better_side", "findable", "note"),
)
Record = Mapping[str, Any]
"""A row of the frame of comparisons."""
NOT_TUNED: Choices = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """Two columns with their values per seed, and the cells that diverged."""

    row: object
    first: object
    second: object
    first_values: Floats
    second_values: Floats
    diverged: str


def pair_frame(
    samples: Samples,
    measure: Measure,
    generator: np.random.Generator,
    choices: Choices = NOT_TUNED,
) -> pd.DataFrame:
    """Every pair of columns at every row that has both, then every pair over all rows.

    Columns: ``scope`` (row or all rows), ``row`` (None over all rows), ``first``, ``second``, ``n``
    pairs of ``seeds``; of first − second in the metric's units ``mean``, ``sd``, ``t``, ``df``,
    ``p``, ``t_low``, ``t_high``, ``bootstrap_low``, ``bootstrap_high``; ``tests``, how many the
    family (the scope of the part) has, and ``holm_p``; ``better``, the column with the better mean
    (None if there is none, but a column may be called None, too), and ``better_side``, which it is
    (``first``, ``second`` or None); ``findable``, the minimum detectable difference: the true
    difference that n pairs detect with 80 % power at Holm's first step if the deviation is the
    observed one; ``note``, the reason for a missing value, and whether the sides were chosen from
    unequal numbers of values, which ``choices`` counts.
    """
    scopes = {
        ONE_ROW: list(each_row(samples)),
        ALL_ROWS: list(over_rows(samples)),
    }
    families = [
        family_rows(scope, comparisons, len(samples.seeds), measure, generator)
        for scope, comparisons in scopes.items()
    ]
    pairs = frame_of((row for family in families for row in family), PAIR_COLUMNS)
    return with_unequal(pairs, samples, choices) if choices else pairs


def with_unequal(pairs: pd.DataFrame, samples: Samples, choices: Choices) -> pd.DataFrame:
    """The comparisons, with a note on those of which nothing is claimed."""
    records: list[dict[Any, Any]] = pairs.to_dict("records")
    notes = [
        "; ".join(filter(None, (record["note"], UNEQUAL)))
        if are_unequal(samples, record, choices)
        else record["note"]
        for record in records
    ]
    return pairs.assign(note=pd.Series(notes, index=pairs.index, dtype="object"))


def are_unequal(samples: Samples, record: Record, choices: Choices) -> bool:
    """Whether the two sides were chosen from unequal numbers of values at a row they share."""
    for row in samples.rows if record["scope"] == ALL_ROWS else (record["row"],):
        keys = ((row, record[side], *samples.part_values) for side in (FIRST, SECOND))
        first, second = (choices.get(key) for key in keys)
        if first is not None and second is not None and first.tried != second.tried:
            return True
    return False


def shared_rows(samples: Samples) -> Iterator[tuple[int, int, list[int]]]:
    """Every pair of columns with the rows that both have."""
    for first, second in combinations(range(len(samples.columns)), 2):
        shared = samples.declared[first] & samples.declared[second]
        yield first, second, np.flatnonzero(shared).tolist()


def each_row(samples: Samples) -> Iterator[Comparison]:
    """The comparisons at each row."""
    for first, second, rows in shared_rows(samples):
        for row in rows:
            gone = [
                samples.column_texts[column]
                for column in (first, second)
                if samples.not_available[column, row]
            ]
            yield Comparison(
                row=samples.rows[row],
                first=samples.columns[first],
                second=samples.columns[second],
                first_values=samples.values[first, row],
                second_values=samples.values[second, row],
                diverged=f"{' and '.join(gone)} {samples.lost}" if gone else "",
            )


def over_rows(samples: Samples) -> Iterator[Comparison]:
    """The comparisons of each seed's mean over the rows, for seeds that have every row."""
    for first, second, rows in shared_rows(samples):
        gone = (diverged_at(samples, column, rows) for column in (first, second))
        yield Comparison(
            row=None,
            first=samples.columns[first],
            second=samples.columns[second],
            first_values=mean_over_rows(samples.values[first, rows]),
            second_values=mean_over_rows(samples.values[second, rows]),
            diverged="; ".join(filter(None, gone)),
        )


def diverged_at(samples: Samples, column: int, rows: Iterable[int]) -> str:
    """``sgd_constant diverged at b0 = 0.01, 0.1``, or nothing."""
    gone = [samples.row_texts[row] for row in rows if samples.not_available[column, row]]
    name = samples.column_texts[column]
    return f"{name} {samples.lost} at {samples.row_name} = {', '.join(gone)}" if gone else ""


def family_rows(
    scope: str,
    comparisons: Sequence[Comparison],
    seeds: int,
    measure: Measure,
    generator: np.random.Generator,
) -> Iterator[tuple[object, ...]]:
    """The rows of one family: its comparisons are tested together."""
    absent = np.full(seeds, np.nan)
    shape = (len(comparisons), seeds)
    first = [absent if pair.diverged else pair.first_values for pair in comparisons]
    second = [absent if pair.diverged else pair.second_values for pair in comparisons]
    tests = paired_tests(floats(first).reshape(shape), floats(second).reshape(shape), generator)
    adjusted = holm(tests.p)
    number = int((~np.isnan(tests.p)).sum())
    effects = {n: paired_effect(n, ALPHA / max(number, 1)) for n in {int(n) for n in tests.n}}
    for i, pair in enumerate(comparisons):
        side = better_side(tests.mean[i], measure)
        better = None if side is None else pair.first if side == FIRST else pair.second
        yield (
            *(scope, pair.row, pair.first, pair.second, int(tests.n[i]), seeds),
            *(tests.mean[i], tests.sd[i], tests.t[i], tests.df[i], tests.p[i]),
            *(tests.t_low[i], tests.t_high[i], tests.bootstrap_low[i], tests.bootstrap_high[i]),
            *(number, adjusted[i], better, side),
            np.nan if np.isnan(tests.p[i]) else effects[int(tests.n[i])] * tests.sd[i],
            note_on(pair, tests, i),
        )


def better_side(mean: float, measure: Measure) -> str | None:
    """The side with the better mean; None if they are equal or the metric has no goal."""
    if measure.goal is None or np.isnan(mean) or mean == 0:
        return None
    return FIRST if (mean > 0) == (measure.goal == "maximize") else SECOND


def note_on(pair: Comparison, tests: PairedTests, i: int) -> str:
    """The reason why a comparison lacks a test or an interval; empty if it has both."""
    if pair.diverged:
        return pair.diverged
    if tests.n[i] < 2:
        return "no pair" if tests.n[i] == 0 else "one pair: no test"
    if tests.constant[i]:
        return "all differences are equal: no test"
    if tests.too_much[i]:
        return TOO_MUCH_WORK
    if np.isnan(tests.bootstrap_low[i]):
        few = tests.n[i] < FEWEST_FOR_BOOTSTRAP_T
        return "too few pairs for the bootstrap" if few else "too many equal for the bootstrap"
    return ""
