"""The paired differences as two sections: over all rows, and at each row."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from analysis.stats.frames.pairs import ALL_ROWS, ONE_ROW, TOO_MUCH_WORK, UNEQUAL
from analysis.stats.page.wording import (
    TWO,
    decimals_of,
    fewest_and_most,
    interval,
    number,
    p_text,
    paired_power,
)
from analysis.stats.pairs import MOST_BOOTSTRAP_WORK
from analysis.stats.robustness import is_accuracy
from analysis.tables.measure import Measure
from analysis.tables.page import PlainTable, Section
from analysis.tables.wording import value_text

MOST_LINES = 200
"""The number of comparisons in a section: those with the smallest p. The frame has all."""

HEADER = ("first − second", "n", "mean", "sd", "t (df)", "p", "p (Holm)", "95 % t interval")
LAST_HEADER = ("95 % bootstrap interval", "minimum detectable", "better mean", "note")


def pair_sections(
    pairs: pd.DataFrame, prefix: str, measure: Measure, rows: str
) -> Iterator[Section]:
    """The sections of one part: comparisons over all rows, then at each row."""
    titles = {
        ALL_ROWS: f"{prefix}paired differences over all {rows}",
        ONE_ROW: f"{prefix}paired differences at each {rows}",
    }
    for scope, title in titles.items():
        chosen = pairs[pairs["scope"] == scope]
        if chosen.empty:
            yield Section(title=title, before=("There are no two columns to compare.",))
        else:
            yield pair_section(chosen, title, measure, rows, scope)


def pair_section(
    pairs: pd.DataFrame, title: str, measure: Measure, rows: str, scope: str
) -> Section:
    """One family of comparisons."""
    listed = pairs.sort_values("p", kind="stable").head(MOST_LINES).sort_index()
    records: list[dict[str, Any]] = listed.to_dict("records")  # type: ignore[assignment]
    at_row = scope == ONE_ROW
    table = PlainTable(
        header=((rows,) if at_row else ()) + HEADER + LAST_HEADER,
        rows=tuple(line_of(record, measure, at_row) for record in records),
        names=1 + at_row,
        notes=2,
    )
    tests = int(pairs["tests"].iloc[0])
    powers = fewest_and_most(int(n) for n in pairs["n"] if n > 0)
    return Section(
        title=title,
        before=tuple(explanation(measure, rows, scope, tests)),
        table=table,
        after=(
            *cuts(pairs, len(records)),
            *(paired_power(n, tests) for n in powers),
            "minimum detectable: the true difference detected with 80 % power at Holm's first step "
            "if the deviation is the observed one.",
        ),
    )


def explanation(measure: Measure, rows: str, scope: str, tests: int) -> Iterator[str]:
    """Notes on the compared values, their unit, and the family of tests."""
    unit = "percentage points" if is_accuracy(measure) else "the metric's units"
    of = "the values" if scope == ONE_ROW else f"the means over {rows}"
    yield (
        f"Differences of {of} of the {measure.label}, first minus second, per seed, in {unit}. "
        "n pairs: a seed without one of the two is omitted."
    )
    if scope == ALL_ROWS:
        yield (
            f"A seed counts if it has every {rows} that both columns have; if a cell of either "
            "diverged, there is no such mean."
        )
    family = f"all pairs at all {rows}" if scope == ONE_ROW else f"all pairs over all {rows}"
    yield f"Holm's family: {family}, {tests} {'test' if tests == 1 else 'tests'}."


def cuts(pairs: pd.DataFrame, listed: int) -> Iterator[str]:
    """Notes on omitted comparisons and intervals, and on those of which nothing is claimed."""
    if listed < len(pairs):
        yield f"Listed: the {listed} of {len(pairs)} comparisons with the smallest p."
    if any(TOO_MUCH_WORK in note for note in pairs["note"]):
        yield (
            "No bootstrap intervals here: comparisons × resamples would be more than "
            f"{MOST_BOOTSTRAP_WORK:,}."
        )
    if any(UNEQUAL in note for note in pairs["note"]):
        yield f"{UNEQUAL}: the column with more is better by chance, so nothing is claimed."


def line_of(record: dict[str, Any], measure: Measure, at_row: bool) -> tuple[str, ...]:
    """One comparison in words."""
    decimals = decimals_of(measure)
    t = number(record["t"], TWO)
    return (
        *((value_text(record["row"]),) if at_row else ()),
        f"{value_text(record['first'])} − {value_text(record['second'])}",
        f"{record['n']}/{record['seeds']}",
        number(record["mean"], decimals),
        number(record["sd"], decimals),
        t if t == "–" else f"{t} ({record['df']:.0f})",
        p_text(record["p"]),
        p_text(record["holm_p"]),
        interval(record["t_low"], record["t_high"], decimals),
        interval(record["bootstrap_low"], record["bootstrap_high"], decimals),
        number(record["findable"], decimals),
        "–" if record["better_side"] is None else value_text(record["better"]),
        record["note"],
    )
