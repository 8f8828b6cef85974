"""Draw a row of a comparison's figure: interval, marker, words and numbers."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from analysis.comparison.figure.rows import Panel, Row
from analysis.comparison.outcomes import ComparedCell, Outcome
from analysis.comparison.wording import number_of, signed
from analysis.figures.parts.line_styles import LineStyle
from analysis.tables.wording import Decimals

SMALL = 6.5
LETTER = 4.2
"""The width of a small letter, in points."""
# Text is literal: names may contain dollars.
PLAIN: dict[str, Any] = {"parse_math": False}
DIVERGED: Mapping[Outcome, str] = {
    Outcome.DIVERGED_HERE: "× here",
    Outcome.DIVERGED_THERE: "× there",
    Outcome.BOTH_DIVERGED: "× both",
}


def is_diverged(cell: ComparedCell) -> bool:
    """Whether a side of the pair diverged."""
    return cell.outcome in DIVERGED


def draw_numbers(axes: Axes, rows: Sequence[Row], decimals: Decimals) -> None:
    """Write both sides' numbers in two columns on the right."""
    here = ["ours", *(number_of(row.cell.ours, decimals) for row in rows)]
    there = ["theirs", *(number_of(row.cell.theirs, decimals) for row in rows)]
    places = [0.0, *(row.place for row in rows)]
    width = LETTER * max(map(len, here))
    for place, ours, theirs in zip(places, here, there, strict=True):
        note(axes, place, ours, x=1, points=6)
        note(axes, place, theirs, x=1, points=12 + width)


def draw_row(
    axes: Axes, row: Row, panel: Panel, style: LineStyle, decimals: Decimals, start: float
) -> None:
    """Draw one pair: its interval and marker, or a text.

    The axis begins at the share ``start`` of the panel; before it is the band of diverged cells.
    """
    low, high = panel.low, panel.high
    difference = row.cell.difference
    if is_diverged(row.cell):
        note(axes, row.place, DIVERGED[row.cell.outcome], color=style.colour)
        return
    if difference is None or not math.isfinite(difference):
        look: dict[str, Any] = {"color": style.colour, "backgroundcolor": "white"}
        note(axes, row.place, row.cell.outcome.value, x=start, **look)
        return
    test = row.cell.test
    if test is not None:
        ends = [min(max(end, low), high) for end in (test.low, test.high)]
        axes.plot(ends, [row.place] * 2, color=style.colour, linewidth=1.4)
    if not low <= difference <= high:
        draw_arrow(axes, row, difference, style, decimals, start)
        return
    filled = row.cell.outcome is Outcome.DIFFERS
    axes.plot(
        [difference],
        [row.place],
        color=style.colour,
        marker=style.marker,
        markersize=4.5,
        markerfacecolor=style.colour if filled else "white",
        linestyle="none",
    )


def draw_arrow(
    axes: Axes, row: Row, difference: float, style: LineStyle, decimals: Decimals, start: float
) -> None:
    """Draw an arrow at the axis' end with the number that lies beyond it."""
    right = difference > 0
    axes.annotate(
        signed(difference, decimals),
        xy=(1 if right else start, row.place),
        xycoords=axes.get_yaxis_transform(),
        xytext=(-22 if right else 22, 0),
        textcoords="offset points",
        ha="right" if right else "left",
        va="center",
        fontsize=SMALL,
        color=style.colour,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
        zorder=4,
        arrowprops={"arrowstyle": "-|>", "color": style.colour, "shrinkA": 1, "shrinkB": 0},
    )


def note(
    axes: Axes, place: float, text: str, *, x: float = 0, points: float = 3, **look: Any
) -> None:
    """Write a small text next to a share ``x`` of the width, at the height of a row."""
    if "backgroundcolor" in look:
        look["bbox"] = {"facecolor": look.pop("backgroundcolor"), "edgecolor": "none", "pad": 0.6}
    axes.annotate(
        text,
        xy=(x, place),
        xycoords=axes.get_yaxis_transform(),
        xytext=(points, 0),
        textcoords="offset points",
        va="center",
        fontsize=SMALL,
        annotation_clip=False,
        **look,
        **PLAIN,
    )
