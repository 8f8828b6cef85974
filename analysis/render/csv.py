"""All tables as one long CSV file with unrounded numbers, for spreadsheets and programs."""

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd

from adaloss.grid.tables.at import reach_of
from adaloss.tasks.program.fields import POINT
from analysis.tables.cells import Cell, CellStatus
from analysis.tables.tables import Table
from analysis.tables.wording import one_line

COLUMNS = (
    "table",
    "per",
    "metric",
    "at",
    "row_field",
    "row",
    "column_field",
    "column",
    "mean",
    "std",
    "sem",
    "ci95",
    "n",
    "expected",
    "diverged",
    "failed",
    "missing",
    "na",
    "best",
    "mixed",
)
TARGET_COLUMNS = ("reached",)
"""A further column where a table has a target: whether all seeds reach it."""
TUNED_COLUMNS = ("tuned", "tried", "at_edge")
"""Further columns where a table has tuned fields."""

# Spreadsheets interpret a cell that starts with one of these as a formula.
FORMULA_STARTS = ("=", "+", "-", "@")


def render_csv(tables: Sequence[Table]) -> str:
    """A header and one line per cell that the sweep declares."""
    records = [record for table in tables for record in cell_records(table)]
    targets = any(reach_of(table.at) for table in tables)
    columns = [
        *COLUMNS,
        *(TARGET_COLUMNS if targets else ()),
        *(TUNED_COLUMNS if any(table.tune for table in tables) else ()),
    ]
    return pd.DataFrame(records, columns=columns, dtype="object").to_csv(
        index=False, lineterminator="\n"
    )


def cell_records(table: Table) -> list[dict[str, object]]:
    """The cells of one table, row by row."""
    return [
        {
            "table": guarded(table.title),
            "per": json.dumps(dict(table.part_values)),
            "metric": guarded(table.metric),
            "at": table.at,
            "row_field": guarded(table.row_field),
            "row": guarded(as_json(row) if table.row_field == POINT else row),
            "column_field": guarded(table.column_field),
            "column": guarded(column),
            "mean": cell.mean,
            "std": cell.std,
            "sem": cell.spread("sem"),
            "ci95": cell.spread("ci95"),
            "n": cell.n,
            "expected": cell.expected,
            "diverged": cell.diverged,
            "failed": cell.failed,
            "missing": cell.missing,
            "na": cell.status is CellStatus.NA,
            "best": cell.best,
            "mixed": cell.mixed,
            **reached_record(table, cell),
            **tuning_record(cell, table.tune),
        }
        for (row, column), cell in table.cells.items()
        if cell.status is not CellStatus.UNDECLARED
    ]


def as_json(point: Any) -> str:
    """The parameters of a point with their values."""
    return json.dumps(dict(point))


def reached_record(table: Table, cell: Cell) -> dict[str, object]:
    """Whether all seeds of a cell reach the target of its table; None without a target or value."""
    known = reach_of(table.at) and cell.status in (CellStatus.VALUE, CellStatus.UNREACHED)
    return {"reached": cell.status is CellStatus.VALUE if known else None}


def tuning_record(cell: Cell, fields: Sequence[str]) -> dict[str, object]:
    """The chosen values of the tuned fields as JSON, of how many, and the fields at an edge."""
    choice = cell.choice
    if choice is None:
        return {"tuned": "", "tried": None, "at_edge": ""}
    values = dict(zip(fields, choice.values, strict=True)) if choice.values else {}
    edges = [f"{f} upwards" for f in choice.upwards] + [f"{f} downwards" for f in choice.downwards]
    return {"tuned": json.dumps(values), "tried": choice.tried, "at_edge": ", ".join(edges)}


def guarded(value: object) -> object:
    """A text on one line that is safe in spreadsheets; numbers are unchanged."""
    if not isinstance(value, str):
        return value
    text = one_line(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
