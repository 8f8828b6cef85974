"""What the panels of all figures share: their tables, look, ticks, titles and key."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.style
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from adaloss.grid.tables.at import At, about_metric
from adaloss.grid.tables.spec import NaIf, TableSpec
from adaloss.tasks.metric import Metric
from adaloss.tasks.task import Task
from analysis.figures.parts.labels import broken, literal
from analysis.figures.parts.line_styles import MAX_LINES, LineStyle
from analysis.figures.parts.positions import Positions
from analysis.figures.parts.sheet import MAX_PANELS, TEXT_POINTS
from analysis.figures.parts.ticks import Ticks, ticks_of
from analysis.frame.frame import task_in
from analysis.tables.cells import Cell, CellStatus
from analysis.tables.names import Names
from analysis.tables.tables import Table, compile_tables

Per = str | tuple[str, ...] | None
"""The fields for each of whose values there is a panel or a figure."""

GREY = "#666666"
CROSS: dict[str, Any] = {
    "marker": "x",
    "linestyle": "none",
    "markersize": 4.5,
    "markeredgewidth": 1.3,
}
MAGNITUDES = 30
LOG_STEPS: Sequence[tuple[float, tuple[float, ...]]] = (
    (0.4, ()),
    (1, (1, 2, 5)),
    (2, (1, 3)),
    (math.inf, (1,)),
)
"""Ticks within each decade for axes of fewer decades than the number; none: equal steps."""


def tables_for(
    frame: pd.DataFrame,
    *,
    rows: str,
    columns: str,
    per: Per,
    metric: str,
    at: At,
    na_if: NaIf,
    title: str,
    names: Names,
    task: Task | None = None,
    decimals: int | None = None,
) -> tuple[Table, ...]:
    """The tables whose numbers a figure draws, one per value of ``per``.

    ``task`` is that of the trials, by default the frame's, which does not have the goal of a
    program's metric.

    Raises:
        TableError: the fields or the metric do not exist, or a cell would mix trials that differ
            in more than the seed.
    """
    spec = TableSpec.model_validate(
        {"rows": rows, "columns": columns, "per": per, "na_if": na_if, "mark": "none"}
        | {"decimals": decimals, "metric": metric}
    )
    task = task or task_in(frame)
    return compile_tables(
        frame,
        [spec],
        metric=metric,
        at=at,
        # The goal only affects marks, which are not used here.
        goal=about_metric(metric, task).goal or "maximize",
        sweep_name=title,
        names=names,
        task=task,
    )


def is_partial(cell: Cell) -> bool:
    """Whether the cell's mean is over fewer seeds than declared."""
    return cell.status is CellStatus.VALUE and cell.n < cell.expected


def hide_inner_labels(axes: Axes) -> None:
    """Remove the labels of a vertical axis that equals the one to its left."""
    axes.tick_params(labelleft=False)
    axes.set_ylabel("")


# Matplotlib's own style, for functions that draw: the user's may have text.usetex, which fails at
# every underscore.
in_default_style = mpl.style.context("default")


def fields_of(per: Per) -> tuple[str, ...]:
    """The fields that ``per`` names."""
    if per is None:
        return ()
    return (per,) if isinstance(per, str) else per


def shown_tables(tables: Sequence[Table], notes: list[str]) -> Sequence[Table]:
    """The tables that fit into a figure; a note reports omitted ones."""
    if len(tables) > MAX_PANELS:
        notes.append(f"The first {MAX_PANELS} of {len(tables)} panels are shown.")
    return tables[:MAX_PANELS]


def shown_columns(tables: Sequence[Table], notes: list[str]) -> tuple[object, ...]:
    """The columns of all tables, up to a limit; a note reports omitted ones."""
    columns = tuple(dict.fromkeys(value for table in tables for value in table.column_values))
    if len(columns) > MAX_LINES:
        table = tables[0]
        last = table.names.text(table.column_field, columns[MAX_LINES - 1])
        notes.append(
            f"The first {MAX_LINES} of {len(columns)} values of {table.column_name} are shown, "
            f"up to {last}."
        )
    return columns[:MAX_LINES]


def tidy(axes: Axes) -> None:
    """Set the look of a panel with lines."""
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_linewidth(0.6)
    axes.tick_params(labelsize=TEXT_POINTS, length=2.5, width=0.6, pad=2)


def is_logarithmic(metric: Metric, values: Sequence[float]) -> bool:
    """Whether these values of a logarithmic metric span orders of magnitude."""
    numbers = [value for value in values if math.isfinite(value)]
    return (
        metric.logarithmic
        and bool(numbers)
        and min(numbers) > 0
        and max(numbers) > MAGNITUDES * min(numbers)
    )


def label_decades(axis: Axis, low: float, high: float) -> None:
    """Write plain numbers on a logarithmic axis, also if it contains no whole decade."""
    decades = math.log10(high / low)
    steps = next(steps for most, steps in LOG_STEPS if decades < most)
    axis.set_major_locator(LogLocator(subs=steps, numticks=5) if steps else MaxNLocator(3))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_locator(NullLocator())


def label_part(axes: Axes, table: Table, inches: float) -> None:
    """Write the panel's title: its part of the sweep."""
    axes.set_title(literal(broken(table.part or "", int(inches * 15))), fontsize=TEXT_POINTS)


def position_ticks(table: Table, positions: Positions, inches: float) -> Ticks:
    """The ticks of the table's rows along an axis of this length in inches."""
    return ticks_of(
        table.names.along(table.row_field, positions.values),
        [share * inches for share in positions.shares],
    )


def set_positions(axes: Axes, positions: Positions, ticks: Ticks) -> None:
    """The x axis of these positions."""
    if positions.logarithmic:
        axes.set_xscale("log")
    # Explicit limits: the axis includes positions without marks.
    axes.set_xlim(positions.limits)
    axes.set_xticks(positions.numbers, ticks.shown, **ticks.turn)
    axes.minorticks_off()


def line_handles(field: str, styles: Mapping[object, LineStyle], names: Names) -> list[Line2D]:
    """The key's entry of every line, by its value of ``field``."""
    return [
        Line2D(
            [],
            [],
            color=style.colour,
            marker=style.marker,
            markersize=4,
            linewidth=1.2,
            linestyle=style.dashes,
            label=literal(broken(names.alone(field, value), 48)),
        )
        for value, style in styles.items()
    ]


def cross_handle(label: str = "diverged") -> Line2D:
    """The key's entry for the mark of divergence."""
    return Line2D([], [], color=GREY, label=label, **CROSS)


def number_of_seeds(cells: Sequence[Cell]) -> str:
    """``5 seeds``, ``3 to 5 seeds`` or ``one seed``: the declared number."""
    declared = {cell.expected for cell in cells if cell.expected}
    fewest, most = min(declared), max(declared)
    if most == 1:
        return "one seed"
    return f"{most} seeds" if fewest == most else f"{fewest} to {most} seeds"
