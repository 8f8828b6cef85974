"""A mistake in a grid file, and the error that reports all of them together."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from adaloss.printable import printable, shortened
from adaloss.user_error import UserError

MOST_PROBLEMS = 100
LONGEST_MESSAGE = 2_000
LONGEST_NAME = 60

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
        in_order = sorted(problems, key=lambda problem: problem.line or 0)
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
    matches = get_close_matches(name.lower()[:100], list(known), n=1)
    return matches[0] if matches else None


def suggestion(name: str, known: Iterable[str]) -> str:
    """``; did you mean …?`` where a name is close, else all the known ones."""
    names = list(known)
    match = closest(name, names)
    return f"; did you mean {match}?" if match else f"; known: {', '.join(names)}"
