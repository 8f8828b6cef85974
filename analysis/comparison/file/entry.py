"""What a line of a file of results says of a cell, before it is one of a side's."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adaloss.grid.mistakes.problems import Problem, suggestion
from adaloss.grid.points.filter import field_value
from adaloss.grid.tables.spec import BEST_VAL, LAST, epoch_of
from adaloss.tasks.metrics import METRICS
from analysis.comparison.file.lines import Line
from analysis.comparison.file.numbers import Numbers
from analysis.tables.cells import CellStatus


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line's cell: the known fields of a trial, the numbers, and which measure they are of.

    ``metric`` and ``at`` are None where the file does not say.
    """

    line: Line
    fields: Mapping[str, object]
    numbers: Numbers
    status: CellStatus
    expected: int | None = None
    metric: str | None = None
    at: str | None = None


Parsed = tuple[list[Entry], list[Problem]]
"""The entries of a file, and everything that is wrong with its lines."""


def parsed_fields(
    line: Line, texts: Sequence[tuple[str, str, str]]
) -> tuple[dict[str, Any], list[Problem]]:
    """The values of fields, each given as its column, its name and its text."""
    values: dict[str, Any] = {}
    problems = []
    for column, name, text in texts:
        try:
            values[name] = field_value(name, text)
        except ValueError as error:
            problems.append(line.problem(column, str(error)))
    return values, problems


def measure_problems(line: Line) -> Iterator[Problem]:
    """A metric or an epoch that there is not."""
    metric = line.texts.get("metric", "")
    if metric and metric not in METRICS:
        message = f"unknown metric {metric[:60]!r}{suggestion(metric, METRICS)}"
        yield line.problem("metric", message)
    at = line.texts.get("at", "")
    if at and at not in (LAST, BEST_VAL) and epoch_of(at) is None:
        yield line.problem("at", f"must be last, best_val or epoch N, found {at[:60]!r}")


def repeated(entries: Sequence[Entry]) -> Iterator[Problem]:
    """Cells that an earlier line has already."""
    first: dict[object, int] = {}
    for entry in entries:
        key = (tuple(sorted(entry.fields.items())), entry.metric, entry.at)
        number = first.setdefault(key, entry.line.number)
        if number != entry.line.number:
            message = f"the same cell as line {number}; keep one of them"
            yield Problem(entry.line.number, "", message)
