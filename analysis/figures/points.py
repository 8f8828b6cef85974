"""A metric at the points of a search, against each of their parameters."""

from collections.abc import Mapping, Sequence
from math import inf

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from adaloss.grid.points.forms import is_number
from adaloss.grid.tables.at import At
from adaloss.grid.tables.spec import NaIf, Spread
from adaloss.tasks.program.fields import POINT
from adaloss.tasks.program.points import Point
from adaloss.tasks.task import Task
from analysis.figures.against import (
    BAND_SHARE,
    PANEL_HEIGHT,
    SPREAD_WORDS,
    draw_crosses,
    draw_means,
    mark_handles,
    scale_means,
    set_diverged_apart,
)
from analysis.figures.parts.axes import (
    Per,
    hide_inner_labels,
    in_default_style,
    label_decades,
    label_part,
    line_handles,
    number_of_seeds,
    shown_columns,
    tables_for,
    tidy,
)
from analysis.figures.parts.band import band_for
from analysis.figures.parts.labels import literal, metric_label
from analysis.figures.parts.line_styles import LineStyle, line_styles
from analysis.figures.parts.sheet import (
    MAX_PANELS,
    PAGE_INCHES,
    TEXT_POINTS,
    add_key,
    new_sheet,
    panel_grid,
)
from analysis.tables.names import NO_LABELS, Names
from analysis.tables.tables import Table

FEW = 6
"""So many different numbers are the ticks of their axis."""
MANY_TIMES = 20
"""Positive numbers that span this factor have a logarithmic axis."""
PANEL_INCHES = 2.2

Panel = tuple[Table, str]
"""A table and the parameter of its points that is the axis."""


def metric_at_points(
    frame: pd.DataFrame,
    *,
    line: str = "program",
    per: Per = (),
    metric: str,
    at: At,
    title: str,
    na_if: NaIf = "any",
    spread: Spread = "std",
    width: float = PAGE_INCHES,
    names: Names = NO_LABELS,
    task: Task | None = None,
) -> Figure:
    """The metric's mean and spread at each point, a panel per parameter and value of ``per``.

    The points are not joined, because those with neighbouring values of one parameter differ in
    the others. A × in a band at the worse edge is a point that diverged or did not always reach its
    target. Numbers are on an axis, names stand side by side. The figure is at most ``width`` inches
    wide. ``task`` has the goal of a program's metric.

    Raises:
        TableError: the fields or the metric do not exist.
    """
    tables = tables_for(
        frame,
        rows=POINT,
        columns=line,
        per=per,
        metric=metric,
        at=at,
        na_if=na_if,
        title=title,
        names=names,
        task=task,
    )
    panels = [(table, name) for table in tables for name in parameters_of(table)]
    return draw(panels, title=title, spread=spread, width=width)


def parameters_of(table: Table) -> list[str]:
    """The parameters of the points of a table."""
    return list(dict.fromkeys(name for point in points_in(table) for name in point))


def points_in(table: Table) -> list[Mapping[str, object]]:
    """The values of each point by parameter."""
    points: Sequence[Point] = table.row_values  # type: ignore[assignment]
    return [dict(point) for point in points]


@in_default_style
def draw(panels: Sequence[Panel], *, title: str, spread: Spread, width: float) -> Figure:
    """The panels on a common scale, under a common title and over a common key."""
    notes: list[str] = []
    if len(panels) > MAX_PANELS:
        notes.append(f"The first {MAX_PANELS} of {len(panels)} panels.")
    panels = panels[:MAX_PANELS]
    tables = list({id(table): table for table, _ in panels}.values())
    styles = line_styles(shown_columns(tables, notes))
    grid = panel_grid(len(panels), width=width, wanted=PANEL_INCHES)
    figure = new_sheet(grid.width, grid.rows * (PANEL_HEIGHT + 0.2), title)
    drawn: list[Axes] = []
    for index, panel in enumerate(panels):
        shared = drawn[0] if drawn else None
        axes = figure.add_subplot(grid.rows, grid.across, index + 1, sharey=shared)
        drawn.append(axes)
        draw_panel(axes, panel, styles, spread)
        label_part(axes, panel[0], grid.panel_width)
        if index % grid.across:
            hide_inner_labels(axes)
    cells = [cell for t in tables for (_, column), cell in t.cells.items() if column in styles]
    if cells:
        scale_means(drawn[0], tables)
        set_diverged_apart(drawn, tables, styles, named=drawn[:: grid.across])
        what = SPREAD_WORDS[spread] if any(cell.expected > 1 for cell in cells) else "value"
        notes.insert(0, f"Points: {what} over {number_of_seeds(cells)}.")
        first = tables[0]
        lines = line_handles(first.column_field, styles, first.names) if len(styles) > 1 else []
        add_key(figure, [*lines, *mark_handles(cells)], notes)
    return figure


def draw_panel(
    axes: Axes, panel: Panel, styles: Mapping[object, LineStyle], spread: Spread
) -> None:
    """Draw the points of a table against one of their parameters."""
    table, name = panel
    values = [point.get(name) for point in points_in(table)]
    places = set_axis(axes, name, values, table.names)
    band = band_for(table.measure.about, BAND_SHARE)
    for column in (column for column in table.column_values if column in styles):
        cells = [table.cells[row, column] for row in table.row_values]
        draw_means(axes, places, cells, styles[column], spread, joined=False)
        draw_crosses(axes, places, cells, styles[column], band.middle)
    axes.set_xlabel(literal(table.names.field(name)), fontsize=TEXT_POINTS)
    axes.set_ylabel(metric_label(table.measure, 26), fontsize=TEXT_POINTS)
    axes.margins(y=0.12)
    tidy(axes)


def set_axis(axes: Axes, field: str, values: Sequence[object], names: Names) -> list[float]:
    """Scale the horizontal axis for these values of a field; the place of each."""
    numbers = [v for v in values if isinstance(v, int | float) and is_number(v) and abs(v) < inf]
    if len(numbers) < len(values):
        texts = [names.text(field, value) for value in values]
        named = list(dict.fromkeys(texts))
        axes.set_xticks(range(len(named)), [literal(text) for text in named])
        axes.set_xlim(-0.5, len(named) - 0.5)
        return [float(named.index(text)) for text in texts]
    low, high = min(numbers), max(numbers)
    if low > 0 and high >= MANY_TIMES * low:
        axes.set_xscale("log")
        margin = (high / low) ** 0.06
        axes.set_xlim(low / margin, high * margin)
        label_decades(axes.xaxis, low / margin, high * margin)
    elif len(distinct := sorted(set(numbers))) <= FEW:
        axes.set_xticks(distinct, list(map(literal, names.along(field, distinct))))
    return numbers
