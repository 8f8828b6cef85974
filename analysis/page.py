"""What a page of results says, as plain text in sections; the renderers add only their markup."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PlainTable:
    """Headings and rows of text, numbers already written; as many texts in each row as headings.

    The first ``names`` columns are words, which align to the left; the others align to the right.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    names: int = 1


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
