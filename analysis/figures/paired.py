"""Paired differences: each optimizer minus a baseline, seed by seed."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from adaloss.grid.tables.at import At
from adaloss.tasks.task import Task
from analysis.figures.paired_panels import counts_have_room, draw_panel
from analysis.figures.pairs import UNREACHED, Comparison, Pairs, beyond_words, comparison_of
from analysis.figures.parts.axes import (
    Per,
    cross_handle,
    fields_of,
    in_default_style,
    label_part,
    line_handles,
    position_ticks,
    shown_columns,
    shown_tables,
    tables_for,
)
from analysis.figures.parts.band import band_for
from analysis.figures.parts.labels import literal
from analysis.figures.parts.line_styles import LineStyle, line_styles
from analysis.figures.parts.positions import positions_of
from analysis.figures.parts.sheet import PAGE_INCHES, add_key, new_sheet, panel_grid
from analysis.frame.frame import grouped
from analysis.tables.names import NO_LABELS, Names
from analysis.tables.tables import Table, TableError
from analysis.tables.wording import value_text

PANEL_HEIGHT = 2.1
BAND_SHARE = 0.1
"""The share of a panel's height for the band of diverged trials."""
LABEL_INCHES = 0.7
DEFAULT_BASELINE = "adaloss"
MARK_INCHES = 0.11
"""The space along the axis, in inches, that keeps a mark clear of its neighbour."""
FAR = 15
"""A difference this many times the usual one makes the scale logarithmic."""


def paired_differences(
    frame: pd.DataFrame,
    *,
    x: str = "b0",
    line: str = "optimizer",
    per: Per = "model",
    baseline: object = None,
    metric: str,
    at: At,
    title: str,
    width: float = PAGE_INCHES,
    names: Names = NO_LABELS,
    task: Task | None = None,
) -> Figure:
    """The metric of each ``line`` minus the baseline's, seed by seed, against ``x``, per ``per``.

    Small points are seeds for which both are complete, thick marks their mean with its 95 %
    confidence interval (Student's t, n ≥ 2); n is written if some seeds are missing. A seed that
    diverged or never reaches the target has a × in a band at the worse edge, in the baseline's
    colour if it is the baseline's; without the target there is no mean either.
    ``baseline`` is a value of ``line`` or its text; the default is adaloss, or the first value if
    there is no adaloss. The figure is at most ``width`` inches wide. ``task`` has the goal of a
    program's metric.

    Raises:
        TableError: the fields or the metric do not exist, a cell would mix trials that differ in
            more than the seed, there is no such baseline, or nothing to compare with it.
    """
    tables = tables_for(
        frame,
        rows=x,
        columns=line,
        per=per,
        metric=metric,
        at=at,
        na_if="any",
        title=title,
        names=names,
        task=task,
    )
    parts = grouped(frame, fields_of(per)).values()
    columns = tuple(dict.fromkeys(value for table in tables for value in table.column_values))
    against = baseline_of(columns, baseline, line) if tables else None
    comparisons = [
        comparison_of(table, part, against) for table, part in zip(tables, parts, strict=True)
    ]
    return draw(comparisons, title=title, width=width)


def baseline_of(columns: Sequence[object], baseline: object, line: str) -> object:
    """The value that is the baseline.

    Raises:
        TableError: there is no such value, or no other.
    """
    if len(columns) < 2:
        raise TableError(
            f"paired differences need two values of {line}; "
            f"there is only {', '.join(map(value_text, columns))}"
        )
    if baseline is None:
        return DEFAULT_BASELINE if DEFAULT_BASELINE in columns else columns[0]
    for value in columns:
        if value == baseline or value_text(value) == baseline:
            return value
    raise TableError(
        f"paired differences: baseline: there is no {line} {value_text(baseline)}; "
        f"there are {', '.join(map(value_text, columns))}"
    )


@in_default_style
def draw(comparisons: Sequence[Comparison], *, title: str, width: float) -> Figure:
    """Draw one panel per part of the sweep, with a common title and key."""
    if not comparisons:
        return new_sheet(width, 1, title)
    notes: list[str] = []
    tables: Sequence[Table] = [comparison.table for comparison in comparisons]
    columns = shown_columns(tables, notes)
    styles = line_styles(tuple(dict.fromkeys((*columns, comparisons[0].baseline))))
    tables = shown_tables(tables, notes)
    comparisons = comparisons[: len(tables)]
    rows, lines = max(len(table.row_values) for table in tables), len(styles) - 1
    grid = panel_grid(len(tables), width=width, wanted=rows * lines * MARK_INCHES + LABEL_INCHES)
    inches = grid.panel_width - LABEL_INCHES
    ticks = [position_ticks(table, positions_of(table.row_values), inches) for table in tables]
    height = PANEL_HEIGHT + max(tick.height for tick in ticks)
    figure = new_sheet(grid.width, grid.rows * height, title)
    has_room = counts_have_room(comparisons, lines, inches)
    panels: list[Axes] = []
    band = band_for(tables[0].measure.about, BAND_SHARE)
    for index, (comparison, tick) in enumerate(zip(comparisons, ticks, strict=True)):
        shared = panels[0] if panels else None
        axes = figure.add_subplot(grid.rows, grid.across, index + 1, sharey=shared)
        panels.append(axes)
        draw_panel(axes, comparison, tick, styles, has_room, band)
        label_part(axes, comparison.table, grid.panel_width)
        if index % grid.across:
            axes.tick_params(labelleft=False)
            axes.set_ylabel("")
    scale = scale_differences(figure.axes[0], comparisons)
    if label := beyond_words([*of_others(comparisons, styles), *of_baseline(comparisons)]):
        label = label.replace(" or ", "\nor ")
        band.set_apart(panels, named=panels[:: grid.across], label=label)
    explained = explanations(comparisons, styles, has_room)
    add_key(figure, handles(comparisons, styles), [*explained, *scale, *notes])
    return figure


