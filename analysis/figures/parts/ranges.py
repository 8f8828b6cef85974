"""Bars over the panels of a figure: where along the axis each line is near its best."""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from analysis.figures.parts.band import Band
from analysis.figures.parts.line_styles import LineStyle
from analysis.figures.parts.positions import Positions, positions_of
from analysis.stats.robustness import near_best, near_words, tolerance_of
from analysis.tables.measure import Measure
from analysis.tables.tables import Table


def draw_ranges(
    panels: Sequence[Axes],
    tables: Sequence[Table],
    styles: Mapping[object, LineStyle],
    share: float,
) -> Iterator[str]:
    """Draw a bar for each line at the better edge of its panel; yield what to say of them.

    ``share`` is that of the panel's height for the bars. The range is that of
    :func:`analysis.stats.robustness.near_best`; an arrow marks an end of the axis, beyond which it
    may go on. There is none where values have no order or no direction is better.
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
    for (panel, column), (low, high) in found.items():
        height = start + share * (len(lines) - lines.index(column)) / (len(lines) + 1)
        positions = positions_of(tables[panel].row_values)
        draw_bar(panels[panel], (low, high), positions, height, styles[column])
    yield (
        f"Bars: where the line's mean is near its best (within {near_words(measure)}); an arrow: "
        "at the end of the values, and perhaps beyond."
    )


def near(table: Table, column: object, measure: Measure) -> tuple[float, float] | None:
    """The ends, as exponents of ten, of the values of the rows near the best of a column."""
    positions = positions_of(table.row_values)
    if not positions.logarithmic or len(positions.values) < 2:
        return None
    means = [table.cells[value, column].mean for value in positions.values]
    known = np.array([[math.nan if mean is None else mean for mean in means]])
    known[~np.isfinite(known)] = math.nan
    if np.isnan(known).all():
        return None
    scores = -known if measure.goal == "minimize" else known
    tolerance = tolerance_of(np.nanmax(scores, axis=1), measure, None)
    low, high = near_best(scores, np.array(positions.along), tolerance)
    return float(low[0]), float(high[0])


def draw_bar(
    axes: Axes,
    ends: tuple[float, float],
    positions: Positions,
    height: float,
    style: LineStyle,
) -> None:
    """Draw one bar at this share of the panel's height."""
    across = axes.get_xaxis_transform()
    numbers = [10**end for end in ends]
    heights = [height, height]
    axes.plot(
        numbers,
        heights,
        transform=across,
        color=style.colour,
        linewidth=2,
        solid_capstyle="butt",
    )
    middle = 10 ** (sum(ends) / 2)
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
    first, last = positions.along[0], positions.along[-1]
    marks = ("<" if ends[0] <= first else "|", ">" if ends[1] >= last else "|")
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
