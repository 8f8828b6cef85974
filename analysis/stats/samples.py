"""The values of a table's trials as arrays: the input of the statistics."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isinf

import numpy as np
import pandas as pd

from adaloss.grid.tables.spec import NaIf, TableSpec
from adaloss.records.result import TrialState
from analysis.frame.column_types import values_of
from analysis.frame.frame import grouped
from analysis.stats.distributions import Bools, Floats
from analysis.tables.cells import CellStatus, TrialEnd, ends_of
from analysis.tables.measure import Measure
from analysis.tables.names import NO_LABELS, Names
from analysis.tables.tables import Table, compile_tables

DIVERGED = "diverged"


@dataclass(frozen=True, kw_only=True, eq=False)
class Samples:
    """One part of a sweep, indexed by column, row and seed in the orders given.

    ``values`` has the measure of each complete trial, else NaN. ``diverged`` marks the trials that
    diverged, those that never reach the target and those with an infinite value: all are worse than
    any number. ``repeated`` marks trials that an earlier row of the column also has (its optimizer
    does not use the row's field), ``is_trial`` those that the sweep has. By column and row,
    ``declared`` says whether the sweep has the cell, ``not_available`` whether it diverged by
    ``na_if`` or did not always reach the target, ``has_mean`` whether it has a mean. ``lost`` is
    what to call a cell that is not available, ``row_name`` what the rows' field is called.
    """

    part: str
    lost: str
    part_values: tuple[object, ...]
    columns: tuple[object, ...]
    rows: tuple[object, ...]
    row_name: str
    column_texts: tuple[str, ...]
    row_texts: tuple[str, ...]
    seeds: tuple[object, ...]
    values: Floats
    diverged: Bools
    repeated: Bools
    is_trial: Bools
    declared: Bools
    not_available: Bools
    has_mean: Bools


def samples_of(
    frame: pd.DataFrame,
    *,
    rows: str,
    columns: str,
    per: Sequence[str],
    measure: Measure,
    na_if: NaIf,
    names: Names = NO_LABELS,
) -> Iterator[Samples]:
    """The samples of each part of the frame, a part per value of the ``per`` fields.

    Raises:
        TableError: a field is unknown or repeated, or a cell would mix trials that differ in
            more than the seed.
    """
    spec = TableSpec(rows=rows, columns=columns, per=tuple(per), na_if=na_if, metric=measure.metric)
    tables = compile_tables(
        frame,
        [spec],
        metric=measure.metric,
        at=measure.at,
        # The goal only affects marks, which are not used here.
        goal=measure.goal or "maximize",
        sweep_name="",
        names=names,
        task=measure.task,
    )
    parts = grouped(frame, spec.per)
    for table, (part_values, part) in zip(tables, parts.items(), strict=True):
        yield samples_of_part(part, part_values, table, measure)


def samples_of_part(
    part: pd.DataFrame, part_values: tuple[object, ...], table: Table, measure: Measure
) -> Samples:
    """The arrays of one part, with the cells' status from its table."""
    seeds = tuple(sorted(dict.fromkeys(values_of(part, "seed"))))
    shape = (len(table.column_values), len(table.row_values), len(seeds))
    values, diverged = np.full(shape, np.nan), np.zeros(shape, dtype=bool)
    repeated, is_trial = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    seen: dict[tuple[int, str], int] = {}
    for at, end in trials_of(part, table, seeds, measure):
        column, row, _ = at
        is_trial[at] = True
        repeated[at] = seen.setdefault((column, end.trial_id), row) != row
        if end.state == TrialState.DIVERGED.value or end.is_unreached or isinf(end.value):
            diverged[at] = True
        elif end.state == TrialState.COMPLETE.value:
            values[at] = end.value
    return Samples(
        part=table.part or "",
        lost=DIVERGED if measure.reach is None else f"{DIVERGED} or not reached",
        part_values=part_values,
        columns=table.column_values,
        rows=table.row_values,
        row_name=table.row_name,
        column_texts=tuple(table.column_texts),
        row_texts=tuple(table.row_texts),
        seeds=seeds,
        values=values,
        diverged=diverged,
        repeated=repeated,
        is_trial=is_trial,
        **statuses(table),
    )


def trials_of(
    part: pd.DataFrame, table: Table, seeds: Sequence[object], measure: Measure
) -> Iterator[tuple[tuple[int, int, int], TrialEnd]]:
    """The position and the end of each trial."""
    places = (
        {value: index for index, value in enumerate(values)}
        for values in (table.column_values, table.row_values, seeds)
    )
    fields = (table.column_field, table.row_field, "seed")
    columns, rows, of_seeds = (
        [place[value] for value in values_of(part, field)]
        for place, field in zip(places, fields, strict=True)
    )
    at = zip(columns, rows, of_seeds, strict=True)
    yield from zip(at, ends_of(part, measure), strict=True)


def statuses(table: Table) -> dict[str, Bools]:
    """The status of the cells, by column and row."""
    cells = [
        [table.cells[row, column] for row in table.row_values] for column in table.column_values
    ]
    infinite = [[cell.mean is not None and isinf(cell.mean) for cell in row] for row in cells]
    status = np.array([[cell.status.value for cell in row] for row in cells])
    beyond = (status == CellStatus.NA.value) | (status == CellStatus.UNREACHED.value)
    not_available = beyond | np.array(infinite, dtype=bool)
    return {
        "declared": status != CellStatus.UNDECLARED.value,
        "not_available": not_available,
        "has_mean": (status == CellStatus.VALUE.value) & ~not_available,
    }
