"""What the tests allow to say: which columns are worse than the best, over all rows and at one."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from types import MappingProxyType
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

    The mean is over the rows that another column has too. ``lacking`` are the columns that have no
    mean to compare, ``at_rows`` those that are worse than the best at single rows. ``best`` is None
    where no column has a mean.
    """

    samples: Samples
    best: object
    mean: float
    equals: tuple[Difference, ...] = ()
    worse: tuple[Difference, ...] = ()
    lacking: tuple[object, ...] = ()
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
ONCE: Mapping[object, int] = MappingProxyType({})
UNEQUAL = "unequal numbers of values were tried"


def claims_of(parts: Sequence[PartStatistics], tried: Mapping[object, int] = ONCE) -> Claims:
    """The claims about parts whose metric has a goal.

    ``tried`` says of how many values each column's was chosen. Columns with unequal numbers are not
    tested: the best of more values is better by chance (30 against 1: 10 to 15 % false claims).
    """
    over, single, level = families(parts, tried)
    rankings = tuple(
        ranking_of(part.samples, over[index], single[index], level)
        for index, part in enumerate(parts)
    )
    return Claims(rankings=rankings, tests=number_of_tests(over), row_tests=number_of_tests(single))


def families(
    parts: Sequence[PartStatistics], tried: Mapping[object, int] = ONCE
) -> tuple[list[list[Record]], list[list[Record]], float]:
    """The comparisons over all rows and at single rows, by part, and the level of each family."""
    single = family(parts, ONE_ROW, ALPHA / 2, tried)
    level = ALPHA / 2 if number_of_tests(single) else ALPHA
    return family(parts, ALL_ROWS, level, tried), single, level


def family(
    parts: Sequence[PartStatistics], scope: str, level: float, tried: Mapping[object, int]
) -> list[list[Record]]:
    """The comparisons of each part with ``p`` and ``findable`` of one family over all parts."""
    found: list[list[dict[Any, Any]]] = []
    for part in parts:
        pairs = part.frames[PAIRS]
        # Of a part with one row, both scopes are the same comparisons.
        repeated = scope == ONE_ROW and len(part.samples.rows) < 2
        found.append([] if repeated else pairs[pairs["scope"] == scope].to_dict("records"))
    flat = [record for records in found for record in records]
    for record in flat:
        if tried.get(record["first"], 1) != tried.get(record["second"], 1):
            record |= {"p": np.nan, "note": UNEQUAL}
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
    compared = {best, *(one.column for one in against)}
    if best is None:
        best = only_with_a_mean(samples)
    return Ranking(
        samples=samples,
        best=best,
        mean=mean_of(samples, best),
        lacking=tuple(column for column in samples.columns if column not in compared | {best}),
        equals=tuple(one for one in against if not one.p <= level),
        worse=tuple(one for one in against if one.p <= level),
        at_rows=tuple(worse_at_rows(samples, single, level)),
    )


def best_of(columns: Sequence[object], records: Sequence[Record]) -> object:
    """The column with the better mean in most comparisons, the first of equals; None without any.

    Columns that lack rows are compared over the rows that both have.
    """
    records = [record for record in records if not isnan(record["mean"])]
    wins = Counter(record["better"] for record in records if record["better"] is not None)
    losses = Counter(
        record["second"] if record["better"] == record["first"] else record["first"]
        for record in records
        if record["better"] is not None
    )
    known = {record[side] for record in records for side in ("first", "second")}
    compared = [column for column in columns if column in known]
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
            reason=record["note"] if isnan(record["p"]) else "",
        )


def worse_at_rows(samples: Samples, single: Sequence[Record], level: float) -> Iterator[Difference]:
    """At each row, the columns that are worse than the best there."""
    for row in samples.rows:
        there = [record for record in single if record["row"] == row]
        best = best_of(samples.columns, there)
        if best is not None:
            yield from (one for one in differences(best, there) if one.p <= level)


def mean_of(samples: Samples, column: object) -> float:
    """The mean of a column's cells that have one, at the rows that another column has too."""
    if column is None:
        return float("nan")
    index = samples.columns.index(column)
    others = np.delete(samples.declared, index, axis=0).any(axis=0)
    rows = samples.has_mean[index] & (others if (others & samples.has_mean[index]).any() else True)
    if not rows.any():
        return float("nan")
    return float(np.mean(np.nanmean(samples.values[index][rows], axis=1)))


def only_with_a_mean(samples: Samples) -> object:
    """The column that alone has a mean at every row of its own; None if several or none have."""
    full = [
        column
        for index, column in enumerate(samples.columns)
        if samples.declared[index].any()
        and (samples.has_mean[index] | ~samples.declared[index]).all()
    ]
    return full[0] if len(full) == 1 else None
