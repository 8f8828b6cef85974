"""From the frame to tables of mean±std: what is a row, a column, a cell, and which is best."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import pandas as pd

from adaloss.result import METRIC_NAMES
from adaloss.table_spec import At, TableSpec
from adaloss.trial import FIELD_NAMES
from adaloss.user_error import UserError
from analysis.caption import caption_of
from analysis.cells import UNDECLARED_CELL, Cell, cell_of
from analysis.frame import distinct_values, grouped
from analysis.measure import METRIC_GOALS, Goal, Measure
from analysis.wording import field_value_text, number_text, one_line, value_text

AVERAGED_FIELD = "seed"
"""The only field that a cell averages over."""

CellKey = tuple[object, object]


class TableError(UserError, ValueError):
    """A table cannot be compiled as it was asked for; the message says what to change."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A compiled table: ``cells`` has an entry for every pair of a row and a column value.

    ``part`` words the value of the spec's ``per`` that the table is of, None without one.
    """

    title: str
    part: str | None
    caption: str
    metric: str
    at: At
    decimals: int
    row_field: str
    column_field: str
    row_values: tuple[object, ...]
    column_values: tuple[object, ...]
    cells: Mapping[CellKey, Cell]

    @property
    def rows_are_names(self) -> bool:
        """Whether the row headings are words, which align to the left, or numbers."""
        return any(isinstance(value, str) for value in self.row_values)


def compile_tables(
    frame: pd.DataFrame,
    specs: Sequence[TableSpec],
    *,
    metric: str,
    at: At,
    goal: Goal,
    sweep_name: str,
) -> tuple[Table, ...]:
    """One table per spec and value of its ``per``, in declared order.

    ``metric``, ``at`` and ``goal`` are the sweep's; a spec with a metric of its own is judged by
    what is better for that one. Rows and columns stand in the order in which the frame first has
    them. A cell averages over seeds and nothing else.

    Raises:
        TableError: a spec names an unknown or repeated field or metric, or a cell would mix
            trials that differ in more than the seed.
    """
    tables: list[Table] = []
    for spec in specs:
        check_names(spec, metric)
        own_metric = spec.metric or metric
        measure = Measure(
            metric=own_metric,
            at=spec.at or at,
            goal=goal if own_metric == metric else METRIC_GOALS[own_metric],
        )
        tables.extend(tables_of(frame, spec, measure, sweep_name))
    return tuple(tables)


def tables_of(
    frame: pd.DataFrame, spec: TableSpec, measure: Measure, sweep_name: str
) -> Iterator[Table]:
    """The tables of one spec: one per value of ``per``."""
    varying = [name for name in FIELD_NAMES if len(distinct_values(frame, name)) > 1]
    parts = grouped(frame, () if spec.per is None else (spec.per,))
    for per_values, part in parts.items():
        part_name = spec.per and field_value_text(spec.per, per_values[0])
        needs_name = len(parts) > 1 or spec.title is None
        cells = mark_best(compile_cells(part, spec, measure, varying), measure, spec.decimals)
        yield Table(
            title=title_of(spec.title or sweep_name, part_name if needs_name else None),
            part=part_name,
            caption=caption_of(part, spec, measure, cells, varying),
            metric=measure.metric,
            at=measure.at,
            decimals=spec.decimals,
            row_field=spec.rows,
            column_field=spec.columns,
            row_values=tuple(dict.fromkeys(part[spec.rows])),
            column_values=tuple(dict.fromkeys(part[spec.columns])),
            cells=MappingProxyType(cells),
        )


def title_of(name: str, part_name: str | None) -> str:
    """The table's title, with the value of ``per`` where the name alone does not tell it."""
    return one_line(name) if part_name is None else f"{one_line(name)}: {part_name}"


def check_names(spec: TableSpec, metric: str) -> None:
    """Refuse axes and metrics that do not exist or repeat."""
    axes = {"rows": spec.rows, "columns": spec.columns, "per": spec.per}
    for axis, field in axes.items():
        if field is not None and field not in FIELD_NAMES:
            raise TableError(
                f"tables: {axis}: {field} is not a field of a trial; "
                f"the fields are {', '.join(FIELD_NAMES)}"
            )
    named = [field for field in axes.values() if field is not None]
    if len(set(named)) < len(named):
        raise TableError(
            f"tables: rows, columns and per must be different fields, not {', '.join(named)}"
        )
    if (wanted := spec.metric or metric) not in METRIC_NAMES:
        raise TableError(
            f"tables: metric: there is no {wanted}; the metrics are {', '.join(METRIC_NAMES)}"
        )


def compile_cells(
    part: pd.DataFrame, spec: TableSpec, measure: Measure, varying: Sequence[str]
) -> dict[CellKey, Cell]:
    """The cell of every pair of a row and a column value, declared or not."""
    trials = grouped(part, (spec.rows, spec.columns))
    shown = {spec.rows, spec.columns, spec.per, AVERAGED_FIELD}
    hidden = [name for name in varying if name not in shown]
    for key, group in trials.items():
        check_unmixed(group, spec, key, hidden)
    return {
        (row, column): cell_of(trials[row, column], measure.column, spec.na_if)
        if (row, column) in trials
        else UNDECLARED_CELL
        for row in dict.fromkeys(part[spec.rows])
        for column in dict.fromkeys(part[spec.columns])
    }


def check_unmixed(
    trials: pd.DataFrame, spec: TableSpec, key: tuple[object, ...], hidden: Sequence[str]
) -> None:
    """Refuse a cell whose trials differ in more than the seed."""
    values = {name: distinct_values(trials, name) for name in hidden}
    mixed = {name: found for name, found in values.items() if len(found) > 1}
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


def mark_best(
    cells: Mapping[CellKey, Cell], measure: Measure, decimals: int
) -> dict[CellKey, Cell]:
    """The cells with each row's best marked: all that are equal to it as shown.

    In a table of one column there is nothing to compare.
    """
    shown = {
        key: float(number_text(cell.mean, decimals))
        for key, cell in cells.items()
        if cell.mean is not None
    }
    if measure.goal is None or len({column for _, column in cells}) < 2:
        return dict(cells)
    best_of = max if measure.goal == "maximize" else min
    best = {
        row: best_of(value for (other, _), value in shown.items() if other == row)
        for row, _ in shown
    }
    return {
        key: replace(cell, best=key in shown and shown[key] == best[key[0]])
        for key, cell in cells.items()
    }
