"""A metric against b0: a line per optimizer, with marks for divergence."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from adaloss.grid.tables.at import At
from adaloss.grid.tables.spec import NaIf, Spread
from adaloss.tasks.task import Task
from analysis.figures.parts.axes import (
    CROSS,
    GREY,
    Per,
    cross_handle,
    hide_inner_labels,
    in_default_style,
    is_logarithmic,
    is_partial,
    label_decades,
    label_part,
    line_handles,
    number_of_seeds,
    position_ticks,
    set_positions,
    shown_columns,
    shown_tables,
    tables_for,
    tidy,
)
from analysis.figures.parts.band import Band, band_for
from analysis.figures.parts.labels import literal, metric_label
from analysis.figures.parts.line_styles import LineStyle, line_styles
from analysis.figures.parts.positions import positions_of
from analysis.figures.parts.sheet import (
    MAX_PANELS,
    PAGE_INCHES,
    TEXT_POINTS,
    Grid,
    add_key,
    new_sheet,
    panel_grid,
)
from analysis.figures.parts.ticks import Ticks
from analysis.tables.cells import Cell, beyond_words
from analysis.tables.names import NO_LABELS, Names
from analysis.tables.tables import Table

PANEL_HEIGHT = 1.85
BAR_INCHES = 0.07
"""The height of the bar of one line's range."""
BAND_SHARE = 0.11
"""The share of a panel's height for the band of diverged cells."""
# The space along the axis, in inches, that keeps the points of a row apart.
ROW_INCHES = 0.22
MARKER_SIZE = 3.5
SPREAD_WORDS: Mapping[Spread, str] = {
    "std": "mean ± standard deviation",
    "sem": "mean ± standard error",
    "ci95": "mean with its 95 % confidence interval (Student's t)",
}

# The shift between lines, as a share of the distance to the next value: large enough to separate
# points, too small to look like a difference.
ASIDE = 0.045


def accuracy_against(
    frame: pd.DataFrame,
    *,
    x: str = "b0",
    line: str = "optimizer",
    per: Per = "model",
    metric: str,
    at: At,
    title: str,
    na_if: NaIf = "any",
    spread: Spread = "std",
    ranges: bool = False,
    width: float = PAGE_INCHES,
    names: Names = NO_LABELS,
    task: Task | None = None,
) -> Figure:
    """The metric's mean and spread against ``x``, one line per ``line``, one panel per ``per``.

    It draws what :func:`analysis.tables.tables.compile_tables` would tabulate: the means of its
    cells with their spread where n ≥ 2, a × in a band at the worse edge for N/A and for a target
    that is not always reached, a gap for a cell without a value and a hollow marker for a mean over
    fewer seeds than declared. Positive values of ``x`` have a logarithmic axis, other values stand
    side by side. Losses, rates and ``b`` have a logarithmic scale if they span magnitudes. With
    ``ranges``, a bar for each line spans the values of ``x`` near its best. The figure is at most
    ``width`` inches wide. ``task`` has the goal of a program's metric.

    Raises:
        TableError: the fields or the metric do not exist, or a cell would mix trials that
            differ in more than the seed.
    """
    tables = tables_for(
        frame,
        rows=x,
        columns=line,
        per=per,
        metric=metric,
        at=at,
        na_if=na_if,
        title=title,
        names=names,
        task=task,
    )
    return draw(tables, title=title, spread=spread, width=width, ranges=ranges)


@in_default_style
def draw(
    tables: Sequence[Table],
    *,
    title: str,
    spread: Spread,
    width: float,
    ranges: bool,
    most_across: int = MAX_PANELS,
    more_notes: Sequence[str] = (),
) -> Figure:
    """One panel per table under a common title, over a common key."""
    notes: list[str] = list(more_notes)
    styles = line_styles(shown_columns(tables, notes))
    tables = shown_tables(tables, notes)
    most_rows = max((len(table.row_values) for table in tables), default=0)
    wanted = ROW_INCHES * most_rows
    grid = panel_grid(len(tables), width=width, wanted=wanted, most=most_across)
    ticks = [position_ticks(t, positions_of(t.row_values), grid.panel_width - 0.5) for t in tables]
    below = max((tick.height for tick in ticks), default=0.0)
    bars = BAR_INCHES * (len(styles) + 1) if ranges else 0.0
    figure = new_sheet(grid.width, grid.rows * (PANEL_HEIGHT + bars + below), title)
    panels = draw_panels(figure, tables, ticks, grid, styles, spread)
    if ranges and tables:
        # Other figures do without scipy, whose import takes a quarter of a second.
        from analysis.figures.parts.ranges import draw_ranges

        notes += draw_ranges(panels, tables, styles, bars / (PANEL_HEIGHT + bars))
    set_diverged_apart(panels, tables, styles, named=panels[:: grid.across])
    cells = [cell for t in tables for (_, column), cell in t.cells.items() if column in styles]
    if cells:
        what = SPREAD_WORDS[spread] if any(cell.expected > 1 for cell in cells) else "value"
        notes.insert(0, f"Points: {what} over {number_of_seeds(cells)}.")
        if len(styles) > 1:
            notes.insert(1, "Each line is shifted a little sideways.")
        first = tables[0]
        lines = line_handles(first.column_field, styles, first.names)
        add_key(figure, [*lines, *mark_handles(cells)], notes)
    return figure


