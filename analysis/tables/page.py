"""What a page of results says, as plain text in sections; the renderers add only their markup."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PlainTable:
    """Headings and rows of text, numbers already written; as many texts in each row as headings.

    The first ``names`` columns and the last ``notes`` ones are words, which align to the left and
    may take several lines; the others are numbers, which align to the right.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    names: int = 1
    notes: int = 0

    @property
    def left(self) -> frozenset[int]:
        """The places of the columns of words."""
        places = range(len(self.header))
        return frozenset((*places[: self.names], *places[len(places) - self.notes :]))


@dataclass(frozen=True, kw_only=True)
class Section:
    """A title, paragraphs, a table, and paragraphs that explain it."""

    title: str
    before: tuple[str, ...] = ()
    table: PlainTable | None = None
    after: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Page:
    """Sections under a title."""

    title: str
    sections: tuple[Section, ...]
