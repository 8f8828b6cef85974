"""A figure of the wall times with a panel for each number of trials."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, StrMethodFormatter
from summary import Row
from ways import OURS, OURS_OFFLINE, WAYS

OURS_COLOUR, OTHER_COLOUR = "#0072b2", "#707070"
HEIGHT_PER_WAY = 0.36


def save_figure(rows: Sequence[Row], path: Path) -> None:
    """Write the figure in the format of the file name's suffix."""
    sizes = sorted({row.trials for row in rows})
    # The fastest at the largest number of trials is on top.
    last = {row.way: (row.trials, row.wall) for row in rows}
    ways = sorted(last, key=lambda way: last[way][1])
    figure = Figure(figsize=(3.4 + 3.0 * len(sizes), 1.0 + HEIGHT_PER_WAY * len(ways)))
    axes = figure.subplots(1, len(sizes), sharex=True, sharey=True, squeeze=False)[0]
    walls = [row.wall for row in rows]
    axes[0].set_xscale("log")
    # Leave space for the label of the last point.
    axes[0].set_xlim(min(walls) / 1.5, max(walls) * 10)
    for axis, size in zip(axes, sizes, strict=True):
        draw(axis, [row for row in rows if row.trials == size], ways)
        axis.set_title(f"{size:,} trials", fontsize=10)
    axes[0].set_yticks(range(len(ways)), [WAYS[way].title for way in ways], fontsize=8)
    axes[0].set_ylim(len(ways) - 0.5, -0.5)
    figure.tight_layout()
    figure.savefig(path, dpi=150)


def draw(axis: Axes, rows: Sequence[Row], ways: Sequence[str]) -> None:
    """Draw a point for each way, labelled with its wall time and its ratio to adaloss-sweep."""
    for row in rows:
        position = ways.index(row.way)
        colour = OURS_COLOUR if row.way in (OURS, OURS_OFFLINE) else OTHER_COLOUR
        axis.plot(row.wall, position, "o", color=colour)
        ratio = f"  {row.ratio.middle:.2g}×" if row.ratio else ""
        axis.annotate(
            f"{row.wall:,.0f} s{ratio}", (row.wall, position), (5, 1), textcoords="offset points",
            va="bottom", fontsize=8, color=colour,
        )  # fmt: skip
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.tick_params(labelsize=8)
    axis.set_xlabel("wall time, s (logarithmic)", fontsize=8)
    axis.grid(axis="y", linewidth=0.4)
    axis.spines[["top", "right"]].set_visible(False)