def scale_differences(axes: Axes, comparisons: Sequence[Comparison]) -> list[str]:
    """Use a scale that is logarithmic far from zero if few differences would hide the others.

    Returns a note on the scale if it does.
    """
    sizes = sorted(size for comparison in comparisons for size in comparison.sizes())
    usual = sizes[int(0.75 * (len(sizes) - 1))] if sizes else 0.0
    if not usual or sizes[-1] < FAR * usual:
        return []
    first, last = (math.floor(math.log10(size)) for size in (usual, sizes[-1]))
    steps = [float(f"{n}e{power}") for power in range(first, last + 2) for n in (1, 2, 5)]
    linear = min(step for step in steps if step >= usual)
    beyond = [step for step in steps if linear < step <= sizes[-1]]
    # Ticks at decades only, so that their numbers do not overlap.
    ticks = [linear / 2, linear, *(beyond[2::3] or beyond[-1:])]
    axes.set_yscale("symlog", linthresh=linear, linscale=1.5)
    axes.yaxis.set_major_locator(FixedLocator([*(-tick for tick in reversed(ticks)), 0, *ticks]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter("{x:g}")
    return [f"The scale is linear up to ±{linear:g} and logarithmic beyond."]


def handles(comparisons: Sequence[Comparison], styles: Mapping[object, LineStyle]) -> list[Line2D]:
    """The key's entries: the compared lines, and the baseline if it has a ×."""
    baseline = comparisons[0].baseline
    table = comparisons[0].table
    others = {value: style for value, style in styles.items() if value != baseline}
    entries = line_handles(table.column_field, others, table.names)
    for entry in entries:
        entry.set_linestyle("none")
    if words := beyond_words(of_others(comparisons, styles)):
        entries.append(cross_handle(f"a seed {as_verb(words)}"))
    if words := beyond_words(of_baseline(comparisons)):
        name = literal(comparisons[0].baseline_name)
        cross = cross_handle(f"a seed of {name} {as_verb(words)}")
        cross.set_color(styles[baseline].colour)
        entries.append(cross)
    return entries


def as_verb(beyond: str) -> str:
    """What a seed did that is worse than any number."""
    return beyond.replace(UNREACHED, "did not reach the target")


def of_others(
    comparisons: Sequence[Comparison], styles: Mapping[object, LineStyle]
) -> list[frozenset[str]]:
    """Why seeds of the lines that are drawn are worse than any number."""
    return [pairs.beyond for pairs in shown_pairs(comparisons, styles)]


def of_baseline(comparisons: Sequence[Comparison]) -> list[frozenset[str]]:
    """Why seeds of the baseline are worse than any number."""
    return [found for each in comparisons for found in each.baseline_beyond.values()]


def shown_pairs(
    comparisons: Sequence[Comparison], styles: Mapping[object, LineStyle]
) -> list[Pairs]:
    """The pairs of the lines that are drawn."""
    return [
        pairs
        for comparison in comparisons
        for (_, column), pairs in comparison.pairs.items()
        if column in styles
    ]


def explanations(
    comparisons: Sequence[Comparison], styles: Mapping[object, LineStyle], has_room: bool
) -> list[str]:
    """Notes on the points and bars, and on the number of seeds."""
    pairs = shown_pairs(comparisons, styles)
    most = max((found.expected for found in pairs), default=0)
    words = ["Marks: the difference of one seed."]
    if most > 1:
        words = [
            "Small points: seeds for which both are complete. Marks: their mean with its 95 % "
            f"confidence interval (Student's t) over {most} seeds."
        ]
    partial = [len(found.differences) for found in pairs if found.is_partial]
    if partial and has_room:
        words.append("A number above a mark: its number of seeds.")
    if partial and not has_room:
        words.append(f"Some marks are over fewer seeds, at least {min(partial)}.")
    if any(found.unreached for found in pairs):
        words.append("No mark: a seed did not reach the target; a mean would flatter.")
    if not all(found.differences or found.unreached for found in pairs):
        words.append("A gap: no seed is complete for both.")
    return words
