"""Learning curves: thin lines for seeds, thick lines for their mean."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from adaloss.tasks.metric import Metric
from adaloss.tasks.metrics import LOGGED
from adaloss.tasks.table import DEFAULT_TASK
from adaloss.tasks.task import Task
from analysis.figures.curve_panels import (
    BAND_SHARE,
    MOST_THIN_LINES,
    draw_panel,
    has_diverged,
    scale_epochs,
    scale_quantity,
)
from analysis.figures.parts.axes import (
    GREY,
    Per,
    cross_handle,
    fields_of,
    in_default_style,
    line_handles,
    shown_columns,
    tables_for,
)
from analysis.figures.parts.band import band_for
from analysis.figures.parts.course import (
    Part,
    Recorded,
    courses_by_cell,
    recorded_epochs,
    steps_of_an_epoch,
)
from analysis.figures.parts.labels import broken, evenly, in_words, literal
from analysis.figures.parts.line_styles import LineStyle, line_styles
from analysis.figures.parts.positions import positions_of
from analysis.figures.parts.sheet import PAGE_INCHES, SMALL_POINTS, TEXT_POINTS, add_key, new_sheet
from analysis.frame.frame import MISSING, grouped, metrics_in, task_in
from analysis.tables.names import NO_LABELS, Names
from analysis.tables.tables import Table, TableError, part_text

MOST_COLUMNS = 8
LABELS_INCHES = 0.65
NARROWEST, WIDEST = 0.75, 2.4
"""The width of a panel in inches."""
PANEL_HEIGHT = 0.95
RASTER_LINES = 1000
"""With at least this many thin lines, a vector file contains them as a picture."""


def curves_by_part(
    history: pd.DataFrame,
    frame: pd.DataFrame,
    *,
    x: str = "b0",
    line: str = "optimizer",
    per: Per = "model",
    metric: str = DEFAULT_TASK.reported,
    title: str,
    quantities: Sequence[str] | None = None,
    width: float = PAGE_INCHES,
    names: Names = NO_LABELS,
    task: Task | None = None,
) -> Iterator[tuple[str, Callable[[], Figure]]]:
    """Learning curves for each value of ``per``: its text, and a function that draws its figure.

    All recorded epochs are drawn. Rows of panels are the losses, ``metric``, the effective learning
    rate and b (or ``quantities``); columns are the values of ``x``, an even selection of many. Each
    ``line`` has a colour. Thin lines are seeds, thick lines their mean over the epochs that every
    complete seed has. A diverged trial has a × where its line ends, in a band at the top for a loss
    and otherwise at the bottom; a trial that diverged in its first epoch has it at the left. A part
    of which no trial has begun is left out, unless none of any part has.
    ``history`` and ``frame`` are those of :func:`analysis.frame.frame.history_frame` and
    :func:`analysis.frame.frame.build_frame`. The figures are at most ``width`` inches wide.

    Raises:
        TableError: the fields or a quantity do not exist, or a cell would mix trials that differ
            in more than the seed.
    """
    tables = tables_for(
        frame,
        rows=x,
        columns=line,
        per=per,
        metric=metric,
        at="last",
        na_if="any",
        title=title,
        names=names,
        task=task,
    )
    task = task or task_in(frame)
    wanted = tuple(dict.fromkeys(quantities or curves_with(task, metric)))
    known = (*metrics_in(frame), metric) if task.is_program else tuple(LOGGED)
    if unknown := [name for name in wanted if name not in (*known, *task.curves)]:
        raise TableError(
            f"learning curves: quantities: there is no {in_words(unknown)}; "
            f"there are {', '.join(known)}"
        )
    recorded = recorded_epochs(history, wanted)
    notes: list[str] = []
    styles = line_styles(shown_columns(tables, notes))
    begun = {*history["trial_id"], *frame.loc[frame["state"] != MISSING, "trial_id"]}
    parts = zip(tables, grouped(frame, fields_of(per)).values(), strict=True)

    @in_default_style
    def draw(table: Table, trials: pd.DataFrame, steps: float | None) -> Figure:
        part = part_of(table, trials, recorded, wanted, styles, width, task)
        part = part if task.is_program else replace(part, steps=steps)
        values = positions_of(table.row_values).values
        heading = f"{title}: {table.part}" if title and table.part else title or table.part or ""
        return draw_part(part, heading, width, [*choice_note(part, values), *notes])

    return (
        (
            part_text(table.part_values, table.names.of_values) or title,
            partial(draw, table, trials, steps_of_an_epoch(history, trials["trial_id"])),
        )
        for table, trials in parts
        if not begun or not begun.isdisjoint(trials["trial_id"])
    )


def part_of(
    table: Table,
    trials: pd.DataFrame,
    recorded: Recorded,
    quantities: tuple[str, ...],
    styles: Mapping[object, LineStyle],
    width: float,
    task: Task,
) -> Part:
    """The content of this table's figure."""
    most = max(1, min(MOST_COLUMNS, int((width - LABELS_INCHES) / NARROWEST)))
    return Part(
        field=table.row_field,
        line_field=table.column_field,
        shown=evenly(positions_of(table.row_values).values, most),
        names=table.names,
        quantities=quantities,
        styles={c: style for c, style in styles.items() if c in table.column_values},
        cells=courses_by_cell(
            trials, (table.row_field, table.column_field), recorded, joined=task.is_program
        ),
        task=task,
    )


