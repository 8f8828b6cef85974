"""A comparison as numbers, for notebooks and spreadsheets."""

import pandas as pd

from adaloss.tasks.table import FIELD_NAMES
from analysis.comparison.compare import Comparison
from analysis.comparison.outcomes import ComparedCell
from analysis.comparison.side import SideCell
from analysis.comparison.wording import verdict
from analysis.render.csv import guarded
from analysis.tables.wording import Decimals

TEST_COLUMNS = ("standard_error", "t", "df", "p", "low", "high", "smallest")


def comparison_frame(comparison: Comparison) -> pd.DataFrame:
    """One row per pair, then one per cell without a partner; numbers are not rounded.

    Columns: the fields of a trial that distinguish the cells, with our value if the sides differ
    and theirs if only they have the cell; ``theirs:<field>`` for a field that differs in some row;
    of each side ``mean``, ``std`` (ddof = 1 where known), ``n``, ``expected`` and ``status`` under
    ``ours:`` and ``theirs:``; ``difference`` (ours minus theirs), its ``standard_error``, Welch's
    ``t``, ``df``, ``p`` and ``p_holm``, the bounds ``low`` and ``high`` of the 95 % interval, the
    ``smallest`` resolvable difference, the ``outcome`` and the ``verdict`` in words.
    """
    rows = [row_of(comparison, cell) for cell in comparison.all_cells]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    for name in columns_of(comparison).values():
        theirs = f"theirs:{name}"
        if all(theirs not in row or row[theirs] == row[name] for row in rows):
            columns.remove(theirs)
    return pd.DataFrame(rows, columns=columns)


def comparison_csv(comparison: Comparison) -> str:
    """The frame as CSV, with names that no spreadsheet interprets as formulas."""
    frame = comparison_frame(comparison)
    fields = {*FIELD_NAMES, *columns_of(comparison).values()}
    for name in frame.columns:
        if name.removeprefix("theirs:") in fields:
            frame[name] = pd.Series(map(guarded, frame[name]), dtype="object")
    return frame.to_csv(index=False, lineterminator="\n")


def columns_of(comparison: Comparison) -> dict[str, str]:
    """The column of each field; ``parameters.NAME`` if a program's is called like another."""
    taken = {*TEST_COLUMNS, "difference", "p_holm", "outcome", "verdict"}
    return {name: f"parameters.{name}" if name in taken else name for name in comparison.named_by}


def row_of(comparison: Comparison, cell: ComparedCell) -> dict[str, object]:
    """One row of the frame."""
    here = cell.ours.fields if cell.ours else {}
    there = cell.theirs.fields if cell.theirs else {}
    test = cell.test
    numbers = dict.fromkeys(TEST_COLUMNS) if test is None else vars(test)
    named = columns_of(comparison).items()
    return {
        **{column: here.get(name, there.get(name)) for name, column in named},
        **{f"theirs:{column}": there.get(name, here.get(name)) for name, column in named},
        **side_columns("ours", cell.ours),
        **side_columns("theirs", cell.theirs),
        "difference": cell.difference,
        **{name: numbers[name] for name in TEST_COLUMNS},
        "p_holm": cell.p_holm,
        "outcome": cell.outcome.value,
        "verdict": verdict(cell, comparison.measure, Decimals(2)),
    }


def side_columns(side: str, cell: SideCell | None) -> dict[str, object]:
    """A side's part of a row."""
    return {
        f"{side}:mean": cell.mean if cell else None,
        f"{side}:std": cell.std if cell else None,
        f"{side}:n": cell.n if cell else None,
        f"{side}:expected": cell.expected if cell else None,
        f"{side}:status": cell.status.value if cell else None,
    }
