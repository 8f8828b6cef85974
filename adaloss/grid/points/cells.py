"""Expand a grid's values to its cells: product, overrides, exclusions and extra cells."""

import math
import re
from collections.abc import Collection, Iterable, Sequence
from itertools import chain, product

from adaloss.grid.mistakes.problems import Problem
from adaloss.grid.mistakes.wording import told_apart
from adaloss.grid.points.cell_index import MISSING, CellIndex, TooManyStepsError
from adaloss.grid.points.combinations import impossible_combinations
from adaloss.grid.points.optimizers import Unset
from adaloss.grid.points.parameters import Values
from adaloss.grid.points.points import Cell, Point, Points
from adaloss.grid.reading.file import GridFile
from adaloss.optimizer_names import HYPERPARAMETER
from adaloss.tasks.table import FIELD_NAMES
from adaloss.tasks.task import Task

DOTTED_HYPERPARAMETER = re.compile(r"\.(optimizer\.[A-Za-z_]\w*)\.")
MOST_TRIALS = 1_000_000
# A cell takes some kilobytes of memory.
MOST_CELLS = 100_000
TOO_MANY_STEPS = (
    "overrides and exclude select so many cells so often that loading would take too long; "
    "write the values in parameters"
)


def expand_cells(
    file: GridFile,
    values: Values,
    points: Points,
    seeds: int,
    invalid: Collection[str],
    drawn: Sequence[Cell] | None = None,
) -> tuple[list[Cell], list[Problem]]:
    """The cells in declared order, with the last parameter varying fastest, and the mistakes.

    ``drawn`` are the cells of a random search in place of all combinations. ``invalid`` names
    the fields whose values have mistakes: whether cells match values of these fields is not
    checked.
    """
    axes = {name: listed for name, listed in values.items() if listed}
    declared = combination_count(axes) if drawn is None else len(drawn)
    count = declared + sum(combination_count(point.values) for point in points.include)
    if message := too_many(count, seeds):
        return [], [file.problem(("parameters",), message)]
    own = () if file.task.is_program else hyperparameters_in(axes, points)
    defaults = defaults_of(file.task) | dict.fromkeys(own)
    cells = [defaults | cell for cell in (combinations(axes) if drawn is None else drawn)]
    index = CellIndex(cells)
    try:
        problems = apply_overrides(file, points, index, invalid)
        kept, more = without_excluded(file, points, index, invalid)
    except TooManyStepsError:
        return [], [file.problem(("overrides",), TOO_MANY_STEPS)]
    problems += more
    for point in points.include:
        kept += [
            defaults | defaults_of_included(axes) | cell for cell in combinations(point.values)
        ]
        problems += missing_in_included(file, point, axes, invalid)
    if cells and not kept and not invalid:
        problems.append(file.problem(("exclude",), "exclude leaves no cell of the grid"))
    problems += impossible_combinations(file, axes, points, kept, invalid)
    return kept, problems


def defaults_of(task: Task) -> Cell:
    """The values of the fields that a grid leaves out, so that a match can name them too."""
    if task.is_program:
        return {}
    fields = {name: task.fields.model_fields[name] for name in task.cell_fields}
    given = {name: field.default for name, field in fields.items() if not field.is_required()}
    return given | {"momentum": Unset(0.0)}


def too_many(cells: int, seeds: int) -> str | None:
    """An error message if the grid is too large to hold in memory, else None."""
    if cells * seeds > MOST_TRIALS:
        return (
            f"the grid has {cells * seeds:,} trials; the most that a sweep may have is "
            f"{MOST_TRIALS:,}"
        )
    if cells > MOST_CELLS:
        return f"the grid has {cells:,} cells; the most that a sweep may have is {MOST_CELLS:,}"
    return None


def apply_overrides(
    file: GridFile, points: Points, index: CellIndex, invalid: Collection[str]
) -> list[Problem]:
    """Change the cells by one override after the other, and return the overrides' mistakes."""
    problems: list[Problem] = []
    for match, new in points.overrides:
        problems += unmatched(file, match, index, invalid)
        values = {name: listed[0] for name, listed in new.values.items()}
        index.change(index.matching(match), values)
    return problems


