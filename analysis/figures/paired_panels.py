"""The panels of the paired differences: seeds, means with intervals, and crosses in the band."""

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from analysis.figures.pairs import Comparison, Pairs
from analysis.figures.parts.axes import CROSS, set_positions, tidy
from analysis.figures.parts.band import Band
from analysis.figures.parts.labels import broken, literal, metric_label, text_inches
from analysis.figures.parts.line_styles import LineStyle
from analysis.figures.parts.positions import positions_of
from analysis.figures.parts.sheet import SMALL_POINTS, TEXT_POINTS
from analysis.figures.parts.ticks import Ticks

RASTER_POINTS = 2000
"""With at least this many points of a line, a vector file contains them as a picture."""
NO_PAIRS = Pairs(differences=(), expected=0)


def draw_panel(
    axes: Axes,
    comparison: Comparison,
    ticks: Ticks,
    styles: Mapping[object, LineStyle],
    has_room: bool,
    band: Band,
) -> None:
    """Draw one part's differences around the zero line, with numbers of seeds if they fit."""
    table = comparison.table
    positions = positions_of(table.row_values)
    set_positions(axes, positions, ticks)
    axes.axhline(0, color="black", linewidth=0.8, zorder=1)
    others = [v for v in table.column_values if v in styles and v != comparison.baseline]
    step = min(0.16, 0.8 / max(1, len(others)))
    for index, column in enumerate(others):
        style = styles[column]
        shift = (index - (len(others) - 1) / 2) * step
        at = positions.shifted(shift)
        rows = [comparison.pairs.get((row, column), NO_PAIRS) for row in positions.values]
        # Next to the mark, which would hide them.
        draw_seeds(axes, positions.shifted(shift + 0.3 * step), rows, style)
        draw_means(axes, at, rows, style)
        if has_room:
            write_counts(axes, at, rows, style)
        beyond = [x for x, pairs in zip(at, rows, strict=True) if pairs.beyond]
        draw_crosses(axes, beyond, band.middle, style)
    # The baseline has no marks; its crosses are to the left of the others.
    shifted = zip(positions.shifted(-(len(others) + 1) / 2 * step), positions.values, strict=True)
    beyond = [x for x, row in shifted if comparison.baseline_beyond.get(row)]
    draw_crosses(axes, beyond, band.middle, styles[comparison.baseline])
    axes.set_xlabel(literal(table.row_name), fontsize=TEXT_POINTS)
    axes.set_ylabel(difference_label(comparison), fontsize=TEXT_POINTS)
    axes.margins(y=0.14)
    tidy(axes)


def draw_seeds(axes: Axes, at: Sequence[float], rows: Sequence[Pairs], style: LineStyle) -> None:
    """Draw a small point for every pair of each row with several pairs."""
    several = [(x, p) for x, p in zip(at, rows, strict=True) if len(p.differences) > 1]
    points = [(x, difference) for x, pairs in several for difference in pairs.differences]
    axes.plot(
        [x for x, _ in points],
        [difference for _, difference in points],
        linestyle="none",
        marker="o",
        markersize=1.6,
        markeredgewidth=0,
        color=style.colour,
        rasterized=len(points) > RASTER_POINTS,
    )


def draw_means(axes: Axes, at: Sequence[float], rows: Sequence[Pairs], style: LineStyle) -> None:
    """The mean of each row with its interval."""
    axes.errorbar(
        at,
        [pairs.mean for pairs in rows],
        yerr=[0.0 if math.isnan(pairs.half_width) else pairs.half_width for pairs in rows],
        linestyle="none",
        color=style.colour,
        marker=style.marker,
        markersize=3.5,
        elinewidth=1.4,
        zorder=3,
    )


def write_counts(axes: Axes, at: Sequence[float], rows: Sequence[Pairs], style: LineStyle) -> None:
    """Write the number of seeds above a mean if some are missing."""
    for x, pairs in zip(at, rows, strict=True):
        if pairs.is_partial:
            half = 0.0 if math.isnan(pairs.half_width) else pairs.half_width
            axes.annotate(
                str(len(pairs.differences)),
                (x, max(*pairs.differences, pairs.mean + half)),
                (0, 2),
                textcoords="offset points",
                fontsize=SMALL_POINTS,
                color=style.colour,
                ha="center",
                va="bottom",
            )


def counts_have_room(comparisons: Sequence[Comparison], lines: int, inches: float) -> bool:
    """Whether numbers of seeds fit above the marks of this many lines."""
    rows = max(len(comparison.table.row_values) for comparison in comparisons)
    partial = [p for comparison in comparisons for p in comparison.pairs.values() if p.is_partial]
    widest = max((text_inches(str(len(p.differences)), SMALL_POINTS) for p in partial), default=0)
    # The marks of a row use eight tenths of its space.
    return widest * rows * lines <= 0.8 * inches


def draw_crosses(axes: Axes, at: Sequence[float], height: float, style: LineStyle) -> None:
    """Draw a × at each place, at a share of the panel's height."""
    axes.plot(
        at,
        [height] * len(at),
        transform=axes.get_xaxis_transform(),
        color=style.colour,
        **CROSS,
    )


def difference_label(comparison: Comparison) -> str:
    """The label of the axis: the metric with its unit, and which direction is better."""
    table, name = comparison.table, literal(comparison.baseline_name)
    what = metric_label(table.measure, 28).replace("(%)", "(percentage points)")
    goal = table.measure.goal
    higher = f"higher: better than {name}"
    if goal != "maximize":
        higher = f"lower: better than {name}" if goal else f"above zero: larger than for {name}"
    return "\n".join((what, broken(f"minus that of {name};", 34), broken(higher, 34)))
