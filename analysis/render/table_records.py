"""Compiled tables as plain values, for JSON."""

from collections.abc import Sequence
from typing import Any, cast

from adaloss.tasks.program.fields import POINT
from analysis.tables.cells import Cell, CellStatus
from analysis.tables.tables import Table


def table_record(table: Table) -> dict[str, Any]:
    """A table with the cells that the sweep declares, row by row."""
    return {
        "title": table.title,
        "per": dict(table.part_values),
        "metric": table.metric,
        "at": table.at,
        "row_field": table.row_field,
        "column_field": table.column_field,
        "caption": table.caption,
        "cells": [
            {
                "row": dict(cast(Any, row)) if table.row_field == POINT else row,
                "column": column,
                **cell_record(cell, table.tune),
            }
            for (row, column), cell in table.cells.items()
            if cell.status is not CellStatus.UNDECLARED
        ],
    }


def cell_record(cell: Cell, tune: Sequence[str]) -> dict[str, Any]:
    """A cell's numbers, unrounded, and the chosen values of tuned fields."""
    values = () if cell.choice is None else cell.choice.values
    return {
        "status": cell.status.value,
        "mean": cell.mean,
        "std": cell.std,
        "n": cell.n,
        "expected": cell.expected,
        "diverged": cell.diverged,
        "failed": cell.failed,
        "missing": cell.missing,
        "best": cell.best,
        "mixed": cell.mixed,
        "tuned": dict(zip(tune, values, strict=True)) if values else None,
    }