def without_excluded(
    file: GridFile, points: Points, index: CellIndex, invalid: Collection[str]
) -> tuple[list[Cell], list[Problem]]:
    """The cells that are not excluded, and the mistakes in the exclusions."""
    excluded: set[int] = set()
    problems: list[Problem] = []
    for point in points.exclude:
        excluded.update(index.matching(point))
        problems += unmatched(file, point, index, invalid)
    kept = [cell for position, cell in enumerate(index.cells) if position not in excluded]
    return kept, problems


def combination_count(values: Values) -> int:
    """The number of combinations of the fields' values."""
    return math.prod(len(listed) for listed in values.values())


def combinations(values: Values) -> Iterable[Cell]:
    """Every combination of the fields' values."""
    return (dict(zip(values, chosen, strict=True)) for chosen in product(*values.values()))


def defaults_of_included(axes: Values) -> Cell:
    """The values that an included cell may leave out: of fields with a single value."""
    return {name: listed[0] for name, listed in axes.items() if len(listed) == 1}


def hyperparameters_in(axes: Values, points: Points) -> list[str]:
    """The hyperparameters (``optimizer.NAME``) that the grid sets anywhere."""
    values = (
        axes,
        *(new.values for _, new in points.overrides),
        *(p.values for p in points.include),
    )
    return [
        name for name in dict.fromkeys(chain.from_iterable(values)) if HYPERPARAMETER.match(name)
    ]


def unmatched(
    file: GridFile, point: Point, index: CellIndex, invalid: Collection[str]
) -> list[Problem]:
    """A problem for each value of the point that no cell has, or for values no cell has together.

    Raises:
        TooManyStepsError: there are too many cells and points.
    """
    if not point.values or not set(point.values).isdisjoint(invalid):
        return []
    problems = []
    for name, listed in point.values.items():
        existing = index.values(name)
        if existing.keys() == {MISSING}:
            message = f"no cell has {name}: the grid does not set it"
            problems.append(file.problem((*point.path, name), message))
        elif absent := [told_apart(value) for value in listed if value not in existing]:
            names = ", ".join(map(told_apart, list(existing)[:20]))
            message = f"no cell has {name}: {', '.join(absent)}; the grid has {names}"
            problems.append(file.problem((*point.path, name), message))
    if not problems and not index.matching(point):
        written = ", ".join(
            f"{name}: {' or '.join(map(told_apart, listed))}"
            for name, listed in point.values.items()
        )
        problems.append(file.problem(point.path, f"no cell has all of {written}"))
    return problems


def missing_in_included(
    file: GridFile, point: Point, axes: Values, invalid: Collection[str]
) -> list[Problem]:
    """A problem if an included cell lacks fields of which the grid has several values."""
    missing = [
        name
        for name, listed in axes.items()
        if len(listed) > 1 and name not in point.values and name not in invalid
    ]
    message = f"an included cell needs a value of {', '.join(missing)}, which the grid varies"
    return [file.problem(point.path, message)] if missing else []


def invalid_fields(problems: Iterable[Problem], task: Task) -> frozenset[str]:
    """The fields whose values have mistakes; all fields if a problem does not name one."""
    known = task.field_names if task.is_program else FIELD_NAMES
    sections = {"", "parameters", "overrides", "exclude", "include"}
    if task.is_program:
        # Without the points of a random search, no parameter has a value.
        sections |= {"method", "run_cap", "seed"}
    invalid: set[str] = set()
    for problem in problems:
        section, *rest = with_dots(problem.key).split(".", 1)
        if section in sections:
            path = f".{'.'.join(rest)}."
            named = {name for name in known if f".{with_dots(name)}." in path}
            named |= set() if task.is_program else set(DOTTED_HYPERPARAMETER.findall(path))
            invalid |= named or set(known)
    return frozenset(invalid)


def with_dots(key: str) -> str:
    """The key with dots for brackets: a parameter's name may have both."""
    return re.sub(r"[.\[\]]+", ".", key).strip(".")
