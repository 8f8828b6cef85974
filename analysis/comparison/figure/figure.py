"""The picture of a comparison: each pair's difference with its interval, around zero."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from adaloss.records.printable import shortened
from analysis.comparison.compare import Comparison
from analysis.comparison.figure.marks import PLAIN, draw_numbers, draw_row, is_diverged, note
from analysis.comparison.figure.rows import Panel, panels_of
from analysis.comparison.outcomes import ComparedCell, Outcome
from analysis.comparison.wording import condition_notes, decimals_of, unit
from analysis.figures.parts.axes import in_default_style
from analysis.figures.parts.band import Band
from analysis.figures.parts.labels import bounded, literal
from analysis.figures.parts.line_styles import BAND_LABEL, LineStyle, line_styles
from analysis.figures.parts.sheet import add_key, new_sheet
from analysis.tables.wording import Decimals, one_line

PANELS_PER_ROW = 2
PANEL_WIDTH = 4.6
ROW_HEIGHT = 0.155
MOST_HEIGHT = 100.0
GREY = "#666666"
BAND = Band(share=0.2, at_end=False, axis="x")
LONGEST_NAME = 60
"""The largest numbers of characters of a side's name in the title, and of a row's name."""
BARS = "Bars: the 95 % interval of each difference (Welch)."


def comparison_figure(comparison: Comparison, *, decimals: int = 2) -> Figure:
    """Ours minus theirs of every pair with its 95 % interval, grouped by part and optimizer.

    A filled marker is a difference that counts after Holm's adjustment, a hollow one is not
    resolvable at these n; without a bar it could not be tested. If a side diverged, there is a × in
    a band at the start of the axis. A difference far beyond the others is an arrow at the edge with
    its number. Both means are on the right, and the differing conditions below the key.
    """
    return draw(comparison, panels_of(comparison), decimals_of(comparison.measure, decimals))


@in_default_style
def draw(comparison: Comparison, panels: Sequence[Panel], decimals: Decimals) -> Figure:
    """One panel per part under a common title, over a common key and the conditions."""
    columns = min(len(panels), PANELS_PER_ROW)
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    heights = [max(panel.height for panel in row) for row in rows]
    total = min(sum(heights) * ROW_HEIGHT + 0.9 * len(rows), MOST_HEIGHT)
    figure = new_sheet(max(columns * PANEL_WIDTH, 5.6), total, heading(comparison))
    optimizers = [row.optimizer for panel in panels for row in panel.rows]
    styles = line_styles(list(dict.fromkeys(optimizers)))
    word = unit(comparison.measure)
    measured_in = f"({word})" if word else ""
    grid = figure.add_gridspec(len(rows), columns, height_ratios=heights)
    for place, panel in enumerate(panels):
        axes = figure.add_subplot(grid[place // columns, place % columns])
        draw_panel(axes, panel, styles, decimals)
        axes.set_xlabel(f"difference, ours − theirs {measured_in}".rstrip(), fontsize=8)
    cells = [row.cell for panel in panels for row in panel.rows]
    line = comparison.line_field
    texts = [
        comparison.measure.label if line is None else comparison.names.text(line, value)
        for value in styles
    ]
    notes = [BARS, *condition_notes(comparison.conditions)]
    add_key(figure, handles(cells, styles, texts), notes)
    return figure


def heading(comparison: Comparison) -> str:
    """Both names and the metric."""
    names = (one_line(side.name) for side in (comparison.ours, comparison.theirs))
    ours, theirs = (shortened(name, LONGEST_NAME) for name in names)
    return f"{ours} compared with {theirs}: {comparison.measure.label}"


def draw_panel(
    axes: Axes, panel: Panel, styles: Mapping[object, LineStyle], decimals: Decimals
) -> None:
    """The rows of one part, from top to bottom."""
    axes.set_xlim(panel.low, panel.high)
    start = BAND.share if any(is_diverged(row.cell) for row in panel.rows) else 0.0
    if start:
        BAND.set_apart([axes])
        note(axes, 0, BAND_LABEL)
    axes.set_ylim(panel.height - 0.4, -0.6)
    axes.axvline(0, color="black", linewidth=0.8)
    labels = [shortened(row.label, LONGEST_NAME) for row in panel.rows]
    axes.set_yticks([row.place for row in panel.rows], labels)
    for label in axes.get_yticklabels():
        label.set_parse_math(False)
    axes.tick_params(labelsize=7, left=False)
    axes.grid(axis="x", color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_title(bounded(panel.title, 50, 2), fontsize=8.5, **PLAIN)
    for heading in panel.headings:
        colour = styles[heading.optimizer].colour
        note(axes, heading.place, heading.text, x=start, color=colour, backgroundcolor="white")
    for row in panel.rows:
        draw_row(axes, row, panel, styles[row.optimizer], decimals, start)
    draw_numbers(axes, panel.rows, decimals)


def handles(
    cells: Sequence[ComparedCell], styles: Mapping[object, LineStyle], texts: Sequence[str]
) -> list[Line2D]:
    """The key's entries: the optimizers' colours, and the meaning of a marker's filling."""
    entries = [
        Line2D([], [], color=style.colour, marker=style.marker, label=literal(text))
        for text, style in zip(texts, styles.values(), strict=True)
    ]
    outcomes = {cell.outcome for cell in cells}
    look: dict[str, Any] = {"color": GREY, "marker": "o", "linestyle": "none"}
    if Outcome.DIFFERS in outcomes:
        entries.append(Line2D([], [], label="differs (p by Holm ≤ 0.05)", **look))
    if Outcome.UNRESOLVED in outcomes:
        label = "no difference resolvable"
        entries.append(Line2D([], [], markerfacecolor="white", label=label, **look))
    return entries
