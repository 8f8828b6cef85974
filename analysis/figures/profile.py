"""Performance profiles: the share of problems solved within a factor of the fastest."""

from math import inf, isfinite

import pandas as pd
from matplotlib.figure import Figure

from adaloss.grid.tables.spec import TableSpec
from analysis.figures.parts.axes import (
    in_default_style,
    label_decades,
    line_handles,
    tidy,
)
from analysis.figures.parts.labels import literal
from analysis.figures.parts.line_styles import MAX_LINES, line_styles
from analysis.figures.parts.sheet import COLUMN_INCHES, PAGE_INCHES, TEXT_POINTS, add_key, new_sheet
from analysis.stats.profiles import Profiles, profiles_of
from analysis.tables.measure import Measure
from analysis.tables.names import NO_LABELS, Names

HEIGHT = 2.1
LEAST_REACH = 2.0
"""The axis goes at least to this factor."""


@in_default_style
def performance_profile(
    frame: pd.DataFrame,
    *,
    spec: TableSpec,
    measure: Measure,
    title: str,
    width: float = PAGE_INCHES,
    names: Names = NO_LABELS,
) -> Figure:
    """The profiles of :func:`analysis.stats.profiles.profiles_of`, a line per column.

    A line at (τ, share) says in which share of the problems the column needs at most τ times what
    the fastest column needs. Its left end is how often it is the fastest, its right end how often
    it reaches the target at all.
    """
    measure = measure.of(frame)
    profiles = profiles_of(frame, spec, measure)
    figure = new_sheet(min(width, 1.3 * COLUMN_INCHES), HEIGHT, title)
    axes = figure.add_subplot()
    styles = line_styles(tuple(profiles.ratios)[:MAX_LINES])
    finite = [ratio for found in profiles.ratios.values() for ratio in found if isfinite(ratio)]
    most = max(LEAST_REACH, 1.05 * max(finite, default=1.0))
    axes.set_xscale("log")
    for column, style in reversed(styles.items()):
        solved = [ratio for ratio in profiles.ratios[column] if ratio < inf]
        steps = [1.0, *solved, most]
        shares = [profiles.within(column, factor) for factor in steps]
        axes.step(
            steps,
            shares,
            where="post",
            color=style.colour,
            linestyle=style.dashes,
            marker=style.marker,
            markersize=3,
            linewidth=1.1,
            clip_on=False,
        )
    axes.set_xlim(1, most)
    axes.set_ylim(0, 1.03)
    label_decades(axes.xaxis, 1, most)
    label = literal(f"τ: {measure.label} / those of the fastest")
    axes.set_xlabel(label, fontsize=TEXT_POINTS)
    axes.set_ylabel("share of problems", fontsize=TEXT_POINTS)
    tidy(axes)
    notes = notes_of(profiles, spec, measure, names)
    add_key(figure, line_handles(spec.columns, styles, names), notes)
    return figure


def notes_of(profiles: Profiles, spec: TableSpec, measure: Measure, names: Names) -> list[str]:
    """What a problem is, and what is not shown."""
    over, column = " × ".join(names.fields((spec.rows, *spec.per))), names.field(spec.columns)
    target = measure.reach.words if measure.reach else ""
    notes = [
        f"The share of {profiles.problems} problems ({over}) with {target} within τ times the "
        f"{measure.label} of the fastest {column}: median over seeds, never where diverged."
    ]
    if profiles.unsolved:
        notes.append(f"No {column} reaches it in {profiles.unsolved}.")
    if lacking := sum(map(bool, profiles.lacking.values())):
        notes.append(f"Cells without a finished trial, of {lacking} lines, count as never.")
    if len(profiles.ratios) > MAX_LINES:
        notes.append(f"The first {MAX_LINES} of {len(profiles.ratios)} are shown.")
    return notes
