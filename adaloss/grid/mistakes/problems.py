"""A mistake in a grid file, and the error that reports all of them together."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from adaloss.errors import UserError
from adaloss.grid.mistakes.hints import near
from adaloss.records.printable import printable, shortened

MOST_PROBLEMS = 100
LONGEST_MESSAGE = 2_000
LONGEST_NAME = 60
KNOWN = "; known: "
# All the known names, or a choice that is long to read: "optimizer must be …, found 3".
LISTED = re.compile(f"{KNOWN}.+|(?<= must be ).{{40,}}?(?=, found )", re.DOTALL)
SAME_CHOICE = "one of these too"

KeyPath = tuple[str | int, ...]
"""Where a value stands in a grid: ``("parameters", "b0", 2)``."""


@dataclass(frozen=True)
class Problem:
    """One mistake: its line in the file (from 1, None if it has none), its key and a sentence."""

    line: int | None
    key: str
    message: str


class GridError(UserError):
    """A grid cannot be used; ``str()`` has one ``grid.yaml:12: message`` line per problem.

    Of very many problems only the first are kept, and that there are more.
    """

    def __init__(self, source: Path | str, problems: Iterable[Problem]) -> None:
        by_line = sorted(problems, key=lambda problem: problem.line or 0)
        in_order = list(without_repeated_lists(by_line[: MOST_PROBLEMS + 1]))
        self.problems = tuple(in_order[:MOST_PROBLEMS])
        if len(in_order) > MOST_PROBLEMS:
            more = "and there are more mistakes; mend these first"
            self.problems += (Problem(in_order[MOST_PROBLEMS].line, "", more),)
        super().__init__("\n".join(located(source, problem) for problem in self.problems))


def located(source: Path | str, problem: Problem) -> str:
    """The problem as compilers write it, whatever characters it quotes, on one line."""
    place = f"{source}:{problem.line}" if problem.line else f"{source}"
    return f"{place}: {printable(shortened(problem.message, LONGEST_MESSAGE))}"


def quoted(name: object) -> str:
    """A name as the file has it, in quotes; of a very long one the beginning and the end."""
    return shortened(repr(name), LONGEST_NAME)


def dotted(path: KeyPath) -> str:
    """The path as a person writes it: ``tables[0].rows``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that the user may have meant."""
    return next(iter(near(name, known)), None)


def suggestion(name: str, known: Iterable[str]) -> str:
    """``; did you mean …?`` where a name is near, else all the known ones."""
    names = list(known)
    matches = near(name, names)
    return f"; did you mean {' or '.join(matches)}?" if matches else f"{KNOWN}{', '.join(names)}"


def without_repeated_lists(problems: Iterable[Problem]) -> Iterator[Problem]:
    """The problems in their order, a list of names only where it comes first."""
    seen: set[str] = set()
    for problem in problems:
        listed = LISTED.search(problem.message)
        if listed and listed[0] in seen:
            short = "" if listed[0].startswith(KNOWN) else SAME_CHOICE
            yield replace(problem, message=problem.message.replace(listed[0], short))
            continue
        seen.add(listed[0] if listed else "")
        yield problem
