"""The tables that a grid asks for, held against its cells."""

from collections.abc import Collection, Iterator

from adaloss.grid.mistakes.problems import KeyPath, Problem
from adaloss.grid.points.cells import unmatched
from adaloss.grid.points.places import Places, TooManyStepsError
from adaloss.grid.points.points import Cell, Point, read_point
from adaloss.grid.reading.file import GridFile
from adaloss.grid.schema.schema import Grid, GridTable
from adaloss.grid.tables.axes import fields_needed
from adaloss.grid.tables.spec import TableSpec, epoch_of

TOO_MANY_STEPS = "the tables single out so many cells so often that it would take for ever"
# Every field of every cell is looked at.
STEPS_PER_CELL = 10


def read_tables(
    file: GridFile, grid: Grid, cells: list[Cell], doubtful: Collection[str]
) -> tuple[tuple[TableSpec, ...], list[Problem]]:
    """The grid's tables, their values as the fields' types have them, and what is wrong there.

    A grid without tables has none; ``cells`` are those that the tables' points must be among.
    """
    problems: list[Problem] = []
    specs = []
    places = Places(cells)
    for number, table in enumerate(grid.tables if "tables" in file.data else ()):
        only = [read_point(file, *given, problems) for given in kept(number, table)]
        excluded = [read_point(file, *given, problems) for given in left_out(number, table)]
        try:
            for point in (*only, *excluded) if cells else ():
                problems += unmatched(file, point, places, doubtful)
            spec = TableSpec(
                **table.model_dump(exclude={"only", "exclude"}),
                only=only[0].values if only else {},
                exclude=tuple(point.values for point in excluded),
            )
            specs.append(spec)
            if cells and not problems:
                problems += impossible_table(file, number, spec, grid, places)
        except TooManyStepsError:
            return (), [*problems, file.problem(("tables", number), TOO_MANY_STEPS)]
    return tuple(specs), problems


def kept(number: int, table: GridTable) -> Iterator[tuple[KeyPath, object]]:
    """The path and the values of the table's ``only``."""
    if table.only:
        yield ("tables", number, "only"), table.only


def left_out(number: int, table: GridTable) -> Iterator[tuple[KeyPath, object]]:
    """The path and the values of each point in the table's ``exclude``."""
    for index, given in enumerate(table.exclude):
        yield ("tables", number, "exclude", index), given


def impossible_table(
    file: GridFile, number: int, spec: TableSpec, grid: Grid, places: Places
) -> Iterator[Problem]:
    """A table without cells, over more than seeds, or of an epoch that comes after the last.

    Raises:
        TooManyStepsError: there are too many tables of too many cells.
    """
    path = ("tables", number)
    places.count(STEPS_PER_CELL * len(places.cells))
    chosen = set(places.matching(Point(path, dict(spec.only)))) if spec.only else None
    gone = {place for point in spec.exclude for place in places.matching(Point(path, dict(point)))}
    shown = [
        cell
        for place, cell in enumerate(places.cells)
        if place not in gone and (chosen is None or place in chosen)
    ]
    if not shown:
        yield file.problem(path, f"tables[{number}]: only and exclude leave no cell")
        return
    if needed := fields_needed(shown, spec.axes):
        names = " and ".join(needed)
        message = (
            f"tables[{number}] would average over {names}, not only over seeds; "
            f"add {names} to its rows, columns or per, or choose cells with only"
        )
        yield file.problem(path, message)
    epoch, longest = epoch_of(spec.at or grid.metric.at), max(cell["epochs"] for cell in shown)
    if epoch is not None and epoch > longest:
        message = f"tables[{number}]: there is no epoch {epoch}: the trials have {longest}"
        yield file.problem((*path, "at"), message)
