"""The fields that a table needs as axes so that it averages over nothing but seeds."""

from collections import defaultdict

from adaloss.grid_points import Cell
from adaloss.table_spec import TableSpec
from adaloss.trial import HYPERPARAMETERS_THAT_APPLY, OPTIONAL_HYPERPARAMETERS


def default_table(cells: list[Cell]) -> TableSpec:
    """The table of a grid that asks for none: every field that must be an axis of it is one.

    Rows are b0, or where that has one value the first other field; the rest goes to ``per``.
    """
    usual = TableSpec()
    needed = fields_needed(cells, usual)
    if needed and len({cell[usual.rows] for cell in cells}) == 1:
        return TableSpec(rows=needed[0], per=(*usual.per, *needed[1:]))
    return TableSpec(per=(*usual.per, *needed))


def fields_needed(cells: list[Cell], spec: TableSpec) -> tuple[str, ...]:
    """The fields in which the cells that share a place in the table differ."""
    places: defaultdict[tuple[object, ...], list[Cell]] = defaultdict(list)
    for cell in cells:
        # Should the seed be an axis: a cell is the same for all of them.
        places[tuple(cell[name] for name in spec.axes if name in cell)].append(cell)
    shared = [there for there in places.values() if len(there) > 1]
    varying = {
        name: None
        for there in shared
        for name in there[0]
        if applies(name, there[0]) and len({cell[name] for cell in there}) > 1
    }
    return tuple(varying)


def applies(name: str, cell: Cell) -> bool:
    """Whether the field can change the cell's numbers."""
    if name not in OPTIONAL_HYPERPARAMETERS:
        return True
    return name in HYPERPARAMETERS_THAT_APPLY[cell["optimizer"]]
