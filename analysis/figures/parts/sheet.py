"""The sheet of a figure's panels: its size, title, key and notes.

Sizes are those in print: a figure has its final width in a paper, with text of 6 to 8 points, and
must not be scaled.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from analysis.figures.parts.labels import bounded, lines_inches, literal, text_inches

COLUMN_INCHES = 3.3
"""The width of one of a paper's two columns."""
PAGE_INCHES = 6.9
"""The width of both columns with the gap between them."""

TITLE_POINTS = 8.0
TEXT_POINTS = 7.0
SMALL_POINTS = 6.0

MOST_TITLE_LINES = 2
"""A longer title loses its middle."""
MAX_PANELS = 24
"""More panels would not fit on a page."""

# The width of a key's entry besides its text: the sample of the line, and gaps.
ENTRY_INCHES = 0.38
NARROWEST_PANEL = 2.1


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Panels in ``rows`` of ``across``, and the width of all of them in inches."""

    rows: int
    across: int
    width: float

    @property
    def panel_width(self) -> float:
        """The width of one panel with its labels, in inches."""
        return self.width / self.across


def panel_grid(
    count: int, *, width: float, wanted: float, reserved: float = 0.0, most: int = MAX_PANELS
) -> Grid:
    """A grid of ``count`` panels of at least ``wanted`` inches each, within ``width`` inches.

    There are at most ``most`` side by side.

    A single panel, with ``reserved`` inches at its side, has the width of a paper's column, or more
    if it needs more.
    """
    panel = min(max(wanted, NARROWEST_PANEL), width)
    across = max(1, min(count, most, int(width / panel)))
    return Grid(
        rows=math.ceil(count / across),
        across=across,
        width=min(width, across * max(COLUMN_INCHES - reserved, panel)),
    )


def new_sheet(width: float, height: float, title: str) -> Figure:
    """An empty figure with ``height`` inches for all panels, and a title."""
    lines = bounded(title, int(width * 15), MOST_TITLE_LINES)
    above = lines_inches(lines.count("\n") + 1, TITLE_POINTS) + 0.06 if title else 0.0
    figure = Figure(figsize=(width, height + above))
    reserve_below(figure, 0)
    if title:
        figure.suptitle(literal(lines), fontsize=TITLE_POINTS)
    return figure


def reserve_below(figure: Figure, share: float) -> None:
    """Let the panels fill the figure down to this share of its height."""
    layout = ConstrainedLayoutEngine(h_pad=0.03, w_pad=0.03, rect=(0, share, 1, 1 - share))
    figure.set_layout_engine(layout)


def add_key(figure: Figure, handles: Sequence[Artist], notes: Sequence[str]) -> None:
    """Add the key and the notes below the panels; the figure grows to hold them."""
    width, height = (float(side) for side in figure.get_size_inches())
    note = fill(" ".join(filter(None, notes)), int(width * 21), break_on_hyphens=False)
    below = lines_inches(note.count("\n") + 1, SMALL_POINTS) + 0.05 if note else 0.0
    columns = key_columns([str(handle.get_label()) for handle in handles], width)
    key = lines_inches(math.ceil(len(handles) / columns), TEXT_POINTS) * 1.15 + 0.1
    total = height + below + (key if handles else 0)
    figure.set_size_inches(width, total)
    reserve_below(figure, (total - height) / total)
    if handles:
        # Not "outside lower center", which leaves no space for the key above a note.
        legend = figure.legend(
            handles=handles,
            loc="lower center",
            bbox_to_anchor=(0.5, below / total),
            ncols=columns,
            fontsize=TEXT_POINTS,
            handlelength=1.6,
            columnspacing=1.2,
            labelspacing=0.3,
            borderpad=0.2,
            borderaxespad=0.2,
            frameon=False,
        )
        legend.set_in_layout(False)
    figure.text(0.5, 0.03 / total, literal(note), fontsize=SMALL_POINTS, ha="center", va="bottom")


def key_columns(labels: Sequence[str], width: float) -> int:
    """The largest number of the key's columns that fits ``width`` inches."""
    wide = [text_inches(label, TEXT_POINTS) + ENTRY_INCHES for label in labels]
    for columns in range(len(wide), 1, -1):
        rows = math.ceil(len(wide) / columns)
        # Equal columns; otherwise the last row would have few entries at the left.
        if math.ceil(len(wide) / rows) == columns and column_inches(wide, columns) <= width:
            return columns
    return 1


def column_inches(wide: Sequence[float], columns: int) -> float:
    """The width of a key with entries of these widths, filled column by column."""
    rows, longer = divmod(len(wide), columns)
    ends = [rows * (index + 1) + min(index + 1, longer) for index in range(columns)]
    return sum(max(wide[start:end]) for start, end in zip([0, *ends], ends, strict=False))