def draw_panels(
    figure: Figure,
    tables: Sequence[Table],
    ticks: Sequence[Ticks],
    grid: Grid,
    styles: Mapping[object, LineStyle],
    spread: Spread,
) -> list[Axes]:
    """The panels on a common scale; inner panels have no labels of their own."""
    panels: list[Axes] = []
    if not tables:
        return panels
    band = band_for(tables[0].measure.about, BAND_SHARE)
    for index, (table, tick) in enumerate(zip(tables, ticks, strict=True)):
        shared = panels[0] if panels else None
        axes = figure.add_subplot(grid.rows, grid.across, index + 1, sharey=shared)
        panels.append(axes)
        draw_panel(axes, table, tick, styles, spread, band)
        label_part(axes, table, grid.panel_width)
        if index % grid.across:
            hide_inner_labels(axes)
    scale_means(panels[0], tables)
    return panels


def scale_means(first: Axes, tables: Sequence[Table]) -> None:
    """Set the scale that all panels share with the first."""
    means = [
        cell.mean for table in tables for cell in table.cells.values() if cell.mean is not None
    ]
    if not means:
        first.set_yticks([])
    if is_logarithmic(tables[0].measure.about, means):
        first.set_yscale("log")
        label_decades(first.yaxis, *first.get_ylim())


def set_diverged_apart(
    panels: Sequence[Axes],
    tables: Sequence[Table],
    styles: Mapping[object, LineStyle],
    *,
    named: Sequence[Axes],
) -> None:
    """Add the band if a cell is worse than any number."""
    cells = [cell for t in tables for (_, column), cell in t.cells.items() if column in styles]
    if label := beyond_words(cells):
        band = band_for(tables[0].measure.about, BAND_SHARE)
        band.set_apart(panels, named=named, label=label.replace(" or ", "\nor "))


def draw_panel(
    axes: Axes,
    table: Table,
    ticks: Ticks,
    styles: Mapping[object, LineStyle],
    spread: Spread,
    band: Band,
) -> None:
    """Draw one table's lines on its axes."""
    positions = positions_of(table.row_values)
    set_positions(axes, positions, ticks)
    columns = [column for column in table.column_values if column in styles]
    count = len(columns)
    # The first line is drawn last, to be on top.
    for index, column in reversed(list(enumerate(columns))):
        at = positions.shifted((index - (count - 1) / 2) * min(ASIDE, 0.3 / count))
        cells = [table.cells[value, column] for value in positions.values]
        draw_means(axes, at, cells, styles[column], spread)
        draw_crosses(axes, at, cells, styles[column], band.middle)
    axes.set_xlabel(literal(table.row_name), fontsize=TEXT_POINTS)
    axes.set_ylabel(metric_label(table.measure, 26), fontsize=TEXT_POINTS)
    axes.margins(y=0.12)
    tidy(axes)


def draw_means(
    axes: Axes,
    at: Sequence[float],
    cells: Sequence[Cell],
    style: LineStyle,
    spread: Spread,
    *,
    joined: bool = True,
) -> None:
    """Draw the spread of each mean; a line joins them, with a gap at each cell without a value."""
    means = [math.nan if cell.mean is None else cell.mean for cell in cells]
    spreads = [cell.spread(spread) or 0.0 for cell in cells]
    look: dict[str, Any] = {
        "color": style.colour,
        "marker": style.marker,
        "markersize": MARKER_SIZE,
    }
    axes.errorbar(
        at,
        means,
        yerr=spreads,
        linewidth=1.1,
        linestyle=style.dashes if joined else "none",
        elinewidth=0.8,
        capsize=1.5,
        **look,
    )
    partial = [
        mean if is_partial(cell) else math.nan for mean, cell in zip(means, cells, strict=True)
    ]
    axes.plot(at, partial, linestyle="none", markerfacecolor="white", zorder=3, **look)


def draw_crosses(
    axes: Axes, at: Sequence[float], cells: Sequence[Cell], style: LineStyle, height: float
) -> None:
    """Draw a × at this share of the panel's height for every cell worse than any number."""
    beyond = [place for place, cell in zip(at, cells, strict=True) if cell.is_beyond]
    axes.plot(
        beyond,
        [height] * len(beyond),
        transform=axes.get_xaxis_transform(),
        color=style.colour,
        **CROSS,
    )


def mark_handles(cells: Sequence[Cell]) -> list[Line2D]:
    """The key's entries for the marks that occur."""
    handles = []
    if any(map(is_partial, cells)):
        hollow: dict[str, Any] = {
            "marker": "o",
            "markerfacecolor": "white",
            "markersize": 4,
            "linestyle": "none",
        }
        handles.append(Line2D([], [], color=GREY, label="fewer seeds than declared", **hollow))
    if label := beyond_words(cells):
        handles.append(cross_handle(label))
    return handles
