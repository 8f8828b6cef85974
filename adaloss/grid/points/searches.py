"""The points of a random search, drawn from distributions."""

from collections.abc import Iterable, Iterator, Mapping, Sized
from itertools import chain
from typing import Any, TypeGuard

from adaloss.grid.mistakes.problems import Problem
from adaloss.grid.points.cells import MOST_CELLS
from adaloss.grid.points.distributions import (
    draw_points,
    form_of,
    is_whole,
    mistake_in_distribution,
)
from adaloss.grid.points.parameters import (
    Values,
    exact,
    mistakes_in_value,
    parameter_values,
    seeds_set_twice,
)
from adaloss.grid.points.points import Cell
from adaloss.grid.reading.file import GridFile
from adaloss.grid.schema.schema import Grid
from adaloss.tasks.program.fields import SEED

GRID, RANDOM = "grid", "random"
PARAMETERS = ("parameters",)


def is_random(file: GridFile) -> bool:
    """Whether the grid's points are drawn."""
    return file.data.get("method") == RANDOM


def is_grid(file: GridFile) -> bool:
    """Whether the grid has every combination of its values."""
    return bool(file.data.get("method", GRID) == GRID)


def drawn_cells(file: GridFile) -> tuple[list[Cell], Values, list[Problem]]:
    """The cells of a random search, their values by parameter, and the mistakes.

    There are no cells if there is a mistake, also in the number of points.
    """
    parameters = file.data.get("parameters")
    forms = dict(parameters) if isinstance(parameters, Mapping) else {}
    seeds: Values = {}
    problems: list[Problem] = []
    if SEED in forms:
        seeds[SEED], problems = parameter_values(file, (*PARAMETERS, SEED), forms.pop(SEED))
        problems += seeds_set_twice(file)
    for name, content in forms.items():
        problems += mistakes_in_drawn(file, name, content)
    count, start = file.data.get("run_cap"), file.data.get(SEED, 0)
    if is_count(count) and count > MOST_CELLS:
        problems.append(file.problem(("run_cap",), f"run_cap must be at most {MOST_CELLS:,}"))
    if problems or not (is_random(file) and is_count(count) and is_count(start)):
        return [], seeds, problems
    cells = draw_points(forms, start, count)
    return cells, {n: distinct(cell[n] for cell in cells) for n in forms} | seeds, problems


def is_count(value: object) -> TypeGuard[int]:
    """Whether this is a whole number of at least 0."""
    return isinstance(value, int) and is_whole(value) and value >= 0


def mistakes_in_drawn(file: GridFile, name: str, content: Any) -> list[Problem]:
    """The mistakes in a parameter of a random search."""
    path = (*PARAMETERS, name)
    if mistake := mistake_in_distribution(name, content):
        key, message = mistake
        return [file.problem((*path, key) if key else path, message)]
    form = form_of(content)
    values = form.get("values", (form["value"],) if "value" in form else ())
    messages = chain.from_iterable(mistakes_in_value(file.task, name, value) for value in values)
    return [file.problem(path, message) for message in dict.fromkeys(messages)]


def too_few_points(drawn: Sized, grid: Grid) -> Iterator[str]:
    """A note if the parameters have fewer points than the grid asks for."""
    if grid.run_cap is not None and len(drawn) < grid.run_cap:
        yield f"run_cap is {grid.run_cap}, but only {len(drawn)} different points were found"


def distinct(values: Iterable[Any]) -> tuple[Any, ...]:
    """The values in order, each once."""
    return tuple({exact(value): value for value in values}.values())
