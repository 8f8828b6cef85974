"""A page of results as plain text in sections; renderers add only markup."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class PlainTable:
    """Headings and rows of texts, with numbers already formatted.

    The first ``names`` columns and the last ``notes`` columns are words: aligned to the left, on
    several lines if necessary. The others are numbers, aligned to the right.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    names: int = 1
    notes: int = 0

    @property
    def left(self) -> frozenset[int]:
        """The positions of the columns of words."""
        places = range(len(self.header))
        return frozenset((*places[: self.names], *places[len(places) - self.notes :]))


@dataclass(frozen=True, kw_only=True)
class Section:
    """A title, paragraphs, a table, and paragraphs below it."""

    title: str
    before: tuple[str, ...] = ()
    table: PlainTable | None = None
    after: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Page:
    """Sections under a title; first, in a few sentences, what they say.

    ``brief`` has what fits on a screen in place of the sections; empty if they do so themselves.
    """

    title: str
    sections: tuple[Section, ...]
    answer: tuple[str, ...] = ()
    brief: tuple[Section, ...] = ()

    def on_one_screen(self) -> "Page":
        """The page with its brief sections."""
        return replace(self, sections=self.brief or self.sections)
