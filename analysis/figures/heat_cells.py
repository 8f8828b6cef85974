"""The cells of the heat map: colours, hatches, numbers and names."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PatchCollection
from matplotlib.colors import LogNorm, Normalize
from matplotlib.patches import Rectangle

from adaloss.tasks.metric import Metric
from analysis.figures.parts.axes import is_logarithmic
from analysis.figures.parts.labels import broken, literal
from analysis.figures.parts.positions import positions_of
from analysis.figures.parts.sheet import SMALL_POINTS, TEXT_POINTS
from analysis.figures.parts.ticks import Ticks, apart, tall, ticks_of
from analysis.tables.cells import Cell, CellStatus
from analysis.tables.tables import Table
from analysis.tables.wording import Decimals, number_text

NAME_WIDTH = 18
RASTER_CELLS = 2000
"""With at least this many cells, a vector file has them as a picture: shapes take megabytes."""


@dataclass(frozen=True)
class Ground:
    """The appearance of a cell without a mean."""

    words: str
    meaning: str
    face: str
    hatch: str


GROUNDS: Mapping[CellStatus, Ground] = {
    CellStatus.NA: Ground("N/A", "N/A: diverged", "#FFFFFF", "//////"),
    CellStatus.UNREACHED: Ground("∞", "∞: target not always reached", "#FFFFFF", "......"),
    CellStatus.FAILED: Ground("failed", "failed", "#FFFFFF", "xxxxxx"),
    CellStatus.EMPTY: Ground("–", "–: no value yet", "#E4E4E4", ""),
}
HATCH_GREY = "#8A8A8A"


@dataclass(frozen=True, kw_only=True)
class Colours:
    """A colour map and the placement of means on it, None without a mean."""

    norm: Normalize
    name: str
    has_values: bool

    @property
    def mappable(self) -> ScalarMappable:
        """The object for matplotlib's colour bar."""
        return ScalarMappable(self.norm, self.name)

    def rgb(self, value: float) -> tuple[float, ...]:
        """Red, green and blue, each from 0 to 1."""
        return mpl.colormaps[self.name](float(self.norm(value)))[:3]


@dataclass(frozen=True, kw_only=True)
class CellSize:
    """The size of a cell in inches, and whether its numbers fit."""

    width: float
    height: float
    decimals: Decimals
    has_room: bool


def draw_panel(axes: Axes, table: Table, colours: Colours, size: CellSize) -> None:
    """Draw one table's cells, with the first row at the top."""
    rows, columns = positions_of(table.row_values).values, table.column_values
    cells = [[table.cells[row, column] for column in columns] for row in rows]
    means = [[math.nan if cell.mean is None else cell.mean for cell in line] for line in cells]
    axes.pcolormesh(
        np.ma.masked_invalid(means),
        norm=colours.norm,
        cmap=colours.name,
        edgecolors="white",
        linewidth=0.4,
        rasterized=len(rows) * len(columns) > RASTER_CELLS,
    )
    for status, ground in GROUNDS.items():
        spots = [
            (c, r)
            for r, line in enumerate(cells)
            for c, cell in enumerate(line)
            if cell.status is status
        ]
        draw_ground(axes, spots, ground)
    if size.has_room:
        write_cells(axes, cells, colours, size.decimals)
    name_cells(axes, table, rows, size)


def draw_ground(axes: Axes, spots: Sequence[tuple[int, int]], ground: Ground) -> None:
    """Cells without a mean, by column and row."""
    axes.add_collection(
        PatchCollection(
            [Rectangle(spot, 1, 1) for spot in spots],
            facecolor=ground.face,
            edgecolor=HATCH_GREY,
            hatch=ground.hatch,
            linewidth=0.4,
        ),
        autolim=False,
    )


def write_cells(
    axes: Axes, cells: Sequence[Sequence[Cell]], colours: Colours, decimals: Decimals
) -> None:
    """Write every cell's number or words in its middle."""
    for row, line in enumerate(cells):
        for column, cell in enumerate(line):
            words = words_of(cell, decimals)
            ink = "black" if cell.mean is None else ink_on(colours, cell.mean)
            paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
            axes.text(
                column + 0.5,
                row + 0.5,
                words,
                color=ink,
                fontsize=SMALL_POINTS,
                ha="center",
                va="center_baseline" if "\n" not in words else "center",
                bbox=paper if cell.status in GROUNDS and GROUNDS[cell.status].hatch else None,
            )


def name_cells(axes: Axes, table: Table, rows: Sequence[object], size: CellSize) -> None:
    """The names of the rows and columns."""
    ticks = column_ticks(table, size)
    axes.set_xticks([index + 0.5 for index in range(len(ticks.names))], ticks.shown, **ticks.turn)
    names = row_names(table, rows)
    kept = apart([index * size.height for index in range(len(names))], [tall(n) for n in names])
    axes.set_yticks(
        [index + 0.5 for index in range(len(names))],
        [literal(name) if index in kept else "" for index, name in enumerate(names)],
    )
    axes.set_xlim(0, len(ticks.names))
    axes.set_ylim(len(names), 0)
    axes.set_ylabel(literal(table.row_name), fontsize=TEXT_POINTS)
    if not all(table.names.is_word(table.column_field, value) for value in table.column_values):
        axes.set_xlabel(literal(table.column_name), fontsize=TEXT_POINTS)
    axes.tick_params(labelsize=TEXT_POINTS, length=0, pad=2)
    axes.spines[:].set_visible(False)


def row_names(table: Table, values: Sequence[object]) -> list[str]:
    """The rows' values to the left of their cells."""
    return [broken(text, NAME_WIDTH) for text in table.names.along(table.row_field, values)]


def column_ticks(table: Table, size: CellSize) -> Ticks:
    """The columns' names below their cells."""
    names = table.names.along(table.column_field, table.column_values)
    return ticks_of(names, [index * size.width for index in range(len(names))])


def words_of(cell: Cell, decimals: Decimals) -> str:
    """The text in a cell: its mean, with (k/n) below if seeds are missing, or words."""
    if cell.mean is None:
        return GROUNDS[cell.status].words if cell.status in GROUNDS else ""
    number = number_text(cell.mean, decimals)
    return f"{number}\n({cell.n}/{cell.expected})" if cell.n < cell.expected else number


def colours_of(cells: Sequence[Cell], metric: Metric) -> Colours:
    """The scale of all panels: viridis, reversed if smaller values are better."""
    means = [cell.mean for cell in cells if cell.mean is not None and math.isfinite(cell.mean)]
    low, high = min(means, default=0.0), max(means, default=1.0)
    logarithmic = is_logarithmic(metric, means)
    return Colours(
        norm=LogNorm(low, high) if logarithmic else Normalize(low, high),
        name="viridis_r" if metric.goal == "minimize" else "viridis",
        has_values=bool(means),
    )


def ink_on(colours: Colours, value: float) -> str:
    """Black or white, whichever has the higher contrast with the value's colour (WCAG 2)."""
    if not math.isfinite(value):
        return "black"
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in colours.rgb(value)
    )
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    # Where the contrasts (L + 0.05) / 0.05 with black and 1.05 / (L + 0.05) with white are equal.
    return "black" if luminance > 0.05 * (21**0.5 - 1) else "white"
