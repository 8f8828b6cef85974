"""The picture of a comparison: each pair's difference with its interval, around zero."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import matplotlib as mpl
import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.comparison.compare import Comparison
from analysis.comparison.figure_marks import PLAIN, draw_numbers, draw_row, note
from analysis.comparison.figure_rows import Panel, panels_of
from analysis.comparison.outcomes import ComparedCell, Outcome
from analysis.comparison.wording import unit
from analysis.line_styles import OPTIMIZER_LABELS, LineStyle, line_styles
from analysis.wording import one_line, value_text

PANELS_PER_ROW = 2
PANEL_WIDTH = 4.6
ROW_HEIGHT = 0.155
MOST_HEIGHT = 100.0
GREY = "#666666"


def comparison_figure(comparison: Comparison, *, decimals: int = 2) -> Figure:
    """Ours minus theirs of every pair with its 95 % interval, grouped by part and optimizer.

    A filled marker is a difference that counts after Holm's adjustment, a hollow one is none that
    these n resolve; without a bar it could not be tested. Where a side diverged the words stand in
    place of the marker. A difference far beyond the others is an arrow at the edge with its
    number. Both means stand on the right, and the conditions that differ below the title.
    """
    # Not the settings of whoever runs this: text.usetex alone would break on every underscore.
    with mpl.style.context("default"):
        return draw(comparison, panels_of(comparison), decimals)


def draw(comparison: Comparison, panels: Sequence[Panel], decimals: int) -> Figure:
    """One panel per part under a common title and legend."""
    columns = min(len(panels), PANELS_PER_ROW)
    bands = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    heights = [max(panel.height for panel in band) for band in bands]
    total = min(sum(heights) * ROW_HEIGHT + 0.9 * len(bands) + 1.5, MOST_HEIGHT)
    figure = Figure(figsize=(max(columns * PANEL_WIDTH, 5.6), total), layout="constrained")
    if engine := figure.get_layout_engine():
        engine.set(wspace=0.04)  # type: ignore[call-arg]
    figure.suptitle(heading(comparison, columns), fontsize=8.5, **PLAIN)
    optimizers = [row.optimizer for panel in panels for row in panel.rows]
    styles = line_styles(list(dict.fromkeys(optimizers)))
    word = unit(comparison.measure)
    measured_in = f"({word})" if word else ""
    grid = figure.add_gridspec(len(bands), columns, height_ratios=heights)
    for place, panel in enumerate(panels):
        axes = figure.add_subplot(grid[place // columns, place % columns])
        draw_panel(axes, panel, styles, decimals)
        axes.set_xlabel(f"difference, ours − theirs {measured_in}".rstrip(), fontsize=8)
    add_legend(figure, [row.cell for panel in panels for row in panel.rows], styles)
    return figure


def heading(comparison: Comparison, columns: int) -> str:
    """Both names, the metric, and which conditions differ or are unknown."""
    known = [c.name for c in comparison.conditions if c.is_known]
    unknown = [c.name for c in comparison.conditions if not c.is_known]
    lines = [
        f"{one_line(comparison.ours.name)} beside {one_line(comparison.theirs.name)}: "
        f"{comparison.measure.label}",
        f"Differs too: {', '.join(known) or 'nothing that is known'}.",
        *([f"Not known of both: {', '.join(unknown)}."] if unknown else []),
    ]
    return "\n".join(fill(line, 85 if columns == 1 else 145) for line in lines)


def draw_panel(axes: Axes, panel: Panel, styles: Mapping[object, LineStyle], decimals: int) -> None:
    """The rows of one part, from top to bottom."""
    axes.set_xlim(panel.low, panel.high)
    axes.set_ylim(panel.height - 0.4, -0.6)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks([row.place for row in panel.rows], [row.label for row in panel.rows])
    for label in axes.get_yticklabels():
        label.set_parse_math(False)
    axes.tick_params(labelsize=7, left=False)
    axes.grid(axis="x", color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_title(fill(panel.title, 50), fontsize=8.5, **PLAIN)
    for heading in panel.headings:
        colour = styles[heading.optimizer].colour
        note(axes, heading.place, heading.text, color=colour, backgroundcolor="white")
    for row in panel.rows:
        draw_row(axes, row, styles[row.optimizer], decimals)
    draw_numbers(axes, panel.rows, decimals)


def add_legend(
    figure: Figure, cells: Sequence[ComparedCell], styles: Mapping[object, LineStyle]
) -> None:
    """The optimizers' colours, and what a marker's filling says."""
    handles = [
        Line2D([], [], color=style.colour, marker=style.marker, label=optimizer_label(value))
        for value, style in styles.items()
    ]
    outcomes = {cell.outcome for cell in cells}
    look: dict[str, Any] = {"color": GREY, "marker": "o", "linestyle": "none"}
    if Outcome.DIFFERS in outcomes:
        handles.append(Line2D([], [], label="differs (p by Holm ≤ 0.05)", **look))
    if Outcome.UNRESOLVED in outcomes:
        label = "no difference resolvable"
        handles.append(Line2D([], [], markerfacecolor="white", label=label, **look))
    if handles:
        figure.legend(
            handles=handles,
            title="bars: 95 % interval of each difference (Welch)",
            loc="outside lower center",
            ncols=3,
            fontsize=7.5,
            title_fontsize=7.5,
            frameon=False,
        )


def optimizer_label(value: object) -> str:
    """An optimizer's name as the literature writes it."""
    return OPTIMIZER_LABELS.get(str(value), value_text(value).replace("$", r"\$"))
