"""The wall times as bars, one panel for each number of trials."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from summary import Row
from ways import OURS, OURS_OFFLINE, WAYS

OURS_COLOUR, OTHERS_COLOUR = "#0072b2", "#b0b0b0"
HEIGHT_OF_A_BAR = 0.36


def save_figure(rows: Sequence[Row], path: Path) -> None:
    """Write the figure in the format that the file's name says."""
    sizes = sorted({row.trials for row in rows})
    most = max(sum(row.trials == size for row in rows) for size in sizes)
    figure = Figure(figsize=(3.2 + 3.4 * len(sizes), 0.9 + HEIGHT_OF_A_BAR * most))
    axes = figure.subplots(1, len(sizes), squeeze=False)[0]
    for axis, size in zip(axes, sizes, strict=True):
        draw(axis, [row for row in rows if row.trials == size])
        axis.set_title(f"{size:,} trials", fontsize=10)
    figure.tight_layout()
    figure.savefig(path, dpi=150)


def draw(axis: Axes, rows: Sequence[Row]) -> None:
    """A bar for each way, the fastest on top, with its wall time in parts of ours."""
    titles = [WAYS[row.way].title for row in rows]
    mine = [row.way in (OURS, OURS_OFFLINE) for row in rows]
    colours = [OURS_COLOUR if own else OTHERS_COLOUR for own in mine]
    bars = axis.barh(titles, [row.wall for row in rows], color=colours)
    said = [
        f"{row.wall:,.0f} s" + (f"  {row.ratio.middle:.2g}×" if row.ratio else "") for row in rows
    ]
    axis.bar_label(bars, labels=said, padding=3, fontsize=8)
    axis.set_xscale("log")
    axis.margins(x=0.45)
    axis.invert_yaxis()
    axis.tick_params(labelsize=8)
    axis.set_xlabel("wall time, s (a logarithmic scale)", fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)
