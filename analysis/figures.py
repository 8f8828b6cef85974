"""The figure: a metric against b0, a line per optimizer, what diverged marked where it did."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import matplotlib as mpl
import matplotlib.style
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from adaloss.store import replacing
from adaloss.table_spec import At, NaIf, TableSpec
from adaloss.user_error import UserError
from analysis.caption import over_seeds
from analysis.cells import Cell, CellStatus
from analysis.line_styles import OPTIMIZER_LABELS, LineStyle, line_styles
from analysis.measure import METRIC_LABELS
from analysis.places import places_of
from analysis.tables import Table, compile_tables
from analysis.wording import value_text

PANEL_INCHES = (3.4, 2.6)
PANELS_PER_ROW = 3
TITLE_WIDTH = 42
MARKER_SIZE = 4.5
GREY = "#666666"
HOLLOW: dict[str, Any] = {
    "marker": "o",
    "markerfacecolor": "white",
    "linestyle": "none",
    "color": GREY,
}
CROSS: dict[str, Any] = {
    "marker": "x",
    "linestyle": "none",
    "markersize": 5.5,
    "markeredgewidth": 1.6,
}

# What would make the same figure a different file: versions and the time of day.
UNDATED: dict[str, dict[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Creator": None, "Date": None},
    ".pdf": {"Creator": None, "Producer": None, "CreationDate": None},
}
# Journals refuse Type 3 fonts; without a salt of ours an SVG's ids are random.
SAVE_SETTINGS = {"pdf.fonttype": 42, "svg.hashsalt": "adaloss-sweep", "savefig.dpi": 200}


def accuracy_against(
    frame: pd.DataFrame,
    *,
    x: str = "b0",
    line: str = "optimizer",
    per: str | None = "model",
    metric: str,
    at: At,
    title: str,
    na_if: NaIf = "any",
) -> Figure:
    """The metric's mean and spread against ``x``, one line per ``line``, one panel per ``per``.

    It draws what :func:`analysis.tables.compile_tables` would tabulate: the means of its cells with
    ±std where n ≥ 2, a × at the bottom for N/A, a gap for a cell without a value and a hollow
    marker for a mean over fewer seeds than declared. Positive numbers go on a logarithmic axis,
    anything else side by side.

    Raises:
        TableError: the fields or the metric do not exist, or a cell would mix trials that
            differ in more than the seed.
    """
    spec = TableSpec(rows=x, columns=line, per=per, na_if=na_if)
    tables = compile_tables(frame, [spec], metric=metric, at=at, goal="maximize", sweep_name=title)
    # Not the settings of whoever runs this: text.usetex alone would break on every underscore.
    with mpl.style.context("default"):
        return draw(tables, title=title)


def save_figure(figure: Figure, path: Path) -> None:
    """Write the figure in the format of the path's suffix; the same figure is the same bytes.

    Raises:
        UserError: the suffix is not that of a format.
    """
    if path.suffix not in UNDATED:
        raise UserError(f"{path}: a figure's name must end in {', '.join(UNDATED)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        mpl.style.context(["default", SAVE_SETTINGS]),
        replacing(path, durable=False) as temporary,
    ):
        figure.savefig(temporary, format=path.suffix[1:], metadata=UNDATED[path.suffix])


def draw(tables: Sequence[Table], *, title: str) -> Figure:
    """One panel per table under a common title and legend."""
    columns = max(1, min(len(tables), PANELS_PER_ROW))
    rows = math.ceil(len(tables) / columns)
    width, height = PANEL_INCHES
    figure = Figure(figsize=(max(columns * width, 4.8), rows * height + 1), layout="constrained")
    figure.suptitle(literal(title), fontsize=11)
    styles = line_styles(list(dict.fromkeys(v for table in tables for v in table.column_values)))
    first: Axes | None = None
    for number, table in enumerate(tables, start=1):
        axes = figure.add_subplot(rows, columns, number, sharey=first)
        first = first or axes
        draw_panel(axes, table, styles)
        if number % columns != 1 and columns > 1:
            axes.tick_params(labelleft=False)
            axes.set_ylabel("")
    cells = [cell for table in tables for cell in table.cells.values()]
    if first and not any(cell.status is CellStatus.VALUE for cell in cells):
        first.set_yticks([])
    if cells:
        add_legend(figure, cells, styles)
    return figure


def draw_panel(axes: Axes, table: Table, styles: Mapping[object, LineStyle]) -> None:
    """One table's lines on axes of its own."""
    places = places_of(table.row_values)
    if places.logarithmic:
        axes.set_xscale("log")
    names = [literal(value_text(value)) for value in places.values]
    slant: dict[str, Any] = {"rotation": 30, "ha": "right"} if max(map(len, names)) > 8 else {}
    axes.set_xticks(places.numbers, names, **slant)
    axes.minorticks_off()
    count = len(table.column_values)
    # The first line is drawn last, on top.
    for index, column in reversed(list(enumerate(table.column_values))):
        shift = index - (count - 1) / 2
        cells = [table.cells[value, column] for value in places.values]
        draw_means(axes, places.shifted(shift * min(0.08, 0.4 / count)), cells, styles[column])
        draw_crosses(axes, places.shifted(shift * min(0.15, 0.75 / count)), cells, styles[column])
    label_panel(axes, table)


