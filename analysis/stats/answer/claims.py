"""What the tests allow to say: which columns are worse than the best, over all rows and at one."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np

from analysis.stats.distributions import ALPHA, holm
from analysis.stats.frames.frames import PAIRS, PartStatistics
from analysis.stats.frames.pairs import ALL_ROWS, ONE_ROW
from analysis.stats.power import paired_effect
from analysis.stats.samples import Samples


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A column that is worse than the best by ``amount`` (positive, in the metric's units).

    ``p`` is adjusted by Holm over all tests of its scope; NaN where there is no test. ``findable``
    is the true difference that the test would detect with 80 % power. ``row`` is None over all
    rows.
    """

    column: object
    row: object
    amount: float
    p: float
    findable: float
    n: int


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """The best column of a part with its mean, those not distinguished from it, and the worse.

    ``at_rows`` are the columns that are worse than the best at single rows. ``best`` is None where
    no two columns can be compared.
    """

    samples: Samples
    best: object
    mean: float
    equals: tuple[Difference, ...] = ()
    worse: tuple[Difference, ...] = ()
    at_rows: tuple[Difference, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Claims:
    """The rankings of all parts, and how many ``tests`` of all rows, and of single rows, they had.

    Each scope is one family over all parts, and a difference is claimed at half of 5 % (at 5 % if
    there is only one scope): the chance that any claim is false is at most 5 %.
    """

    rankings: tuple[Ranking, ...]
    tests: int
    row_tests: int


Record = Mapping[str, Any]


def claims_of(parts: Sequence[PartStatistics]) -> Claims:
    """The claims about parts whose metric has a goal."""
    single = family(parts, ONE_ROW, ALPHA / 2)
    level = ALPHA / 2 if number_of_tests(single) else ALPHA
    over = family(parts, ALL_ROWS, level)
    rankings = tuple(
        ranking_of(part.samples, over[index], single[index], level)
        for index, part in enumerate(parts)
    )
    return Claims(rankings=rankings, tests=number_of_tests(over), row_tests=number_of_tests(single))


def family(parts: Sequence[PartStatistics], scope: str, level: float) -> list[list[Record]]:
    """The comparisons of each part with ``p`` and ``findable`` of one family over all parts."""
    found: list[list[dict[Any, Any]]] = []
    for part in parts:
        pairs = part.frames[PAIRS]
        # Of a part with one row, both scopes are the same comparisons.
        repeated = scope == ONE_ROW and len(part.samples.rows) < 2
        found.append([] if repeated else pairs[pairs["scope"] == scope].to_dict("records"))
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
) -> Ranking:
    """The ranking of one part."""
    best = best_of(samples.columns, over)
    against = list(differences(best, over)) if best is not None else []
    return Ranking(
        samples=samples,
        best=best,
        mean=mean_of(samples, best),
        equals=tuple(one for one in against if not one.p <= level),
        worse=tuple(one for one in against if one.p <= level),
        at_rows=tuple(worse_at_rows(samples, single, level)),
    )


def best_of(columns: Sequence[object], records: Sequence[Record]) -> object:
    """The column with the better mean in most comparisons, the first of equals; None without any.

    Columns that lack rows are compared over the rows that both have.
    """
    wins = Counter(record["better"] for record in records if record["better"] is not None)
    losses = Counter(
        record["second"] if record["better"] == record["first"] else record["first"]
        for record in records
        if record["better"] is not None
    )
    compared = [column for column in columns if wins[column] or losses[column]]
    return max(compared, key=lambda column: wins[column] - losses[column], default=None)


def differences(best: object, records: Sequence[Record]) -> Iterator[Difference]:
    """The comparisons with the best column that have a mean; an amount is below 0 if it lost."""
    for record in records:
        if best not in (record["first"], record["second"]) or isnan(record["mean"]):
            continue
        other = record["second"] if record["first"] == best else record["first"]
        lost = record["better"] is not None and record["better"] != best
        yield Difference(
            column=other,
            row=record["row"],
            amount=-abs(record["mean"]) if lost else abs(record["mean"]),
            p=1.0 if lost else record["p"],
            findable=record["findable"],
            n=int(record["n"]),
        )


def worse_at_rows(samples: Samples, single: Sequence[Record], level: float) -> Iterator[Difference]:
    """At each row, the columns that are worse than the best there."""
    for row in samples.rows:
        there = [record for record in single if record["row"] == row]
        best = best_of(samples.columns, there)
        if best is not None:
            yield from (one for one in differences(best, there) if one.p <= level)


def mean_of(samples: Samples, column: object) -> float:
    """The mean of a column's cells that have one."""
    if column is None:
        return float("nan")
    index = samples.columns.index(column)
    rows = samples.has_mean[index]
    if not rows.any():
        return float("nan")
    return float(np.mean(np.nanmean(samples.values[index][rows], axis=1)))
