"""The content of the interactive figures: the cells of the first kind of table, by part."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from adaloss.grid.tables.at import about_metric
from adaloss.grid.tables.spec import TableSpec
from adaloss.tasks.metric import Metric
from analysis.figures.parts.line_styles import LineStyle, line_styles
from analysis.figures.parts.positions import Positions, positions_of
from analysis.frame.column_types import values_of
from analysis.frame.frame import positions_by
from analysis.tables.cells import Cell, CellStyle, beyond_words
from analysis.tables.measure import Measure
from analysis.tables.names import Names
from analysis.tables.tables import Table, selected
from analysis.tables.wording import number_text

MOST_LINES = 40
"""The largest number of columns in the figures; the tables have all."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """A cell of a figure: its place among parts, rows and lines, and its trials' frame rows."""

    part: int
    row: int
    line: int
    cell: Cell
    trials: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The axes and cells of the figures. ``all_lines`` includes omitted lines.

    ``style`` is that of the table's cells, without the number of seeds, which is separate.
    """

    spec: TableSpec
    measure: Measure
    names: Names
    style: CellStyle
    rows: Positions
    row_texts: Sequence[str]
    line_labels: Sequence[str]
    styles: Sequence[LineStyle]
    all_lines: int
    parts: Sequence[str]
    points: Sequence[Point]

    @property
    def row_name(self) -> str:
        """What the rows' field is called."""
        return self.names.field(self.spec.rows)

    @property
    def line_name(self) -> str:
        """What the field of the lines is called."""
        return self.names.field(self.spec.columns)

    @property
    def beyond(self) -> str:
        """Why cells are worse than any number; empty if none is."""
        return beyond_words(point.cell for point in self.points)

    def about(self, quantity: str) -> Metric:
        """What the task says about a metric of the curves."""
        return about_metric(quantity, self.measure.task)

    def number(self, value: float) -> str:
        """A number of the metric, as the tables have it."""
        return number_text(value, self.style.decimals)

    def cell_texts(self, point: Point) -> tuple[str, str, str]:
        """The part, the row and the line of a cell."""
        return (
            self.parts[point.part],
            self.row_texts[point.row],
            self.line_labels[point.line],
        )


def subject_of(
    frame: pd.DataFrame, tables: Sequence[Table], spec: TableSpec, measure: Measure
) -> Subject | None:
    """The subject of the first tables, those of ``spec``; None without any."""
    chosen = selected(frame, spec)
    tables = tables[: len(positions_by(chosen, spec.per))]
    if not tables:
        return None
    names = tables[0].names
    positions = positions_of(tuple(dict.fromkeys(values_of(chosen, spec.rows))))
    lines = tuple(dict.fromkeys(values_of(chosen, spec.columns)))
    shown = lines[:MOST_LINES]
    styles = line_styles(shown)
    return Subject(
        spec=spec,
        measure=measure,
        names=names,
        style=replace(tables[0].style, always_n=False),
        rows=positions,
        row_texts=names.along(spec.rows, positions.values),
        line_labels=[names.alone(spec.columns, value) for value in shown],
        styles=[styles[value] for value in shown],
        all_lines=len(lines),
        parts=[table.part or table.title for table in tables],
        points=tuple(points_of(chosen, tables, spec, positions.values, shown)),
    )


def points_of(
    chosen: pd.DataFrame,
    tables: Sequence[Table],
    spec: TableSpec,
    rows: Sequence[object],
    lines: Sequence[object],
) -> Iterator[Point]:
    """The declared cells, part by part, line by line along the rows."""
    positions = positions_by(chosen, (*spec.per, spec.rows, spec.columns))
    labels = chosen.index.to_list()
    for part, table in enumerate(tables):
        for line, column in enumerate(lines):
            for row, value in enumerate(rows):
                found = positions.get((*table.part_values.values(), value, column))
                if found is not None:
                    yield Point(
                        part=part,
                        row=row,
                        line=line,
                        cell=table.cells[(column, value) if spec.transpose else (value, column)],
                        trials=[labels[position] for position in found],
                    )
