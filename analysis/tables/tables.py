"""Compile tables of mean±spread from a frame."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import pandas as pd

from adaloss.errors import UserError
from adaloss.grid.tables.at import NEEDS_TARGET, At, about_metric, epoch_of, reach_of
from adaloss.grid.tables.spec import TableSpec
from adaloss.tasks.metric import EPOCH, Goal
from adaloss.tasks.metrics import COUNTED, METRICS
from adaloss.tasks.program.fields import POINT
from adaloss.tasks.program.task import aimed
from adaloss.tasks.task import Task
from analysis.frame.column_types import values_of
from analysis.frame.frame import (
    Values,
    applicable_values,
    distinct_values,
    fields_in,
    grouped,
    metrics_in,
    positions_by,
    task_in,
)
from analysis.tables.caption import caption_of
from analysis.tables.cells import UNDECLARED_CELL, Cell, CellStyle, cell_of_ends, ends_of
from analysis.tables.decimals import decimals_for
from analysis.tables.marks import mark_best
from analysis.tables.measure import Measure
from analysis.tables.names import NO_LABELS, Names
from analysis.tables.own_changes import is_mixed, recorded
from analysis.tables.points import ranked
from analysis.tables.tuning import Choices, tuned
from analysis.tables.wording import one_line, value_text

AVERAGED_FIELD = "seed"
"""A cell averages over this field and no other."""

CellKey = tuple[object, object]


class TableError(UserError, ValueError):
    """A requested table cannot be compiled; the message says what to change."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A compiled table: ``cells`` has an entry for every pair of a row and a column value.

    ``part`` is a text for the table's values of the spec's ``per``, None without any;
    ``part_values`` has them by field. ``style`` formats cells, ``names`` has the labels. ``tune``
    are the fields whose values were chosen for each cell. ``task`` is that of the trials.
    """

    title: str
    part: str | None
    part_values: Mapping[str, object]
    caption: str
    metric: str
    at: At
    style: CellStyle
    names: Names
    row_field: str
    column_field: str
    row_values: tuple[object, ...]
    column_values: tuple[object, ...]
    cells: Mapping[CellKey, Cell]
    tune: tuple[str, ...] = ()
    task: Task | None = field(default=None, repr=False)

    @property
    def measure(self) -> Measure:
        """What the cells are, with the goal that the metric has by itself."""
        goal = about_metric(self.metric, self.task).goal
        return Measure(metric=self.metric, at=self.at, goal=goal, task=self.task)

    @property
    def rows_are_names(self) -> bool:
        """Whether the row headings are words (aligned to the left), not numbers."""
        return any(self.names.is_word(self.row_field, value) for value in self.row_values)

    @property
    def row_name(self) -> str:
        """What the rows' field is called."""
        return self.names.field(self.row_field)

    @property
    def column_name(self) -> str:
        """What the columns' field is called."""
        return self.names.field(self.column_field)

    @property
    def row_texts(self) -> list[str]:
        """The names of the rows."""
        return [self.names.text(self.row_field, value) for value in self.row_values]

    @property
    def column_texts(self) -> list[str]:
        """The names of the columns."""
        return [self.names.text(self.column_field, value) for value in self.column_values]

    @property
    def lines(self) -> list[tuple[str, list[Cell]]]:
        """Each row's name and its cells."""
        return [
            (text, [self.cells[row, column] for column in self.column_values])
            for text, row in zip(self.row_texts, self.row_values, strict=True)
        ]

    @property
    def corner(self) -> str:
        """The heading above the row headings: the fields whose values are numbers."""
        if all(self.names.is_word(self.column_field, value) for value in self.column_values):
            return self.row_name
        return f"{self.row_name} / {self.column_name}"


