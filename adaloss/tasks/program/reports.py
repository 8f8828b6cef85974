"""What a program reports without wandb: lines of JSON, a file of results, or its printed output."""

import hashlib
import json
import re
from pathlib import Path

from adaloss.errors import UserError
from adaloss.grid.mistakes.wording import described
from adaloss.records.printable import printable, shortened
from adaloss.tasks.program.row import STEP_NAMES, Row, row_of

EXAMPLE = '{"step": 1, "loss": 0.5}'
MOST_SHOWN = 60
LONGEST_LINE = 10_000


class ReportError(UserError):
    """A program's report cannot be read. ``rows`` are those that were read before the mistake."""

    def __init__(self, message: str, rows: tuple[Row, ...] = ()) -> None:
        super().__init__(printable(message))
        self.rows = rows


class LineReader:
    """Reads objects of JSON, one per line, from a file to which a program appends.

    Empty lines and objects without numbers give no row. There need not be a file yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.position = 0
        self.lines_read = 0
        self.digest = hashlib.sha256()
        self.unread = b""

    def new_rows(self) -> list[Row]:
        """The rows of the lines that were completed since the last call.

        Raises:
            ReportError: a line is not an object of JSON, or the file cannot be read or became
                shorter. The same line is an error in the next call as well.
        """
        self.read_on()
        *lines, self.unread = self.unread.split(b"\n")
        rows: list[Row] = []
        for index, line in enumerate(lines):
            row = row_of_line(line)
            if row is None:
                self.unread = b"\n".join((*lines[index:], self.unread))
                raise ReportError(self.mistake_in(line), tuple(rows))
            rows += [row] if row.values else []
            self.lines_read += 1
        return rows

    def finish(self) -> list[Row]:
        """The rows since the last call, once the program has ended: the last line is complete.

        Raises:
            ReportError: as ``new_rows``. A program that was killed may leave such a last line.
        """
        self.read_on()
        self.check_not_rewritten()
        if self.unread and not self.unread.endswith(b"\n"):
            self.unread += b"\n"
        return self.new_rows()

    def read_on(self) -> None:
        """Read what was appended to the file."""
        try:
            with self.path.open("rb") as file:
                is_shorter = file.seek(0, 2) < self.position
                file.seek(self.position)
                new = file.read()
                self.unread += new
                self.digest.update(new)
                self.position = file.tell()
        except FileNotFoundError:
            is_shorter = self.position > 0
        except OSError as error:
            raise ReportError(f"{self.path} cannot be read: {error.strerror}") from error
        if is_shorter:
            raise ReportError(
                f"{self.path} became shorter while the program ran: each report must be appended"
            )

    def check_not_rewritten(self) -> None:
        """Refuse a file whose beginning is another than when it was read."""
        if self.position == 0:
            return
        with self.path.open("rb") as file:
            again = hashlib.sha256(file.read(self.position))
        if again.digest() != self.digest.digest():
            raise ReportError(
                f"{self.path} was written again while the program ran: each report must be appended"
            )

    def mistake_in(self, line: bytes) -> str:
        """The message for a line that is not an object of JSON."""
        beginning = shown(line.decode(errors="replace"))
        return (
            f"{self.path}, line {self.lines_read + 1}: expected an object of JSON such as "
            f"{EXAMPLE}, found {beginning}"
        )


def row_of_line(line: bytes) -> Row | None:
    """The row of an object of JSON, without values for an empty line, or None for anything else."""
    try:
        content = json.loads(line) if line.strip() else {}
        return row_of(content) if isinstance(content, dict) else None
    except (ValueError, RecursionError):
        return None


def final_rows(path: Path) -> list[Row]:
    """The rows of a file of results that the program wrote: one object of JSON or a list of them.

    Raises:
        ReportError: the file is missing or is something else, or has no numbers.
    """
    expected = f"the program must write an object of JSON such as {EXAMPLE}, or a list of them"
    try:
        content = json.loads(path.read_bytes())
        objects = content if isinstance(content, list) else [content]
        rows = [row_of(each) for each in objects if isinstance(each, dict)]
    except FileNotFoundError as error:
        raise ReportError(f"{path} is missing: {expected}") from error
    except OSError as error:
        raise ReportError(f"{path} cannot be read ({error.strerror}): {expected}") from error
    except (ValueError, RecursionError) as error:
        raise ReportError(
            f"{path} is not JSON ({shortened(str(error), 100)}): {expected}"
        ) from error
    if len(rows) < len(objects):
        other = next(each for each in objects if not isinstance(each, dict))
        found = described(tuple(other) if isinstance(other, list) else other)
        raise ReportError(f"{path} has {found} in place of an object: {expected}")
    if not any(row.values for row in rows):
        raise ReportError(f"{path} has no numbers: {expected}")
    return [row for row in rows if row.values]


class PatternReader:
    """Finds a pattern with named groups in the lines of a program's output.

    Each match is a row of its groups, which must be numbers for ``float``; a group without a match
    is left out. Carriage returns end lines as well, so that progress bars are read. Only the first
    ``LONGEST_LINE`` characters of a line are searched. This is the only limit on the time that a
    pattern such as ``(a+)+b`` takes.
    """

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.pattern = pattern
        self.unread = ""

    def rows_in(self, text: str) -> list[Row]:
        """The rows of the lines that this text completes.

        Raises:
            ReportError: a group is not a number. The next call goes on with the line after it.
        """
        *lines, self.unread = re.split(r"[\r\n]", self.unread + text)
        self.unread = self.unread[:LONGEST_LINE]
        rows: list[Row] = []
        for index, line in enumerate(lines):
            for match in self.pattern.finditer(line[:LONGEST_LINE]):
                try:
                    row = row_of_match(match)
                except ValueError as error:
                    self.unread = "\n".join((*lines[index + 1 :], self.unread))
                    raise ReportError(str(error), tuple(rows)) from error
                rows += [row] if row.values else []
        return rows

    def finish(self) -> list[Row]:
        """The rows of the last line, once the program has ended.

        Raises:
            ReportError: as ``rows_in``.
        """
        return self.rows_in("\n") if self.unread else []


def row_of_match(match: re.Match[str]) -> Row:
    """The row of a match.

    Raises:
        ValueError: a group is not a number. The message names the group and its text.
    """
    values: dict[str, float] = {}
    for name, text in match.groupdict().items():
        try:
            # A group cannot be called val/loss.
            metric = name.replace("__", "/")
            values |= {metric: float(text)} if text is not None else {}
        except ValueError as error:
            raise ValueError(
                f"the group {name} of the pattern must match a number, found {shown(text)} in "
                f"{shown(match[0])}"
            ) from error
    return row_of(values)


def mistake_in_pattern(text: str) -> str | None:
    """Why the program's output cannot be searched for this pattern, or None."""
    try:
        groups = re.compile(text).groupindex
    except re.error as error:
        return f"the pattern is not a regular expression: {error}"
    except (OverflowError, RecursionError):
        return "the pattern is too large or too deeply nested"
    if not groups.keys() - STEP_NAMES:
        found = f"only the group {next(iter(groups))}" if groups else "no named group"
        return f"the pattern has {found}; write a group for each metric, as in loss=(?P<loss>\\S+)"
    return None


def shown(text: str) -> str:
    """The beginning of a text, in quotes."""
    return repr(text) if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]!r}…"
