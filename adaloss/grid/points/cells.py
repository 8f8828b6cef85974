"""From a grid's values to its cells: product, overrides, exclusions, extra cells."""

import math
import re
from collections.abc import Collection, Iterable
from itertools import product

from adaloss.grid.mistakes.problems import Problem
from adaloss.grid.mistakes.wording import shown
from adaloss.grid.points.combinations import impossible_combinations
from adaloss.grid.points.parameters import Values
from adaloss.grid.points.places import Places, TooManyStepsError
from adaloss.grid.points.points import CELL_FIELDS, Cell, Point, Points
from adaloss.grid.reading.file import GridFile
from adaloss.trial import FIELD_NAMES, Trial

MOST_TRIALS = 1_000_000
# Each takes some kilobytes.
MOST_CELLS = 100_000
TOO_MANY_STEPS = (
    "overrides and exclude single out so many cells so often that it would take for ever; "
    "write the values in parameters"
)

# What a cell has where the grid says nothing, so that a match can name it all the same.
DEFAULTS: Cell = {
    name: field.default
    for name, field in Trial.model_fields.items()
    if name in CELL_FIELDS and not field.is_required()
}


def expand_cells(
    file: GridFile, values: Values, points: Points, seeds: int, doubtful: Collection[str]
) -> tuple[list[Cell], list[Problem]]:
    """The cells in declared order, the last parameter varying fastest, and what is wrong there.

    ``doubtful`` names the fields whose values hold mistakes: what they match is not judged.
    """
    axes = {name: listed for name, listed in values.items() if listed}
    count = sum(size(part) for part in (axes, *(point.values for point in points.include)))
    if message := too_many(count, seeds):
        return [], [file.problem(("parameters",), message)]
    cells = [DEFAULTS | cell for cell in combinations(axes)]
    places = Places(cells)
    try:
        problems = overridden(file, points, places, doubtful)
        kept, more = without_excluded(file, points, places, doubtful)
    except TooManyStepsError:
        return [], [file.problem(("overrides",), TOO_MANY_STEPS)]
    problems += more
    for point in points.include:
        kept += [included(axes) | cell for cell in combinations(point.values)]
        problems += left_open(file, point, axes, doubtful)
    if not kept and not doubtful:
        problems.append(file.problem(("exclude",), "exclude leaves no cell of the grid"))
    problems += impossible_combinations(file, axes, points, kept, doubtful)
    return kept, problems


def too_many(cells: int, seeds: int) -> str | None:
    """What to say of a grid that is too large to hold in memory, None of one that is not."""
    if cells * seeds > MOST_TRIALS:
        return (
            f"the grid has {cells * seeds:,} trials; the most that a sweep may have is "
            f"{MOST_TRIALS:,}"
        )
    if cells > MOST_CELLS:
        return f"the grid has {cells:,} cells; the most that a sweep may have is {MOST_CELLS:,}"
    return None


def overridden(
    file: GridFile, points: Points, places: Places, doubtful: Collection[str]
) -> list[Problem]:
    """Give the cells their other values, one override after the other; what is wrong there."""
    problems: list[Problem] = []
    for match, new in points.overrides:
        problems += unmatched(file, match, places, doubtful)
        values = {name: listed[0] for name, listed in new.values.items()}
        places.change(places.matching(match), values)
    return problems


def without_excluded(
    file: GridFile, points: Points, places: Places, doubtful: Collection[str]
) -> tuple[list[Cell], list[Problem]]:
    """The cells that are not left out, and what is wrong with the exclusions."""
    excluded: set[int] = set()
    problems: list[Problem] = []
    for point in points.exclude:
        excluded.update(places.matching(point))
        problems += unmatched(file, point, places, doubtful)
    kept = [cell for place, cell in enumerate(places.cells) if place not in excluded]
    return kept, problems


def size(values: Values) -> int:
    """How many combinations there are."""
    return math.prod(len(listed) for listed in values.values())


def combinations(values: Values) -> Iterable[Cell]:
    """Every combination of the fields' values."""
    return (dict(zip(values, chosen, strict=True)) for chosen in product(*values.values()))


def included(axes: Values) -> Cell:
    """What an included cell need not say: the fields that have a single value."""
    return DEFAULTS | {name: listed[0] for name, listed in axes.items() if len(listed) == 1}


def unmatched(
    file: GridFile, point: Point, places: Places, doubtful: Collection[str]
) -> list[Problem]:
    """The values of the point that no cell has, or all of it if no cell has them together.

    Raises:
        TooManyStepsError: there are too many cells and points to look at.
    """
    if not point.values or not set(point.values).isdisjoint(doubtful):
        return []
    problems = []
    for name, listed in point.values.items():
        there = places.values(name)
        if absent := [shown(value) for value in listed if value not in there]:
            known = ", ".join(map(shown, list(there)[:20]))
            message = f"no cell has {name}: {', '.join(absent)}; there are {known}"
            problems.append(file.problem((*point.path, name), message))
    if not problems and not places.matching(point):
        written = ", ".join(
            f"{name}: {' or '.join(map(shown, listed))}" for name, listed in point.values.items()
        )
        problems.append(file.problem(point.path, f"no cell has all of {written}"))
    return problems


def left_open(
    file: GridFile, point: Point, axes: Values, doubtful: Collection[str]
) -> list[Problem]:
    """The fields that an included cell must say, since the grid has several values of them."""
    missing = [
        name
        for name, listed in axes.items()
        if len(listed) > 1 and name not in point.values and name not in doubtful
    ]
    message = f"an included cell needs a value of {', '.join(missing)}, which the grid varies"
    return [file.problem(point.path, message)] if missing else []


def doubtful_fields(problems: Iterable[Problem]) -> frozenset[str]:
    """The fields whose values the problems leave unknown; all of them if one names no field."""
    doubtful: set[str] = set()
    for problem in problems:
        section, *parts = re.split(r"[.\[\]]+", problem.key)
        if section in ("", "parameters", "overrides", "exclude", "include"):
            doubtful |= set(FIELD_NAMES).intersection(parts) or set(FIELD_NAMES)
    return frozenset(doubtful)
