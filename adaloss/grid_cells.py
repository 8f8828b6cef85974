"""From a checked grid's values to its cells: product, overrides, exclusions, extra cells."""

import math
from collections.abc import Mapping
from itertools import product
from typing import Any

from adaloss.grid_check import ADAPTERS, Values, mistakes_of
from adaloss.grid_file import GridFile
from adaloss.grid_problems import KeyPath, Problem, suggestion
from adaloss.grid_schema import Grid
from adaloss.grid_wording import found
from adaloss.trial import FIELD_NAMES

MOST_TRIALS = 1_000_000
CELL_FIELDS = tuple(name for name in FIELD_NAMES if name not in ("seed", "max_loss"))

Cell = dict[str, Any]


def expand_cells(
    file: GridFile, grid: Grid, values: Values, seeds: int
) -> tuple[list[Cell], list[Problem]]:
    """The cells in declared order, the last parameter varying fastest."""
    axes = {name: listed for name, listed in values.items() if name != "seed"}
    trials = math.prod(len(listed) for listed in axes.values()) * seeds
    if trials > MOST_TRIALS:
        message = f"the grid has {trials:,} trials; the most that a sweep may have is 1,000,000"
        return [], [file.problem(("parameters",), message)]
    cells = [dict(zip(axes, point, strict=True)) for point in product(*axes.values())]
    problems: list[Problem] = []
    for index, override in enumerate(grid.overrides):
        apply_override(file, ("overrides", index), override.match, override.set, cells, problems)
    for index, point in enumerate(grid.exclude):
        cells = without(file, ("exclude", index), point, cells, problems)
    defaults = {name: listed[0] for name, listed in axes.items() if len(listed) == 1}
    for index, point in enumerate(grid.include):
        options = checked_point(file, ("include", index), point, problems)
        extra = product(*options.values())
        cells += [defaults | dict(zip(options, chosen, strict=True)) for chosen in extra]
        if missing := [name for name in axes if name not in options and name not in defaults]:
            message = f"include needs a value of {', '.join(missing)}"
            problems.append(file.problem(("include", index), message))
    if not cells and not problems:
        problems.append(file.problem(("exclude",), "exclude leaves no cell of the grid"))
    return cells, problems


def apply_override(
    file: GridFile,
    path: KeyPath,
    match: Mapping[str, Any],
    new: Mapping[str, Any],
    cells: list[Cell],
    problems: list[Problem],
) -> None:
    """Set the values of an override in the cells that it matches."""
    options = checked_point(file, (*path, "match"), match, problems)
    changes = checked_point(file, (*path, "set"), new, problems)
    if several := [name for name, listed in changes.items() if len(listed) > 1]:
        message = f"set needs one value of {several[0]}, found a list"
        problems.append(file.problem((*path, "set", several[0]), message))
    matched = [cell for cell in cells if matches(cell, options)]
    if options and not matched:
        problems.append(file.problem((*path, "match"), f"no cell matches {written(match)}"))
    for cell in matched:
        cell.update({name: listed[0] for name, listed in changes.items() if listed})


def without(
    file: GridFile,
    path: KeyPath,
    point: Mapping[str, Any],
    cells: list[Cell],
    problems: list[Problem],
) -> list[Cell]:
    """The cells that are not excluded."""
    options = checked_point(file, path, point, problems)
    kept = [cell for cell in cells if not matches(cell, options)]
    if options and len(kept) == len(cells):
        problems.append(file.problem(path, f"no cell matches {written(point)}"))
    return kept


def checked_point(
    file: GridFile, path: KeyPath, point: Mapping[str, Any], problems: list[Problem]
) -> Values:
    """The values that a point names, per field; its mistakes go to ``problems``."""
    options: Values = {}
    for name, given in point.items():
        if name not in CELL_FIELDS:
            message = f"unknown field {name}{suggestion(name, CELL_FIELDS)}"
            problems.append(file.problem((*path, name), message))
            continue
        items = given if isinstance(given, tuple) else (given,)
        mistakes = [message for item in items for message in mistakes_of(name, item)]
        problems += [file.problem((*path, name), message) for message in mistakes]
        if not mistakes:
            options[name] = tuple(
                ADAPTERS[name].validate_python(item, strict=True) for item in items
            )
    return options


def matches(cell: Cell, options: Values) -> bool:
    """Whether the cell has one of the values in every field named."""
    return bool(options) and all(
        name in cell and cell[name] in listed for name, listed in options.items()
    )


def written(point: Mapping[str, Any]) -> str:
    """The point as the file has it."""
    return ", ".join(f"{name}: {found(value)}" for name, value in point.items())
