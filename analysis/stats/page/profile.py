"""Performance profiles as a section: how often each column is fast, and how often it arrives."""

from math import inf

import pandas as pd

from adaloss.grid.tables.spec import TableSpec
from analysis.stats.profiles import profiles_of
from analysis.tables.measure import Measure
from analysis.tables.names import Names
from analysis.tables.page import PlainTable, Section

FACTORS = (1.0, 1.25, 1.5, 2.0)


def profile_section(
    frame: pd.DataFrame, spec: TableSpec, measure: Measure, names: Names
) -> Section:
    """In which share of the problems each column is within a factor of the fastest."""
    profiles = profiles_of(frame, spec, measure)
    problems = " × ".join(names.fields((spec.rows, *spec.per)))
    target = measure.reach.words if measure.reach else ""
    header = (
        "",
        "fastest",
        *(f"within {factor:g}×" for factor in FACTORS[1:]),
        "at all",
        "without trials",
    )
    lines = tuple(
        (
            names.alone(spec.columns, column),
            *(f"{100 * profiles.within(column, factor):.0f} %" for factor in FACTORS),
            f"{sum(ratio < inf for ratio in ratios)}/{profiles.problems}",
            str(profiles.lacking[column]),
        )
        for column, ratios in profiles.ratios.items()
    )
    return Section(
        title=f"performance profile: {measure.label} until {target}",
        before=(
            f"The share of {profiles.problems} problems ({problems}) in which a column needs at "
            "most so many times what the fastest needs: the median over seeds, where a diverged "
            "trial and one that never gets there count as infinite. A problem without a finished "
            f"trial counts as never. {profiles.unsolved} problems are solved by no column.",
        ),
        table=PlainTable(header=header, rows=lines),
    )
