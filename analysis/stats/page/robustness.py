"""The robustness of each column as a section: a line per column."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from analysis.stats.frames.robustness import ABSENT, AREA, RANGE, WIDTH, WORST
from analysis.stats.page.wording import (
    TWO,
    decimals_of,
    fewest_and_most,
    interval_power,
    with_interval,
)
from analysis.stats.robustness import is_accuracy, near_words
from analysis.stats.samples import DIVERGED
from analysis.tables.measure import Measure
from analysis.tables.page import PlainTable, Section
from analysis.tables.wording import value_text

STATISTICS = (WORST, RANGE, AREA, WIDTH)


def robustness_section(
    robustness: pd.DataFrame, prefix: str, measure: Measure, rows: str, tolerance: float | None
) -> Section:
    """Worst case, range, area and width of every column over the rows."""
    title = f"{prefix}robustness over {rows}"
    if measure.goal is None:
        return Section(
            title=title, before=(f"{measure.metric} has no goal: neither direction is better.",)
        )
    if robustness.empty:
        return Section(title=title, before=(f"This needs rows that are positive numbers: {rows}.",))
    records: list[dict[str, Any]] = robustness.to_dict("records")  # type: ignore[assignment]
    size = len(STATISTICS)
    lines = [
        line_of(records[start : start + size], measure) for start in range(0, len(records), size)
    ]
    return Section(
        title=title,
        before=(*unevenness(robustness, rows), *explanation(measure, rows, tolerance)),
        table=PlainTable(header=("", *STATISTICS, "n", "notes"), rows=tuple(lines), notes=1),
        after=tuple(map(interval_power, fewest_and_most(n for n in robustness["n"] if n > 0))),
    )


def unevenness(robustness: pd.DataFrame, rows: str) -> Iterator[str]:
    """A warning if columns have different rows."""
    if any(ABSENT in note for note in robustness["note"]):
        yield (
            f"NOT OVER THE SAME ROWS: some columns lack some {rows} (see the "
            "notes). A missing cell cannot be a column's worst: compare with care."
        )


def line_of(records: Sequence[dict[str, Any]], measure: Measure) -> tuple[str, ...]:
    """One column's statistics with their 95 % intervals."""
    notes = [f"{record['statistic']}: {record['note']}" for record in records if record["note"]]
    texts = [statistic_text(record, measure) for record in records]
    return (value_text(records[0]["column"]), *texts, str(records[0]["n"]), "; ".join(notes))


def statistic_text(record: dict[str, Any], measure: Measure) -> str:
    """The value with its interval; a diverged worst case is a text."""
    if record["statistic"] == WORST and record["note"].startswith(DIVERGED):
        return str(record["note"]).partition(" at ")[0]
    decimals = TWO if record["statistic"] == WIDTH else decimals_of(measure)
    return with_interval(record["value"], record["low"], record["high"], decimals)


def explanation(measure: Measure, rows: str, tolerance: float | None) -> Iterator[str]:
    """The definitions of the statistics."""
    yield (
        "From cell means, with 95 % bootstrap intervals; n: the fewest seeds of a cell. worst: the "
        "worst cell (a diverged cell is worse than any number). range: best minus worst."
    )
    zero = "a diverged cell counts as 0 %" if is_accuracy(measure) else "none where a cell diverged"
    yield (
        f"area: the area under the metric against log10 {rows} over the decades it spans, so in "
        f"the metric's units; {zero}."
    )
    yield (
        f"width: the decades of {rows} around the best within {near_words(measure, tolerance)} of "
        "it, with straight lines between neighbours on the log axis; a diverged or missing "
        "neighbour ends it, and so does the end of the rows, beyond which it may be wider. It has "
        "no interval: no tried method has the right coverage."
    )
    yield (
        "If several cells are about equally bad, the worst of the means is on average worse "
        "than the worst true mean, and the range is too large; the intervals do not correct "
        "for it."
    )
