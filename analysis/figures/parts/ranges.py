"""Bars over the panels of a figure: where along the axis each line is near its best."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from analysis.figures.parts.band import Band
from analysis.figures.parts.line_styles import LineStyle
from analysis.figures.parts.positions import positions_of
from analysis.stats.robustness import near_best, near_words, tolerance_of
from analysis.tables.cells import CellStatus
from analysis.tables.measure import Measure
from analysis.tables.tables import Table


@dataclass(frozen=True, kw_only=True)
class Range:
    """Where a line is near its best, from ``low`` to ``high``, as exponents of ten.

    ``first`` and ``last`` are the ends of the line's own values.
    """

    low: float
    high: float
    first: float
    last: float


def draw_ranges(
    panels: Sequence[Axes],
    tables: Sequence[Table],
    styles: Mapping[object, LineStyle],
    share: float,
) -> Iterator[str]:
    """Draw a bar for each line at the better edge of its panel; yield what to say of them.

    ``share`` is that of the panel's height for the bars. The range is that of
    :func:`analysis.stats.robustness.near_best`; an arrow marks an end of the line's values, beyond
    which it may go on. There is none where values have no order or no direction is better.
    """
    measure = tables[0].measure
    if measure.goal is None:
        return
    found = {
        (panel, column): ends
        for panel, table in enumerate(tables)
        for column in table.column_values
        if column in styles and (ends := near(table, column, measure)) is not None
    }
    if not found:
        return
    lines = list(styles)
    strip = Band(share=share, at_end=measure.goal == "maximize")
    strip.set_apart(panels)
    start = 1 - share if strip.at_end else 0.0
    for (panel, column), ends in found.items():
        height = start + share * (len(lines) - lines.index(column)) / (len(lines) + 1)
        draw_bar(panels[panel], ends, height, styles[column])
    yield (
        f"Bars: where the line's mean is near its best (within {near_words(measure)}); an arrow: "
        "at the end of the values, and perhaps beyond."
    )


def near(table: Table, column: object, measure: Measure) -> Range | None:
    """The range of the rows near the best of a column, among those that the sweep has of it."""
    positions = positions_of(table.row_values)
    if not positions.logarithmic or len(positions.values) < 2:
        return None
    # Where nothing was tried, nothing has fallen.
    tried = {
        place: cell.mean
        for place, value in zip(positions.along, positions.values, strict=True)
        if (cell := table.cells[value, column]).status is not CellStatus.UNDECLARED
    }
    known = np.array([[math.nan if mean is None else mean for mean in tried.values()]])
    known[~np.isfinite(known)] = math.nan
    if np.isnan(known).all():
        return None
    scores = -known if measure.goal == "minimize" else known
    tolerance = tolerance_of(np.nanmax(scores, axis=1), measure, None)
    places = list(tried)
    low, high = near_best(scores, np.array(places), tolerance)
    return Range(low=float(low[0]), high=float(high[0]), first=places[0], last=places[-1])


def draw_bar(axes: Axes, ends: Range, height: float, style: LineStyle) -> None:
    """Draw one bar at this share of the panel's height."""
    across = axes.get_xaxis_transform()
    numbers = [10**ends.low, 10**ends.high]
    heights = [height, height]
    axes.plot(
        numbers,
        heights,
        transform=across,
        color=style.colour,
        linewidth=2,
        solid_capstyle="butt",
    )
    middle = 10 ** ((ends.low + ends.high) / 2)
    axes.plot(
        [middle],
        [height],
        transform=across,
        color=style.colour,
        marker=style.marker,
        markersize=3.5,
        linestyle="none",
        zorder=4,
    )
    marks = ("<" if ends.low <= ends.first else "|", ">" if ends.high >= ends.last else "|")
    for number, mark in zip(numbers, marks, strict=True):
        axes.plot(
            [number],
            [height],
            transform=across,
            color=style.colour,
            marker=mark,
            markersize=3,
            linestyle="none",
            clip_on=False,
        )