def compile_tables(
    frame: pd.DataFrame,
    specs: Sequence[TableSpec],
    *,
    metric: str,
    at: At,
    goal: Goal | None,
    sweep_name: str,
    names: Names = NO_LABELS,
    task: Task | None = None,
) -> tuple[Table, ...]:
    """One table per spec and value of its ``per``, in declared order.

    ``metric``, ``at`` and ``goal`` are the sweep's; a spec with its own metric uses that metric's
    goal. Rows and columns keep the order in which the frame first has them. A cell averages over
    seeds and nothing else. For ``epoch N`` the frame must have the columns (see
    :func:`analysis.frame.frame.build_frame`). ``task`` is that of the trials, by default the
    frame's; of a program it then has the sweep's metric and goal.

    Raises:
        TableError: a spec names an unknown or repeated field or metric, an epoch that no trial
            has or a cell that does not exist, or a cell would mix trials that differ in more than
            the seed.
    """
    tables: list[Table] = []
    if task is None:
        task = aimed(task_in(frame), metric, goal)
    varying = [name for name in fields_in(frame) if len(distinct_values(frame, name)) > 1]
    for spec in specs:
        measure = measure_of(spec, metric=metric, at=at, goal=goal, task=task)
        check_names(spec, measure, frame)
        check_epoch(frame, measure)
        whole = selected(frame, spec)
        tables.extend(tables_of(whole, spec, measure, varying, sweep_name, names))
    return tuple(tables)


def measure_of(spec: TableSpec, *, metric: str, at: At, goal: Goal | None, task: Task) -> Measure:
    """The table's measure; the arguments are the sweep's."""
    at = spec.at or at
    own = spec.metric or (EPOCH.name if reach_of(at) else metric)
    own_goal = goal if own == metric else about_metric(own, task).goal
    return Measure(metric=own, at=at, goal=own_goal, task=task)


def tables_of(
    whole: pd.DataFrame,
    spec: TableSpec,
    measure: Measure,
    varying: Sequence[str],
    sweep_name: str,
    names: Names,
) -> Iterator[Table]:
    """The tables of one spec: one per value of ``per``."""
    frame, choices = tuned(whole, spec, measure)
    parts, wholes = grouped(frame, spec.per), grouped(whole, spec.per)
    own_choices = {
        per_values: {key[:2]: choice for key, choice in choices.items() if key[2:] == per_values}
        for per_values in parts
    }
    cells_of_parts = {
        per_values: compile_cells(part, own_choices[per_values], spec, measure, varying)
        for per_values, part in parts.items()
    }
    every_cell = [cell for cells in cells_of_parts.values() for cell in cells.values()]
    style = CellStyle(
        decimals=decimals_for(every_cell, spec, measure),
        spread=spec.spread,
        always_n=spec.show_n == "always",
    )
    for per_values, all_tried in wholes.items():
        part, own = parts[per_values], own_choices[per_values]
        cells = cells_of_parts[per_values]
        rows = values_of(all_tried, spec.rows)
        if spec.ranks_points:
            cells = ranked(cells, measure.goal)
            rows = [row for row, _ in cells]
        named = dict(zip(spec.per, per_values, strict=True))
        part_name = part_text(named, names)
        needs_name = len(parts) > 1 or spec.title is None
        if spec.mark != "none":
            cells = mark_best(cells, measure.goal, style, second=spec.mark == "best_and_second")
        table = Table(
            title=title_of(spec.title or sweep_name, part_name if needs_name else None),
            part=part_name,
            part_values=MappingProxyType(named),
            caption=caption_of(part, all_tried, own, spec, measure, cells, varying, names),
            metric=measure.metric,
            at=measure.at,
            style=style,
            names=names,
            row_field=spec.rows,
            column_field=spec.columns,
            row_values=tuple(dict.fromkeys(rows)),
            column_values=tuple(dict.fromkeys(values_of(all_tried, spec.columns))),
            cells=MappingProxyType(cells),
            tune=spec.tune,
            task=measure.task,
        )
        yield transposed(table) if spec.transpose else table


def part_text(values: Mapping[str, object], names: Names) -> str | None:
    """The values of ``per`` as text, None without any."""
    return ", ".join(names.alone(*item) for item in values.items()) or None


def transposed(table: Table) -> Table:
    """The table with rows and columns exchanged; marks stay on the same cells."""
    return replace(
        table,
        row_field=table.column_field,
        column_field=table.row_field,
        row_values=table.column_values,
        column_values=table.row_values,
        cells=MappingProxyType({(c, r): cell for (r, c), cell in table.cells.items()}),
    )


def selected(frame: pd.DataFrame, spec: TableSpec) -> pd.DataFrame:
    """The rows of the frame that the spec's ``only`` and ``exclude`` leave.

    Raises:
        TableError: they name an unknown field, or leave no row.
    """
    if not spec.only and not spec.exclude:
        return frame
    for name in {*spec.only, *(name for point in spec.exclude for name in point)}:
        if name not in fields_in(frame):
            raise TableError(f"tables: only, exclude: {name} is not a field of a trial")
    left = frame[matching(frame, spec.only)]
    for point in spec.exclude:
        left = left[~matching(left, point)]
    if left.empty and not frame.empty:
        raise TableError("tables: only and exclude leave no cell of the sweep")
    return left


