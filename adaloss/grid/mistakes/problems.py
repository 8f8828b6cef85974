"""A mistake in a grid file, and the error that reports all mistakes together."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from adaloss.errors import UserError
from adaloss.grid.mistakes.hints import similar_names
from adaloss.records.printable import printable, shortened

MOST_PROBLEMS = 100
LONGEST_MESSAGE = 2_000
LONGEST_NAME = 60
KNOWN = "; known: "
# A list of all known names, or a long choice such as "optimizer must be …, found 3".
LONG_LIST = re.compile(f"{KNOWN}.+|(?<= must be ).{{40,}}?(?=, found )", re.DOTALL)
SAME_LIST = "one of the values listed above"

KeyPath = tuple[str | int, ...]
"""The path of a value in a grid: ``("parameters", "b0", 2)``."""


@dataclass(frozen=True)
class Problem:
    """One mistake: its line in the file (from 1, or None), its key and a message."""

    line: int | None
    key: str
    message: str


class GridError(UserError):
    """A grid cannot be used. ``str()`` has one line ``grid.yaml:12: message`` per problem.

    Of more than ``MOST_PROBLEMS`` only the first are kept, with a note that there are more.
    """

    def __init__(self, source: Path | str, problems: Iterable[Problem]) -> None:
        by_line = sorted(problems, key=lambda problem: problem.line or 0)
        in_order = list(without_repeated_lists(by_line[: MOST_PROBLEMS + 1]))
        self.problems = tuple(in_order[:MOST_PROBLEMS])
        if len(in_order) > MOST_PROBLEMS:
            more = "there are more mistakes; fix these first"
            self.problems += (Problem(in_order[MOST_PROBLEMS].line, "", more),)
        super().__init__("\n".join(located(source, problem) for problem in self.problems))


def located(source: Path | str, problem: Problem) -> str:
    """The problem on one printable line, in the format of compilers; without lines, by its key."""
    location = f"{source}:{problem.line}" if problem.line else f"{source}"
    if not problem.line and not problem.message.startswith(problem.key):
        location += f": {shortened(problem.key, LONGEST_NAME)}"
    return f"{location}: {printable(shortened(problem.message, LONGEST_MESSAGE))}"


def quoted(name: object) -> str:
    """The name in quotes, shortened if it is very long."""
    return shortened(repr(name), LONGEST_NAME)


def dotted(path: KeyPath) -> str:
    """The path in the form ``tables[0].rows``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def closest(name: str, names: Iterable[str]) -> str | None:
    """The one of ``names`` that the user may have meant, or None."""
    return next(iter(similar_names(name, names)), None)


def suggestion(name: str, names: Iterable[str]) -> str:
    """``; did you mean …?`` if one of ``names`` is similar, else a list of all of them."""
    names = list(names)
    matches = similar_names(name, names)
    return f"; did you mean {' or '.join(matches)}?" if matches else f"{KNOWN}{', '.join(names)}"


def without_repeated_lists(problems: Iterable[Problem]) -> Iterator[Problem]:
    """The problems in the same order, with each long list only at its first occurrence."""
    seen: set[str] = set()
    for problem in problems:
        match = LONG_LIST.search(problem.message)
        if match and match[0] in seen:
            short = "" if match[0].startswith(KNOWN) else SAME_LIST
            yield replace(problem, message=problem.message.replace(match[0], short))
            continue
        seen.add(match[0] if match else "")
        yield problem
