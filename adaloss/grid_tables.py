"""The tables that a grid asks for, held against its cells; and the one if it asks for none."""

from collections import defaultdict
from collections.abc import Collection, Iterator

from adaloss.grid_cells import unmatched
from adaloss.grid_file import GridFile
from adaloss.grid_points import Cell, read_point
from adaloss.grid_problems import KeyPath, Problem
from adaloss.grid_schema import Grid, GridTable
from adaloss.table_spec import TableSpec
from adaloss.trial import HYPERPARAMETERS_THAT_APPLY, OPTIONAL_HYPERPARAMETERS


def read_tables(
    file: GridFile, grid: Grid, cells: list[Cell], doubtful: Collection[str]
) -> tuple[tuple[TableSpec, ...], list[Problem]]:
    """The grid's tables, their values as the fields' types have them, and what is wrong there.

    A grid without tables has none; ``cells`` are those that the tables' points must be among.
    """
    problems: list[Problem] = []
    specs = []
    for number, table in enumerate(grid.tables if "tables" in file.data else ()):
        only = [read_point(file, *given, problems) for given in kept(number, table)]
        excluded = [read_point(file, *given, problems) for given in left_out(number, table)]
        for point in (*only, *excluded) if cells else ():
            problems += unmatched(file, point, cells, doubtful)
        specs.append(
            TableSpec(
                **table.model_dump(exclude={"only", "exclude"}),
                only=only[0].values if only else {},
                exclude=tuple(point.values for point in excluded),
            )
        )
    return tuple(specs), problems


def kept(number: int, table: GridTable) -> Iterator[tuple[KeyPath, object]]:
    """The path and the values of the table's ``only``."""
    if table.only:
        yield ("tables", number, "only"), table.only


def left_out(number: int, table: GridTable) -> Iterator[tuple[KeyPath, object]]:
    """The path and the values of each point in the table's ``exclude``."""
    for index, given in enumerate(table.exclude):
        yield ("tables", number, "exclude", index), given


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
        places[tuple(cell[name] for name in spec.axes)].append(cell)
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