def matching(frame: pd.DataFrame, point: Mapping[str, Sequence[object]]) -> "pd.Series[bool]":
    """Which rows have one of the values in every field of the point."""
    matched = pd.Series(data=True, index=frame.index)
    for name, values in point.items():
        # Not isin, which treats None as NaN.
        matched &= pd.Series(
            [value in values for value in values_of(frame, name)], index=frame.index
        )
    return matched


def title_of(name: str, part_name: str | None) -> str:
    """The table's title, extended by the value of ``per``."""
    return one_line(name) if part_name is None else f"{one_line(name)}: {part_name}"


def check_names(spec: TableSpec, measure: Measure, frame: pd.DataFrame) -> None:
    """Refuse unknown or repeated axes, and unknown metrics."""
    fields = fields_in(frame)
    named_axes = [("rows", spec.rows), ("columns", spec.columns)]
    several = (("per", spec.per), ("tune", spec.tune))
    named_axes += [(axis, field) for axis, fields_there in several for field in fields_there]
    for axis, name in named_axes:
        if name not in fields and not (axis == "rows" and name == POINT and POINT in frame):
            raise TableError(
                f"tables: {axis}: {name} is not a field of a trial; "
                f"the fields are {', '.join(fields)}"
            )
    axes = (*spec.axes, *spec.tune)
    if len(set(axes)) < len(axes):
        what = "rows, columns, per and tune" if spec.tune else "rows, columns and per"
        raise TableError(f"tables: {what} must be different fields, not {', '.join(axes)}")
    known = metrics_in(frame) if task_in(frame).is_program else tuple(METRICS)
    if measure.metric not in known:
        raise TableError(
            f"tables: metric: there is no {measure.metric}; the metrics are {', '.join(known)}"
        )
    if measure.metric in COUNTED and measure.reach is None:
        raise TableError(f"tables: metric: {measure.metric} {NEEDS_TARGET}")


def check_epoch(frame: pd.DataFrame, measure: Measure) -> None:
    """Refuse an epoch after the last epoch of every trial."""
    if task_in(frame).is_program:
        # Only the program knows how often it reports.
        return
    epoch = epoch_of(measure.at)
    longest = max(frame["epochs"], default=None)
    if epoch is not None and longest is not None and epoch > longest:
        raise TableError(
            f"tables: at: there is no epoch {epoch}: the trials have {longest}; write epoch "
            f"{longest} or an earlier one"
        )


def compile_cells(
    part: pd.DataFrame,
    choices: Choices,
    spec: TableSpec,
    measure: Measure,
    varying: Sequence[str],
) -> dict[CellKey, Cell]:
    """The cell of every pair of a row and a column value, declared or not."""
    positions = positions_by(part, (spec.rows, spec.columns))
    shown = {*(varying if spec.ranks_points else spec.axes), AVERAGED_FIELD}
    hidden = {name: applicable_values(part, name) for name in varying if name not in shown}
    for key, rows in positions.items():
        check_unmixed(rows, hidden, spec, key)
    ends, fingerprints = ends_of(part, measure), recorded(part)
    cells = {
        key: replace(
            cell_of_ends((ends[row] for row in rows), spec.na_if),
            mixed=is_mixed(fingerprints[row] for row in rows),
            choice=choices.get(key),
        )
        for key, rows in positions.items()
    }
    return {
        (row, column): cells.get((row, column), UNDECLARED_CELL)
        for row in dict.fromkeys(values_of(part, spec.rows))
        for column in dict.fromkeys(values_of(part, spec.columns))
    }


def check_unmixed(
    rows: Sequence[int], hidden: Mapping[str, Values], spec: TableSpec, key: tuple[object, ...]
) -> None:
    """Refuse a cell whose trials differ in more than the seed."""
    mixed = {name: found for name, values in hidden.items() if len(found := values.among(rows)) > 1}
    if mixed:
        row, column = (value_text(value) for value in key)
        what = " and ".join(
            f"{name} ({', '.join(map(value_text, found))})" for name, found in mixed.items()
        )
        raise TableError(
            f"tables: the cell {spec.rows}={row}, {spec.columns}={column} would average over "
            f"{what}, not only over seeds; add {' and '.join(mixed)} to the table "
            "as its rows, columns or per"
        )
