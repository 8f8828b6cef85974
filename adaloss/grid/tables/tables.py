"""Read the tables of a grid, and check them against its cells."""

from collections.abc import Collection, Iterator

from adaloss.grid.mistakes.problems import Problem
from adaloss.grid.points.cell_index import CellIndex, TooManyStepsError
from adaloss.grid.points.cells import unmatched
from adaloss.grid.points.points import Cell, Point, read_point
from adaloss.grid.points.searches import is_random
from adaloss.grid.reading.file import GridFile
from adaloss.grid.reading.wandb import FIELD_OF
from adaloss.grid.schema.schema import Grid
from adaloss.grid.tables.at import LAST, NEEDS_TARGET, TASK, epoch_of, reach_of
from adaloss.grid.tables.axes import POINTS, default_table, fields_needed
from adaloss.grid.tables.spec import TableSpec
from adaloss.tasks.metrics import COUNTED

TOO_MANY_STEPS = "the tables select so many cells so often that loading would take too long"
# Checking a table looks at every field of every cell.
STEPS_PER_CELL = 10


def read_tables(
    file: GridFile, grid: Grid, cells: list[Cell], invalid: Collection[str]
) -> tuple[tuple[TableSpec, ...], list[Problem]]:
    """The tables in the file, with values converted to the fields' types, and the mistakes.

    ``cells`` are those that the tables may select. If there are none, cells are not checked.
    """
    problems: list[Problem] = []
    specs = []
    index = CellIndex(cells)
    fields = file.task.field_names
    for number, table in enumerate(grid.tables if "tables" in file.data else ()):
        path = ("tables", number)
        only = read_point(file, (*path, "only"), table.only, problems) if table.only else None
        excluded = [
            read_point(file, (*path, "exclude", position), point, problems)
            for position, point in enumerate(table.exclude)
        ]
        try:
            for point in (*([only] if only else ()), *excluded) if cells else ():
                problems += unmatched(file, point, index, invalid)
            settings = table.model_dump(exclude={"only", "exclude"})
            if file.task.is_program and cells:
                chosen_axes = {"rows", "columns", "per", "tune"} & table.model_fields_set
                is_search = is_random(file) and not chosen_axes
                usual = POINTS if is_search else default_table(cells, file.task)
                axes = {"rows": usual.rows, "columns": usual.columns}
                settings |= {n: v for n, v in axes.items() if n not in table.model_fields_set}
            if "per" not in table.model_fields_set:
                taken = (table.rows, table.columns, *table.tune)
                # A program's parameter of this name is one among others.
                per = () if file.task.is_program else table.per
                named = (name for name in per if name in fields and name not in taken)
                settings["per"] = tuple(named)
            settings["only"] = only.values if only else {}
            settings["exclude"] = tuple(point.values for point in excluded)
            spec = TableSpec.model_validate(settings, context={TASK: file.task})
            specs.append(spec)
            if cells and not problems:
                problems += table_problems(file, number, spec, grid, index)
        except TooManyStepsError:
            return (), [*problems, file.problem(("tables", number), TOO_MANY_STEPS)]
    return tuple(specs), problems


def table_problems(
    file: GridFile, number: int, spec: TableSpec, grid: Grid, index: CellIndex
) -> Iterator[Problem]:
    """A table without cells, an average over more than seeds, or an epoch after the last.

    Raises:
        TooManyStepsError: there are too many tables of too many cells.
    """
    path = ("tables", number)
    index.count(STEPS_PER_CELL * len(index.cells))
    chosen = set(index.matching(Point(path, dict(spec.only)))) if spec.only else None
    excluded = {each for point in spec.exclude for each in index.matching(Point(path, dict(point)))}
    cells = [
        cell
        for position, cell in enumerate(index.cells)
        if position not in excluded and (chosen is None or position in chosen)
    ]
    if not cells:
        yield file.problem(path, f"tables[{number}]: only and exclude leave no cell")
        return
    axes = () if file.task.is_program else (*spec.axes, *spec.tune)
    if unset := [name for name in axes if name in FIELD_OF.keys() - cells[0]]:
        message = f"tables[{number}]: write {FIELD_OF[unset[0]]} instead of {unset[0]}"
        yield file.problem(path, message)
        return
    # A point has a value of every parameter that varies.
    if not spec.ranks_points and (
        needed := fields_needed(cells, (*spec.axes, *spec.tune), file.task)
    ):
        names = " and ".join(needed)
        message = (
            f"tables[{number}] would average over {names}, not only over seeds; "
            f"add {names} to its rows, columns, per or tune, or choose cells with only"
        )
        yield file.problem(path, message)
    epoch = epoch_of(spec.at or grid.metric.at)
    # Only a program itself knows how often it reports.
    last = max((cell["epochs"] for cell in cells if not file.task.is_program), default=epoch or 0)
    if epoch is not None and epoch > last:
        message = f"tables[{number}]: there is no epoch {epoch}: the trials have {last}"
        yield file.problem((*path, "at"), message)
    if spec.metric in COUNTED and reach_of(spec.at or LAST) is None:
        message = f"tables[{number}].metric: {spec.metric} {NEEDS_TARGET}"
        yield file.problem((*path, "metric"), message)
