"""What the tests allow to say: which columns are worse than the best, over all rows and at one."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np

from analysis.stats.distributions import ALPHA, holm
from analysis.stats.frames.frames import PAIRS, PartStatistics
from analysis.stats.frames.pairs import (
    ALL_ROWS,
    FIRST,
    NOT_TUNED,
    ONE_ROW,
    SECOND,
    UNEQUAL,
    Record,
    are_unequal,
)
from analysis.stats.power import paired_effect
from analysis.stats.samples import Samples
from analysis.tables.tuning import Choices


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A column that is worse than the best by ``amount``, in the metric's units.

    The amount is negative where the best lost this comparison: it has the better mean in most.
    ``p`` is adjusted by Holm over all tests of its scope; NaN where there is no test, for the
    ``reason``. ``findable`` is the true difference that the test would detect with 80 % power.
    ``row`` is None over all rows.
    """

    column: object
    row: object
    amount: float
    p: float
    findable: float
    n: int
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """The best column of a part with its mean, those not distinguished from it, and the worse.

    The mean is over the rows that another column has too. ``better`` are columns that beat the best
    over the rows that both have, ``lacking`` those that have no mean to compare, ``at_rows`` those
    that are worse than the best at single rows.
    """

    samples: Samples
    best: object
    mean: float
    equals: tuple[Difference, ...] = ()
    worse: tuple[Difference, ...] = ()
    better: tuple[Difference, ...] = ()
    lacking: tuple[object, ...] = ()
    at_rows: tuple[Difference, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Claims:
    """The rankings of the parts with a best column, and how many tests of each scope there were.

    Each scope is one family over all parts, and a difference is claimed at half of 5 % (at 5 % if
    there is only one scope): the chance that any claim is false is at most 5 %.
    """

    rankings: tuple[Ranking, ...]
    tests: int
    row_tests: int


OTHER = {FIRST: SECOND, SECOND: FIRST}


def claims_of(parts: Sequence[PartStatistics], choices: Choices = NOT_TUNED) -> Claims:
    """The claims about parts whose metric has a goal.

    Of ``choices`` counts of how many values each was made. Cells with unequal numbers are not
    tested: the best of more values is better by chance (30 against 1: 10 to 15 % false claims).
    """
    over, single, level = families(parts, choices)
    found = (
        ranking_of(part.samples, over[index], single[index], level)
        for index, part in enumerate(parts)
    )
    rankings = tuple(ranking for ranking in found if ranking is not None)
    return Claims(rankings=rankings, tests=number_of_tests(over), row_tests=number_of_tests(single))


def families(
    parts: Sequence[PartStatistics], choices: Choices = NOT_TUNED
) -> tuple[list[list[Record]], list[list[Record]], float]:
    """The comparisons over all rows and at single rows, by part, and the level of each family."""
    single = family(parts, ONE_ROW, ALPHA / 2, choices)
    level = ALPHA / 2 if number_of_tests(single) else ALPHA
    return family(parts, ALL_ROWS, level, choices), single, level


def family(
    parts: Sequence[PartStatistics], scope: str, level: float, choices: Choices
) -> list[list[Record]]:
    """The comparisons of each part with ``p`` and ``findable`` of one family over all parts."""
    found: list[list[dict[Any, Any]]] = []
    for part in parts:
        pairs = part.frames[PAIRS]
        # Of a part with one row, both scopes are the same comparisons.
        repeated = scope == ONE_ROW and len(part.samples.rows) < 2
        records: list[dict[Any, Any]] = []
        if not repeated:
            records = pairs[pairs["scope"] == scope].to_dict("records")
        for record in records:
            if are_unequal(part.samples, record, choices):
                record |= {"p": np.nan, "note": UNEQUAL}
        found.append(records)
    flat = [record for records in found for record in records]
    adjusted = holm([record["p"] for record in flat])
    tests = int((~np.isnan(adjusted)).sum())
    for record, p in zip(flat, adjusted, strict=True):
        effect = np.nan if isnan(p) else paired_effect(int(record["n"]), level / tests)
        record |= {"p": float(p), "findable": effect * record["sd"]}
    return [list(records) for records in found]


def number_of_tests(records: Sequence[Sequence[Record]]) -> int:
    """How many comparisons have a test."""
    return sum(not isnan(record["p"]) for of_part in records for record in of_part)


def ranking_of(
    samples: Samples, over: Sequence[Record], single: Sequence[Record], level: float
) -> Ranking | None:
    """The ranking of one part; None where no column has a mean."""
    position = best_of(samples.columns, over)
    if position is None:
        position = only_with_a_mean(samples)
    if position is None:
        return None
    best = samples.columns[position]
    against = list(differences(best, over))
    compared = {best, *(one.column for one in against)}
    sure = [one for one in against if one.p <= level]
    return Ranking(
        samples=samples,
        best=best,
        mean=mean_of(samples, position),
        lacking=tuple(column for column in samples.columns if column not in compared),
        equals=tuple(one for one in against if not one.p <= level),
        worse=tuple(one for one in sure if one.amount > 0),
        better=tuple(one for one in sure if one.amount < 0),
        at_rows=tuple(worse_at_rows(samples, single, level)),
    )


def best_of(columns: Sequence[object], records: Sequence[Record]) -> int | None:
    """The position of the column with the better mean in most comparisons, the first of equals.

    Columns that lack rows are compared over the rows that both have. None without any.
    """
    records = [record for record in records if not isnan(record["mean"])]
    decided = [record for record in records if record["better_side"] is not None]
    wins = Counter(record[record["better_side"]] for record in decided)
    losses = Counter(record[OTHER[record["better_side"]]] for record in decided)
    known = {record[side] for record in records for side in OTHER}
    compared = [index for index, column in enumerate(columns) if column in known]
    return max(
        compared, key=lambda index: wins[columns[index]] - losses[columns[index]], default=None
    )


def differences(best: object, records: Sequence[Record]) -> Iterator[Difference]:
    """The comparisons with the best column that have a mean; an amount is below 0 if it lost."""
    for record in records:
        if best not in (record[FIRST], record[SECOND]) or isnan(record["mean"]):
            continue
        other = SECOND if record[FIRST] == best else FIRST
        lost = record["better_side"] == other
        yield Difference(
            column=record[other],
            row=record["row"],
            amount=-abs(record["mean"]) if lost else abs(record["mean"]),
            p=record["p"],
            findable=record["findable"],
            n=int(record["n"]),
            reason=record["note"] if isnan(record["p"]) else "",
        )


def worse_at_rows(samples: Samples, single: Sequence[Record], level: float) -> Iterator[Difference]:
    """At each row, the columns that are worse than the best there."""
    for row in samples.rows:
        there = [record for record in single if record["row"] == row]
        position = best_of(samples.columns, there)
        if position is not None:
            against = differences(samples.columns[position], there)
            yield from (one for one in against if one.p <= level and one.amount > 0)


def mean_of(samples: Samples, index: int) -> float:
    """The mean of a column's cells that have one, at the rows that another column has too."""
    others = np.delete(samples.declared, index, axis=0).any(axis=0)
    rows = samples.has_mean[index] & (others if (others & samples.has_mean[index]).any() else True)
    if not rows.any():
        return float("nan")
    return float(np.mean(np.nanmean(samples.values[index][rows], axis=1)))


def only_with_a_mean(samples: Samples) -> int | None:
    """The column that alone has a mean at every row of its own; None if several or none have."""
    full = [
        index
        for index in range(len(samples.columns))
        if samples.declared[index].any()
        and (samples.has_mean[index] | ~samples.declared[index]).all()
    ]
    return full[0] if len(full) == 1 else None