def draw_means(axes: Axes, at: Sequence[float], cells: Sequence[Cell], style: LineStyle) -> None:
    """A line with the spread of each mean; it is broken where a cell has no value."""
    means = [math.nan if cell.mean is None else cell.mean for cell in cells]
    spreads = [cell.std or 0.0 for cell in cells]
    look: dict[str, Any] = {
        "color": style.colour,
        "marker": style.marker,
        "markersize": MARKER_SIZE,
    }
    axes.errorbar(at, means, yerr=spreads, linewidth=1.2, elinewidth=0.9, capsize=2, **look)
    partial = [
        mean if is_partial(cell) else math.nan for mean, cell in zip(means, cells, strict=True)
    ]
    axes.plot(at, partial, linestyle="none", markerfacecolor="white", zorder=3, **look)


def draw_crosses(axes: Axes, at: Sequence[float], cells: Sequence[Cell], style: LineStyle) -> None:
    """A × at the bottom for every cell that is N/A."""
    diverged = [
        place for place, cell in zip(at, cells, strict=True) if cell.status is CellStatus.NA
    ]
    axes.plot(
        diverged,
        [0.03] * len(diverged),
        transform=axes.get_xaxis_transform(),
        color=style.colour,
        **CROSS,
    )


def is_partial(cell: Cell) -> bool:
    """Whether the cell's mean is over fewer seeds than declared."""
    return cell.status is CellStatus.VALUE and cell.n < cell.expected


def label_panel(axes: Axes, table: Table) -> None:
    """What the panel and its axes are of."""
    where = "\nat the best validation epoch" if table.at == "best_val" else ""
    axes.set_xlabel(literal(table.row_field), fontsize=9)
    axes.set_ylabel(METRIC_LABELS[table.metric] + where, fontsize=9)
    axes.set_title(literal(fill(table.part or "", TITLE_WIDTH)), fontsize=9)
    axes.margins(x=0.08, y=0.12)
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)


def add_legend(figure: Figure, cells: Sequence[Cell], styles: Mapping[object, LineStyle]) -> None:
    """The lines' names, the marks that occur, and what a point is, below the panels."""
    handles = [
        Line2D([], [], color=style.colour, marker=style.marker, label=line_label(value))
        for value, style in styles.items()
    ]
    if any(map(is_partial, cells)):
        handles.append(Line2D([], [], label="fewer seeds than declared", **HOLLOW))
    if any(cell.status is CellStatus.NA for cell in cells):
        handles.append(Line2D([], [], color=GREY, label="diverged", **CROSS))
    figure.legend(
        handles=handles,
        title=over_seeds(cells),
        loc="outside lower center",
        ncols=3,
        fontsize=8,
        title_fontsize=8,
        frameon=False,
    )


def line_label(value: object) -> str:
    """An optimizer's name as the literature writes it, any other value as it is."""
    return OPTIMIZER_LABELS.get(str(value), literal(value_text(value)))


def literal(text: str) -> str:
    """The text so that matplotlib does not take dollars for mathematics."""
    return text.replace("$", r"\$")
