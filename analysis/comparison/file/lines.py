"""Read a CSV file of results as lines of named texts, with all problems of its shape."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from adaloss.errors import UserError
from adaloss.grid.mistakes.problems import Problem, located

MOST_SHOWN = 20


class ResultsFileError(UserError):
    """A file of results cannot be used; ``str()`` has one ``file.csv:12: message`` per problem."""

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line or 0))
        lines = [located(path, problem) for problem in self.problems[:MOST_SHOWN]]
        if len(self.problems) > MOST_SHOWN:
            lines.append(f"{path}: and {len(self.problems) - MOST_SHOWN} more")
        super().__init__("\n".join(lines))


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of the file: its number, from 1, and its texts by column."""

    number: int
    texts: Mapping[str, str]

    def problem(self, column: str, message: str) -> Problem:
        """A problem with the text of a column."""
        return Problem(self.number, column, f"column {column}: {message}")


@dataclass(frozen=True, kw_only=True)
class ResultsFile:
    """The header and the lines that are not blank."""

    path: Path
    columns: tuple[str, ...]
    lines: tuple[Line, ...]


def read_results_file(path: Path) -> ResultsFile:
    """Read a CSV file with a header, in UTF-8 with or without a byte order mark.

    Raises:
        ResultsFileError: the file cannot be read, has no header or no line, repeats a column, or
            has lines that are not as long as the header.
    """
    header, rows = numbered_rows(path)
    columns = tuple(text.strip() for text in header)
    problems = header_problems(columns)
    for number, row in rows:
        if len(row) != len(columns):
            message = f"has {len(row)} values, and the header {len(columns)} columns"
            problems.append(Problem(number, "", message))
    if not rows:
        problems.append(Problem(None, "", "has no line below its header"))
    if problems:
        raise ResultsFileError(path, problems)
    lines = (
        Line(number=number, texts=dict(zip(columns, map(str.strip, row), strict=True)))
        for number, row in rows
    )
    return ResultsFile(path=path, columns=columns, lines=tuple(lines))


def numbered_rows(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and the rows that are not blank with their line numbers."""
    rows: list[tuple[int, list[str]]] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            start = 1
            for row in reader:
                if any(text.strip() for text in row):
                    rows.append((start, row))
                start = reader.line_num + 1
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not text in UTF-8; save it as CSV UTF-8") from error
    except csv.Error as error:
        raise ResultsFileError(path, [Problem(start, "", f"is not CSV ({error})")]) from error
    if not rows:
        raise UserError(f"{path}: is empty; the first line must name the columns")
    return rows[0][1], rows[1:]


def header_problems(columns: Sequence[str]) -> list[Problem]:
    """Problems with columns without a name, or with repeated names."""
    if len(columns) == 1 and (";" in columns[0] or "\t" in columns[0]):
        return [Problem(1, "", "the columns must be separated by commas")]
    problems = []
    for name in dict.fromkeys(columns):
        if not name:
            problems.append(Problem(1, "", "a column has no name"))
        elif columns.count(name) > 1:
            problems.append(Problem(1, name, f"there are {columns.count(name)} columns {name}"))
    return problems
