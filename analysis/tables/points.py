"""The points of a search as rows of a table: their column, their names, and their order."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from adaloss.tasks.metric import Goal
from adaloss.tasks.program.fields import POINT
from adaloss.tasks.program.points import Point, points_of
from adaloss.trial import Trial
from analysis.frame.column_types import values_of
from analysis.frame.frame import task_in
from analysis.tables.cells import Cell, CellStatus
from analysis.tables.names import Names
from analysis.tables.wording import one_line, value_text

CellKey = tuple[object, object]
FEWEST_DIGITS, MOST_DIGITS = 4, 12
"""Significant digits of the fractions in the names of points: as few as keep the points apart."""
ENDS = (
    CellStatus.VALUE,
    CellStatus.UNREACHED,
    CellStatus.NA,
    CellStatus.FAILED,
    CellStatus.EMPTY,
    CellStatus.UNDECLARED,
)
"""The order of rows by what became of their trials."""


def with_points(frame: pd.DataFrame, trials: Sequence[Trial]) -> pd.DataFrame:
    """The frame of these trials with the column ``point``, if they run a program."""
    if not task_in(frame).is_program or not len(frame):
        return frame
    return frame.assign(**{POINT: pd.Series(points_of(trials), index=frame.index, dtype="object")})


def with_named_points(names: Names, frame: pd.DataFrame) -> Names:
    """The names, with one for every point of the frame: ``lr = 0.4437, width = 16``."""
    if POINT not in frame or not task_in(frame).is_program:
        return names
    points: list[Point] = list(dict.fromkeys(values_of(frame, POINT)))
    for digits in (*range(FEWEST_DIGITS, MOST_DIGITS), None):
        texts = [point_name(point, names, digits) for point in points]
        if len(set(texts)) == len(points):
            break
    of_points = {POINT: dict(zip(points, texts, strict=True))}
    return Names(replace(names.labels, values={**names.labels.values, **of_points}))


def point_name(point: Point, names: Names, digits: int | None) -> str:
    """The values of a point with their parameters; its fractions with this many digits, or all."""
    texts = []
    for name, value in point:
        is_fraction = digits is not None and isinstance(value, float)
        shown = float(f"{value:.{digits}g}") if is_fraction else value
        text = names.label(name, value) or value_text(shown)
        texts.append(f"{one_line(names.field(name))} = {text}")
    return ", ".join(texts)


def ranked(cells: Mapping[CellKey, Cell], goal: Goal | None) -> dict[CellKey, Cell]:
    """The cells in the order of the rows' best ones: the best mean first, then what has no mean.

    Those are the diverged, the failed and the unfinished rows, in this order. Without a goal the
    order stays.
    """
    if goal is None:
        return dict(cells)
    sign = -1.0 if goal == "maximize" else 1.0
    places: dict[object, tuple[int, float]] = {}
    for (row, _), cell in cells.items():
        place = (ENDS.index(cell.status), sign * (cell.mean or 0.0))
        places[row] = min(places.get(row, place), place)
    return {key: cells[key] for key in sorted(cells, key=lambda key: places[key[0]])}
