"""The fields that a table needs as axes so that it averages only over seeds."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from adaloss.grid.points.forms import is_number
from adaloss.grid.points.points import Cell
from adaloss.grid.tables.spec import TableSpec
from adaloss.optimizer_names import HYPERPARAMETER, SOMETIMES_UNUSED, unused_fields
from adaloss.tasks.program.fields import POINT
from adaloss.tasks.table import CELL_FIELDS
from adaloss.tasks.task import Task

USUAL = TableSpec()
NAMES = (USUAL.columns, "model", "dataset")
"""The fields with names as values, from the one that is compared most to the least."""


POINTS = TableSpec(rows=POINT, columns="program", per=())
"""The table of a random search: its points, the best first."""


def default_table(cells: list[Cell], task: Task) -> TableSpec:
    """The table of a grid without ``tables:``.

    Rows and columns are b0 and the optimizer if both vary, else the two fields with the most
    values. ``per`` has the model and all other fields that must be axes. A program's parameter
    called model is one among others.
    """
    rows, columns = USUAL.rows, USUAL.columns
    if any(len(values_of(cells, name, task)) < 2 for name in (rows, columns)):
        rows, columns = longest_axes(cells, task)
    usual = () if task.is_program else USUAL.per
    per = tuple(name for name in usual if name in cells[0] and name not in (rows, columns))
    needed = fields_needed(cells, (rows, columns, *per), task)
    return TableSpec(rows=rows, columns=columns, per=(*per, *needed))


def longest_axes(cells: list[Cell], task: Task) -> tuple[str, str]:
    """The two fields with the most values, as rows and columns, or the usual ones if none vary.

    Of fields with the same number of values, b0 and the optimizer come first, the model and the
    data set last: one table for each of these reads best. b0, or else a field with numbers, makes
    the rows, and the optimizer makes the columns. If that does not decide, the longer field makes
    the rows.
    """
    usual: Sequence[str] = (USUAL.columns, USUAL.rows)
    if task.is_program:
        # A program may have a single parameter or none, and a random search a single point per
        # value.
        names = ("program", *task.cell_fields)
        usual = (*sorted(names, key=lambda name: len(values_of(cells, name, task))), "task")
    longest = sorted(
        free_fields(cells, task),
        key=lambda name: (-len(values_of(cells, name, task)), name not in usual, name in NAMES),
    )
    two = tuple(dict.fromkeys((*longest, *usual)))[:2]
    rows, columns = sorted(
        two,
        key=lambda name: (
            name != USUAL.rows,
            not are_numbers(cells, name, task),
            name == USUAL.columns,
        ),
    )
    return rows, columns


def are_numbers(cells: list[Cell], name: str, task: Task) -> bool:
    """Whether all values of the field are numbers."""
    values = values_of(cells, name, task)
    return bool(values) and all(map(is_number, values))


def free_fields(cells: list[Cell], task: Task) -> list[str]:
    """The fields that vary, without those whose value is determined by another of them.

    If two determine each other (such as models that each have their own learning rate), the field
    with names is kept.
    """
    varying = fields_needed(cells, (), task)
    kept = [name for name in NAMES if name in varying]
    kept += [name for name in varying if name not in kept]
    for name in reversed(kept.copy()):
        if any(determines(cells, other, name, task) for other in kept if other != name):
            kept.remove(name)
    order = (*CELL_FIELDS, *cells[0])
    return sorted(kept, key=order.index)


def determines(cells: list[Cell], by: str, name: str, task: Task) -> bool:
    """Whether ``name`` has only one value for each value of ``by``."""
    pairs = {(cell[by], cell[name]) for cell in cells if applies(name, cell, task)}
    return all(applies(by, cell, task) for cell in cells) and len(pairs) == len(
        {by for by, _ in pairs}
    )


def values_of(cells: list[Cell], name: str, task: Task) -> set[Any]:
    """The values of a field in the cells whose numbers it can change."""
    return {cell[name] for cell in cells if name in cell and applies(name, cell, task)}


def fields_needed(cells: list[Cell], axes: Sequence[str], task: Task) -> tuple[str, ...]:
    """The fields that differ between grid cells that share a cell of a table with these axes."""
    groups: defaultdict[tuple[object, ...], list[Cell]] = defaultdict(list)
    for cell in cells:
        # A grid cell has no seed, so the seed is skipped if it is an axis.
        groups[tuple(cell[name] for name in axes if name in cell)].append(cell)
    shared = [group for group in groups.values() if len(group) > 1]
    varying = {
        name: None for group in shared for name in group[0] if len(values_of(group, name, task)) > 1
    }
    return tuple(varying)


def applies(name: str, cell: Cell, task: Task) -> bool:
    """Whether the field can change the cell's numbers."""
    if task.is_program:
        return True
    if HYPERPARAMETER.match(name):
        return cell[name] is not None
    if name not in SOMETIMES_UNUSED:
        return True
    return name not in unused_fields(cell["optimizer"], cell["rate"])
