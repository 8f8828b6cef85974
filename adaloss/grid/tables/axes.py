"""The fields that a table needs as axes so that it averages over nothing but seeds."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from adaloss.grid.points.points import CELL_FIELDS, Cell
from adaloss.grid.tables.spec import TableSpec
from adaloss.trial import HYPERPARAMETERS_THAT_APPLY, OPTIONAL_HYPERPARAMETERS

USUAL = TableSpec()
NAMES = (USUAL.columns, "model", "dataset")
"""What the trials are of, from the field that is compared to the one that is not."""


def default_table(cells: list[Cell]) -> TableSpec:
    """The table of a grid that asks for none: every field that must be an axis of it is one.

    Rows and columns are b0 and the optimizer where both vary, else the two fields with the most
    values; the rest goes to ``per``, and so does the model.
    """
    rows, columns = USUAL.rows, USUAL.columns
    if any(len(values_of(cells, name)) == 1 for name in (rows, columns)):
        rows, columns = longest_axes(cells)
    per = tuple(name for name in USUAL.per if name not in (rows, columns))
    needed = fields_needed(cells, (rows, columns, *per))
    return TableSpec(rows=rows, columns=columns, per=(*per, *needed))


def longest_axes(cells: list[Cell]) -> tuple[str, str]:
    """The two fields with the most values, as rows and columns; the usual ones where none vary.

    Of fields with as many values b0 and the optimizer come first, the model and the data set last:
    a table for each of these reads best. Rows are b0 or numbers rather than names, columns the
    optimizer; of two alike the longer one makes the rows.
    """
    usual = (USUAL.columns, USUAL.rows)
    longest = sorted(
        free_fields(cells),
        key=lambda name: (-len(values_of(cells, name)), name not in usual, name in NAMES),
    )
    two = tuple(dict.fromkeys((*longest, *usual)))[:2]
    rows, columns = sorted(
        two,
        key=lambda name: (name != USUAL.rows, not are_numbers(cells, name), name == USUAL.columns),
    )
    return rows, columns


def are_numbers(cells: list[Cell], name: str) -> bool:
    """Whether all values of the field are numbers."""
    values = values_of(cells, name)
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def free_fields(cells: list[Cell]) -> list[str]:
    """The fields that vary, without those whose value another one of them settles.

    Where two settle each other (a learning rate of each model's own), a name stays.
    """
    varying = fields_needed(cells, ())
    kept = [name for name in NAMES if name in varying]
    kept += [name for name in varying if name not in kept]
    for name in reversed(kept.copy()):
        if any(settles(cells, other, name) for other in kept if other != name):
            kept.remove(name)
    return [name for name in CELL_FIELDS if name in kept]


def settles(cells: list[Cell], by: str, name: str) -> bool:
    """Whether ``name`` has one value for each value of ``by``."""
    pairs = {(cell[by], cell[name]) for cell in cells if applies(name, cell)}
    return all(applies(by, cell) for cell in cells) and len(pairs) == len({by for by, _ in pairs})


def values_of(cells: list[Cell], name: str) -> set[Any]:
    """The values of a field where it can change the numbers."""
    return {cell[name] for cell in cells if applies(name, cell)}


def fields_needed(cells: list[Cell], axes: Sequence[str]) -> tuple[str, ...]:
    """The fields in which the cells that share a place in a table with these axes differ."""
    places: defaultdict[tuple[object, ...], list[Cell]] = defaultdict(list)
    for cell in cells:
        # Should the seed be an axis: a cell is the same for all of them.
        places[tuple(cell[name] for name in axes if name in cell)].append(cell)
    shared = [there for there in places.values() if len(there) > 1]
    varying = {
        name: None for there in shared for name in there[0] if len(values_of(there, name)) > 1
    }
    return tuple(varying)


def applies(name: str, cell: Cell) -> bool:
    """Whether the field can change the cell's numbers."""
    if name not in OPTIONAL_HYPERPARAMETERS:
        return True
    return name in HYPERPARAMETERS_THAT_APPLY[cell["optimizer"]]
