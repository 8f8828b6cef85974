"""A cell as a line of a file of results describes it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import PydanticCustomError

from adaloss.grid.mistakes.problems import Problem, suggestion
from adaloss.grid.points.filter import field_value
from adaloss.grid.tables.at import LAST, valid_at
from adaloss.tasks.metrics import METRICS
from analysis.comparison.file.lines import Line
from analysis.comparison.file.numbers import Numbers
from analysis.tables.cells import CellStatus


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line's cell: the known fields of a trial, the numbers, and their measure.

    ``metric`` and ``at`` are None if the file does not have them.
    """

    line: Line
    fields: Mapping[str, object]
    numbers: Numbers
    status: CellStatus
    expected: int | None = None
    metric: str | None = None
    at: str | None = None


Parsed = tuple[list[Entry], list[Problem]]
"""The entries of a file, and the problems of its lines."""


def parsed_fields(
    line: Line, texts: Sequence[tuple[str, str, str]]
) -> tuple[dict[str, Any], list[Problem]]:
    """The values of fields from their columns, names and texts."""
    values: dict[str, Any] = {}
    problems = []
    for column, name, text in texts:
        try:
            values[name] = field_value(name, text)
        except ValueError as error:
            problems.append(line.problem(column, str(error)))
    return values, problems


def measure_problems(line: Line) -> Iterator[Problem]:
    """Problems with an unknown metric or epoch."""
    metric = line.texts.get("metric", "")
    if metric and metric not in METRICS:
        message = f"unknown metric {metric[:60]!r}{suggestion(metric, METRICS)}"
        yield line.problem("metric", message)
    at = line.texts.get("at", "")
    try:
        valid_at(at or LAST)
    except PydanticCustomError as error:
        rule = error.message()
        must = rule if error.type == "rejected" else f"must be {rule}, found {at[:60]!r}"
        yield line.problem("at", must)


def repeated(entries: Sequence[Entry]) -> Iterator[Problem]:
    """Problems with cells that an earlier line has."""
    first: dict[object, int] = {}
    for entry in entries:
        key = (tuple(sorted(entry.fields.items())), entry.metric, entry.at)
        number = first.setdefault(key, entry.line.number)
        if number != entry.line.number:
            message = f"the same cell as line {number}; keep one of them"
            yield Problem(entry.line.number, "", message)
