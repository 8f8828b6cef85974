"""A user's list of cells: a column per field of a trial, then mean, std and n."""

from collections.abc import Iterator

from adaloss.grid.mistakes.problems import Problem, closest, suggestion
from adaloss.tasks.table import FIELD_NAMES
from analysis.comparison.file.entry import Entry, Parsed, measure_problems, parsed_fields
from analysis.comparison.file.lines import Line, ResultsFile
from analysis.comparison.file.numbers import numbers_of
from analysis.tables.cells import CellStatus

# mean and std are also fields of a trial (of channels); in such a file they are the result's.
FIELD_COLUMNS = tuple(name for name in FIELD_NAMES if name not in ("seed", "mean", "std"))
RESULT_COLUMNS = ("mean", "std", "n", "runs", "metric", "at")
COLUMNS = (*FIELD_COLUMNS, *RESULT_COLUMNS)


def entries_of_cells(file: ResultsFile) -> Parsed:
    """An entry per line; an empty mean is N/A."""
    problems = list(column_problems(file))
    if problems:
        return [], problems
    count = next((name for name in ("n", "runs") if name in file.columns), None)
    entries = []
    for line in file.lines:
        entry, found = entry_of(line, count)
        entries.append(entry)
        problems += found
    return entries, problems


def column_problems(file: ResultsFile) -> Iterator[Problem]:
    """Problems with columns: unknown, contradictory or missing ones."""
    for name in file.columns:
        if name == "seed":
            message = "column seed: a line is a cell, the mean over its seeds; remove seed"
            yield Problem(1, name, message)
        elif name not in COLUMNS:
            known = suggestion(name, COLUMNS) if closest(name, COLUMNS) else known_columns()
            yield Problem(1, name, f"unknown column {name[:60]!r}{known}")
    if {"n", "runs"} <= set(file.columns):
        yield Problem(1, "runs", "there are both columns n and runs: remove one")
    if "mean" not in file.columns:
        yield Problem(1, "mean", "there is no column mean")
    if not set(file.columns) & set(FIELD_COLUMNS):
        yield Problem(1, "", f"no column names a field of a trial, such as b0{known_columns()}")


def known_columns() -> str:
    """A list of all known columns."""
    return f"; known: {', '.join(COLUMNS)}"


def entry_of(line: Line, count: str | None) -> tuple[Entry, list[Problem]]:
    """The entry of one line."""
    texts = [(name, name, text) for name, text in line.texts.items() if name in FIELD_COLUMNS]
    fields, problems = parsed_fields(line, texts)
    numbers = numbers_of(line, count=count)
    entry = Entry(
        line=line,
        fields=fields,
        numbers=numbers,
        status=CellStatus.NA if numbers.mean is None else CellStatus.VALUE,
        metric=line.texts.get("metric") or None,
        at=line.texts.get("at") or None,
    )
    return entry, [*problems, *numbers.problems, *measure_problems(line)]
