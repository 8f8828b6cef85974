"""The parts of a grid that select cells: overrides, exclude and include."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adaloss.grid.mistakes.problems import KeyPath, Problem, quoted, suggestion
from adaloss.grid.points.parameters import Values, parameter_values
from adaloss.grid.reading.file import GridFile
from adaloss.grid.reading.wandb import FIELD_OF
from adaloss.optimizer_names import HYPERPARAMETER

Cell = dict[str, Any]


@dataclass(frozen=True)
class Point:
    """Values of some fields, converted to the fields' types, and their path in the grid."""

    path: KeyPath
    values: Values


@dataclass(frozen=True)
class Points:
    """All points of a grid. An override is a pair of the point it matches and the point it sets."""

    overrides: tuple[tuple[Point, Point], ...]
    exclude: tuple[Point, ...]
    include: tuple[Point, ...]


def read_points(file: GridFile) -> tuple[Points, list[Problem]]:
    """The grid's points and the mistakes in them.

    Entries that are not mappings are skipped, because the schema reports them.
    """
    problems: list[Problem] = []
    overrides = []
    for path, override in entries(file, "overrides"):
        match = read_point(file, (*path, "match"), override.get("match"), problems)
        new = read_point(file, (*path, "set"), override.get("set"), problems)
        problems += [
            file.problem((*new.path, name), f"set needs one value of {name}, found a list")
            for name in new.values
            if has_a_list(override["set"][name])
        ]
        overrides.append((match, new))
    excluded = [read_point(file, *entry, problems) for entry in entries(file, "exclude")]
    included = [read_point(file, *entry, problems) for entry in entries(file, "include")]
    return Points(tuple(overrides), tuple(excluded), tuple(included)), problems


def has_a_list(content: Any) -> bool:
    """Whether a field has several values, or the form of several."""
    return isinstance(content, tuple) or (isinstance(content, Mapping) and "values" in content)


def entries(file: GridFile, section: str) -> list[tuple[KeyPath, Mapping[str, Any]]]:
    """The mappings in a section that is a list, with their paths."""
    listed = file.data.get(section)
    if not isinstance(listed, tuple):
        return []
    return [((section, i), item) for i, item in enumerate(listed) if isinstance(item, Mapping)]


def read_point(file: GridFile, path: KeyPath, content: Any, problems: list[Problem]) -> Point:
    """The values of a point by field. Its mistakes are appended to ``problems``."""
    values: Values = {}
    fields = file.task.cell_fields
    for name, value in content.items() if isinstance(content, Mapping) else ():
        value_path = (*path, name)
        if name in FIELD_OF and name not in file.arguments and not file.task.is_program:
            problems.append(file.problem(value_path, f"write {FIELD_OF[name]} instead of {name}"))
        elif name in fields or (HYPERPARAMETER.match(name) and not file.task.is_program):
            values[name], mistakes = parameter_values(file, value_path, value)
            problems += mistakes
        elif name in file.task.field_names:
            message = f"{name} is the same in every cell and cannot select cells"
            problems.append(file.problem(value_path, message))
        else:
            message = f"unknown field {quoted(name)}{suggestion(name, fields)}"
            problems.append(file.problem(value_path, message))
    return Point(path, {name: listed for name, listed in values.items() if listed})
