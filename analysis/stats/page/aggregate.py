"""The interquartile means and the probabilities of improvement as sections."""

from typing import Any

import pandas as pd

from analysis.stats.page.wording import (
    TWO,
    decimals_of,
    fewest_and_most,
    improvement_power,
    interval,
    interval_power,
    no_goal,
    number,
)
from analysis.tables.measure import Measure
from analysis.tables.page import PlainTable, Section
from analysis.tables.wording import value_text


def aggregate_section(aggregate: pd.DataFrame, prefix: str, measure: Measure, rows: str) -> Section:
    """The interquartile mean of every column."""
    records: list[dict[str, Any]] = aggregate.to_dict("records")  # type: ignore[assignment]
    lines = tuple(
        (
            value_text(record["column"]),
            "N/A" if pd.isna(record["iqm"]) else number(record["iqm"], decimals_of(measure)),
            interval(record["low"], record["high"], decimals_of(measure)),
            f"{record['trials']}/{record['declared']}",
            str(record["diverged"]),
            str(record["n"]),
            record["note"],
        )
        for record in records
    )
    header = ("", "IQM", "95 % bootstrap interval", "trials", "diverged", "seeds", "note")
    return Section(
        title=f"{prefix}interquartile mean over {rows} and seeds",
        before=(
            "The mean of the middle half of all finished trials. A diverged trial counts as worse "
            "than any complete one. trials: finished of declared; columns that lack trials of some "
            f"{rows} are not of the same mix.",
        ),
        table=PlainTable(header=header, rows=lines, notes=1),
        after=tuple(map(interval_power, fewest_and_most(n for n in aggregate["n"] if n > 0))),
    )


def improvement_section(
    improvement: pd.DataFrame, prefix: str, measure: Measure, rows: str
) -> Section:
    """The probability of improvement of every pair of columns."""
    title = f"{prefix}probability of improvement"
    if improvement.empty:
        neither = no_goal(measure)
        alone = "There are no two columns to compare."
        return Section(title=title, before=(neither if measure.goal is None else alone,))
    records: list[dict[str, Any]] = improvement.to_dict("records")  # type: ignore[assignment]
    lines = tuple(
        (
            f"{value_text(record['first'])} > {value_text(record['second'])}",
            number(record["probability"], TWO),
            interval(record["low"], record["high"], TWO),
            str(record["rows"]),
            str(record["n"]),
            record["note"],
        )
        for record in records
    )
    header = ("first > second", "P", "95 % interval", rows, "seeds", "note")
    return Section(
        title=title,
        before=(
            "The probability that a trial of the first is better than one of the second "
            f"(Mann-Whitney; ties count one half), averaged over the {rows} with trials of both, "
            "with a jackknife interval over seeds. seeds: the fewest of a cell.",
        ),
        table=PlainTable(header=header, rows=lines, notes=1),
        after=tuple(map(improvement_power, fewest_and_most(n for n in improvement["n"] if n > 0))),
    )