def choice_note(part: Part, values: Sequence[object]) -> list[str]:
    """A note on which values are shown, if not all are."""
    if len(part.shown) == len(values):
        return []
    shown = in_words(part.names.along(part.field, part.shown))
    return [f"Shown are {len(part.shown)} of {len(values)} values of {part.field_name}: {shown}."]


def draw_part(part: Part, heading: str, width: float, notes: Sequence[str]) -> Figure:
    """Panels of quantities × values, those of a quantity on one scale."""
    rows, columns = len(part.quantities), len(part.shown)
    headings = [
        text if part.names.is_word(part.field, value) else f"{part.field_name} = {text}"
        for value, text in zip(part.shown, part.names.along(part.field, part.shown), strict=True)
    ]
    panel = min(WIDEST, (width - LABELS_INCHES) / columns)
    heights = PANEL_HEIGHT * rows + 0.4
    figure = new_sheet(LABELS_INCHES + panel * columns, heights, heading)
    panels = figure.subplots(rows, columns, sharex=True, sharey="row", squeeze=False)
    thin = len(part.all_courses) * rows
    for (row, column), axes in np.ndenumerate(panels):
        quantity = part.quantities[row]
        band = band_for(part.about(quantity), BAND_SHARE)
        draw_panel(axes, part, quantity, part.shown[column], band, thin > RASTER_LINES)
        if row == 0:
            name = broken(headings[column], int(panel * 15))
            axes.set_title(literal(name), fontsize=TEXT_POINTS)
        # Exclude hidden labels from the layout, which would spend most of its time on them.
        axes.xaxis.set_in_layout(row == rows - 1)
        axes.yaxis.set_in_layout(column == 0)
    for across, quantity in zip(panels, part.quantities, strict=True):
        label = literal(broken(part.about(quantity).label, 18))
        across[0].set_ylabel(label, fontsize=SMALL_POINTS)
        scale_quantity(across[0], part, quantity)
        if has_diverged(part, quantity):
            band_for(part.about(quantity), BAND_SHARE).set_apart(across, named=across[:1])
    for axes in panels[-1]:
        word = part.task.epoch_word
        label = word if part.steps is None else f"{word} ({part.steps:,g} steps each)"
        axes.set_xlabel(label, fontsize=TEXT_POINTS)
    scale_epochs(panels[0, 0], part)
    figure.align_ylabels(panels[:, 0])
    add_key(figure, handles(part), [meaning(part), *notes, *left_out(part)])
    return figure


def handles(part: Part) -> list[Line2D]:
    """The key's entries: the lines, and the kinds of thin lines and marks that occur."""
    entries = line_handles(part.line_field, part.styles, part.names)
    if any(len(courses) > 1 for courses in part.cells.values()):
        look: dict[str, Any] = (
            {"marker": ".", "linestyle": "none"} if part.is_one_epoch else {"linewidth": 0.5}
        )
        entries.append(Line2D([], [], color=GREY, label="one seed", **look))
    if any(course.is_unfinished for course in part.recorded):
        dotted: dict[str, Any] = {"linewidth": 0.7, "linestyle": ":"}
        entries.append(Line2D([], [], color=GREY, label="failed or not finished", **dotted))
    if any(course.has_diverged for course in part.all_courses):
        entries.append(cross_handle())
    return entries


def meaning(part: Part) -> str:
    """Notes on the thick lines, and on seeds that are not drawn."""
    most = max((len(part.courses(v, c)) for v in part.shown for c in part.styles), default=0)
    words, word = [], part.task.epoch_word
    if most > 1:
        thick = "Large" if part.is_one_epoch else "Thick"
        words.append(f"{thick}: mean over the seeds that completed, at the {word}s all have.")
    if most > MOST_THIN_LINES:
        words.append(f"Of up to {most} seeds in a cell {MOST_THIN_LINES} are drawn thin.")
    if any(course.has_diverged and not len(course.epochs) for course in part.all_courses):
        words.append(f"A × at the left edge: diverged in the first {word}.")
    return " ".join(words)


def left_out(part: Part) -> list[str]:
    """Notes on lines that have no single rate or b and are missing in those panels."""
    names_of: dict[str, list[str]] = {}
    for column, quantity in part.without:
        names_of.setdefault(part.names.alone(part.line_field, column), []).append(
            quantity if part.task.is_program else single(part.about(quantity))
        )
    return [f"{name} has no {' and no '.join(words)}." for name, words in names_of.items()]


def single(metric: Metric) -> str:
    """What some optimizers do not have one of."""
    return f"single {metric.heading or metric.name}"


def curves_with(task: Task, metric: str) -> tuple[str, ...]:
    """The curves of the task, with this metric in place of the reported one."""
    if task.is_program:
        return (metric, *(name for name in task.curves if name != task.reported))
    return tuple(metric if name == task.reported else name for name in task.curves)
