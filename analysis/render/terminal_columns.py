"""Fit a table to the terminal's width: extra columns go into further tables; no word is cut."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table as TerminalTable
from rich.text import Text

AROUND, BESIDE = 1, 3
"""The widths of a table's edges and of the gap between columns."""
SHORT = 20
"""Texts up to this length, such as a number with its interval, stay on one line."""


@dataclass(frozen=True, kw_only=True)
class FittedTable:
    """A heading and rows of texts; the first ``names`` columns name the row.

    Columns that do not fit follow in further tables, each of which repeats the names, or the row's
    number if the names are too wide. ``left`` are the columns that align to the left.
    """

    header: tuple[Text, ...]
    rows: tuple[tuple[Text, ...], ...]
    names: int
    left: frozenset[int]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The tables that fit the width, one below the other."""
        width = options.max_width
        least = self.least
        named = room(least[: self.names]) + max(least[self.names :], default=0) + BESIDE
        if named > width and room(least) > width:
            yield from self.numbered.in_blocks(width)
        else:
            yield from self.in_blocks(width)

    @property
    def least(self) -> list[int]:
        """The minimum width of each column: of its numbers, or of its longest word."""
        return [max(1, longest_word(head), *map(needed, cells)) for head, *cells in self.columns]

    @property
    def columns(self) -> list[tuple[Text, ...]]:
        """The heading and the cells of each column."""
        return list(zip(self.header, *self.rows, strict=True))

    @property
    def numbered(self) -> "FittedTable":
        """The table with the number of each row as its name."""
        rows = tuple((Text(str(number)), *row) for number, row in enumerate(self.rows, start=1))
        return replace(
            self,
            header=(Text("#"), *self.header),
            rows=rows,
            names=1,
            left=frozenset(place + 1 for place in self.left),
        )

    def in_blocks(self, width: int) -> Iterator[TerminalTable]:
        """Tables with as many columns as fit."""
        least = self.least
        most = [max(text.cell_len for text in texts) for texts in self.columns]
        for places in blocks(least, self.names, width):
            wanted = ([least[place] for place in places], [most[place] for place in places])
            yield self.block(places, widened(*wanted, width - room([0] * len(places))))

    def block(self, places: Sequence[int], widths: Sequence[int]) -> TerminalTable:
        """A table of these columns with these widths."""
        shown = TerminalTable(box=box.SIMPLE_HEAD)
        for place, width in zip(places, widths, strict=True):
            justify = "left" if place in self.left else "right"
            shown.add_column(self.header[place], justify=justify, width=width, overflow="fold")  # type: ignore[arg-type]
        for row in self.rows:
            shown.add_row(*(row[place] for place in places))
        return shown


def needed(text: Text) -> int:
    """The width of a short cell, or of a long cell's longest word."""
    return text.cell_len if text.cell_len <= SHORT else longest_word(text)


def longest_word(text: Text) -> int:
    """The width of the longest word."""
    return max(map(cell_len, text.plain.split()), default=0)


def room(widths: Sequence[int]) -> int:
    """The width of a table of columns of these widths."""
    return AROUND + sum(widths) + BESIDE * len(widths)


def blocks(least: Sequence[int], names: int, width: int) -> Iterator[list[int]]:
    """The columns of each table: the names, and as many others as fit."""
    first = list(range(names))
    taken = list(first)
    for place in range(names, len(least)):
        if len(taken) > names and room([least[p] for p in (*taken, place)]) > width:
            yield taken
            taken = list(first)
        taken.append(place)
    yield taken


def widened(least: Sequence[int], most: Sequence[int], total: int) -> list[int]:
    """The columns' widths, with the rest of the total distributed to the narrowest columns."""
    widths = list(least)
    while sum(widths) < total:
        wanting = [place for place, width in enumerate(widths) if width < most[place]]
        if not wanting:
            break
        widths[min(wanting, key=widths.__getitem__)] += 1
    return widths
