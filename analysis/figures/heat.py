"""The heat map: a table's means as colours, with their numbers."""

from collections.abc import Iterator, Sequence

import pandas as pd
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from adaloss.grid.tables.at import At
from adaloss.grid.tables.spec import NaIf
from adaloss.tasks.metric import Metric
from adaloss.tasks.task import Task
from analysis.figures.heat_cells import (
    GROUNDS,
    HATCH_GREY,
    CellSize,
    Colours,
    colours_of,
    column_ticks,
    draw_panel,
    row_names,
    words_of,
)
from analysis.figures.parts.axes import (
    Per,
    hide_inner_labels,
    in_default_style,
    is_partial,
    label_decades,
    label_part,
    number_of_seeds,
    shown_tables,
    tables_for,
)
from analysis.figures.parts.labels import lines_inches, metric_label, text_inches
from analysis.figures.parts.sheet import (
    PAGE_INCHES,
    SMALL_POINTS,
    TEXT_POINTS,
    Grid,
    add_key,
    new_sheet,
    panel_grid,
)
from analysis.figures.parts.ticks import tall
from analysis.tables.cells import Cell
from analysis.tables.names import NO_LABELS, Names
from analysis.tables.tables import Table

ROW_HEIGHT = 0.21
MOST_HEIGHT = 7.5
"""The largest height of a panel in inches."""
BAR_INCHES = 0.65


def heat_map(
    frame: pd.DataFrame,
    *,
    rows: str = "b0",
    columns: str = "optimizer",
    per: Per = "model",
    metric: str,
    at: At,
    title: str,
    na_if: NaIf = "any",
    decimals: int | None = None,
    width: float = PAGE_INCHES,
    names: Names = NO_LABELS,
    task: Task | None = None,
) -> Figure:
    """The metric's means as colours, ``rows`` × ``columns``, one panel per ``per``, one scale.

    Brighter is better (larger, where neither is better). Each mean is written with ``decimals``
    decimals, by default those of a table, and (k/n) if only k of n seeds have a value; diverged and
    failed cells are hatched, cells without a value are grey, and cells outside the sweep are blank.
    Losses, rates and ``b`` have a logarithmic scale if they span magnitudes. The figure is at most
    ``width`` inches wide. ``task`` has the goal of a program's metric.

    Raises:
        TableError: the fields or the metric do not exist, or a cell would mix trials that
            differ in more than the seed.
    """
    tables = tables_for(
        frame,
        rows=rows,
        columns=columns,
        per=per,
        metric=metric,
        at=at,
        na_if=na_if,
        title=title,
        names=names,
        task=task,
        decimals=decimals,
    )
    return draw(tables, title=title, width=width)


@in_default_style
def draw(tables: Sequence[Table], *, title: str, width: float) -> Figure:
    """Draw one panel per table, a colour bar to their right and the key below."""
    notes: list[str] = []
    tables = shown_tables(tables, notes)
    cells = [cell for table in tables for cell in table.cells.values()]
    if not cells:
        return new_sheet(width, 1, title)
    size, grid = layout(tables, width - BAR_INCHES)
    colours = colours_of(cells, tables[0].measure.about)
    height = sum(panel_heights(tables, grid, size))
    figure = new_sheet(grid.width + BAR_INCHES, height, title)
    draw_panels(figure, tables, grid, colours, size)
    notes.insert(0, number_note(cells, size, tables[0].measure.about))
    add_key(figure, ground_handles(cells), notes)
    return figure


def layout(tables: Sequence[Table], width: float) -> tuple[CellSize, Grid]:
    """The size of cells and the grid of panels within this width."""
    texts = [name for table in tables for name in row_names(table, table.row_values)]
    names = max(text_inches(name, TEXT_POINTS) for name in texts) + 0.3
    columns = max(len(table.column_values) for table in tables)
    rows = max(len(table.row_values) for table in tables)
    cells = [cell for table in tables for cell in table.cells.values()]
    decimals = tables[0].style.decimals
    needed = max(text_inches(words_of(cell, decimals), SMALL_POINTS) for cell in cells) + 0.08
    wanted = names + columns * max(needed, 0.3)
    grid = panel_grid(len(tables), width=width, wanted=wanted, reserved=BAR_INCHES)
    lines = 2 if has_counts(cells) else 1
    wanted_height = max(ROW_HEIGHT, lines_inches(lines, SMALL_POINTS) + 0.08, *map(tall, texts))
    height = min(wanted_height, MOST_HEIGHT / rows)
    cell_width = (grid.panel_width - names) / columns
    return CellSize(
        width=cell_width,
        height=height,
        decimals=decimals,
        has_room=cell_width >= needed - 0.05 and height >= lines_inches(lines, SMALL_POINTS),
    ), grid


def panel_heights(tables: Sequence[Table], grid: Grid, size: CellSize) -> Iterator[float]:
    """The height in inches of each row of panels, with titles and names."""
    for start in range(0, len(tables), grid.across):
        in_row = tables[start : start + grid.across]
        names = max(column_ticks(table, size).height for table in in_row)
        yield max(len(table.row_values) for table in in_row) * size.height + names + 0.5


def draw_panels(
    figure: Figure,
    tables: Sequence[Table],
    grid: Grid,
    colours: Colours,
    size: CellSize,
) -> None:
    """Draw the panels, and their colour bar if there is a mean."""
    panels = [figure.add_subplot(grid.rows, grid.across, index + 1) for index in range(len(tables))]
    for index, (axes, table) in enumerate(zip(panels, tables, strict=True)):
        draw_panel(axes, table, colours, size)
        label_part(axes, table, grid.panel_width)
        if index % grid.across and table.row_values == tables[index - 1].row_values:
            hide_inner_labels(axes)
    if colours.has_values:
        height = float(figure.get_size_inches()[1])
        bar = figure.colorbar(
            colours.mappable,
            ax=panels,
            shrink=min(1, 3 / height),
            aspect=25,
            fraction=0.05,
            pad=0.02,
        )
        bar.set_label(metric_label(tables[0].measure, 34), fontsize=TEXT_POINTS)
        if isinstance(colours.norm, LogNorm):
            label_decades(bar.ax.yaxis, *bar.ax.get_ylim())
        bar.ax.tick_params(labelsize=TEXT_POINTS, length=2.5, width=0.6)
        bar.outline.set_linewidth(0.6)


def has_counts(cells: Sequence[Cell]) -> bool:
    """Whether some mean is over fewer seeds than declared."""
    return any(map(is_partial, cells))


def ground_handles(cells: Sequence[Cell]) -> list[Patch]:
    """The key's entries for the kinds of cells without a mean that occur."""
    occurring = {cell.status for cell in cells}
    return [
        Patch(
            facecolor=ground.face,
            edgecolor=HATCH_GREY,
            hatch=ground.hatch,
            linewidth=0.4,
            label=ground.meaning,
        )
        for status, ground in GROUNDS.items()
        if status in occurring
    ]


def number_note(cells: Sequence[Cell], size: CellSize, metric: Metric) -> str:
    """Notes on the colours and numbers."""
    what = "Colours and numbers" if size.has_room else "Colours"
    better = "Bright: better." if metric.goal else "Bright: larger."
    words = [f"{what}: means over {number_of_seeds(cells)}.", better]
    if size.has_room and has_counts(cells):
        words.append("(k/n): only k of n seeds have a value.")
    if not size.has_room:
        words.append("The cells are too small to write their numbers in.")
    return " ".join(words)
