"""A page of sections as Markdown, as part of an HTML page, and for the terminal."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from analysis.render.html_text import escaped
from analysis.render.markdown import MARKDOWN, PLAIN, Dialect, aligned
from analysis.render.terminal_columns import FittedTable
from analysis.tables.page import Page, PlainTable, Section


def page_markdown(page: Page) -> str:
    """The page as GitHub-flavoured Markdown."""
    return page_text(page, MARKDOWN)


def page_plain(page: Page) -> str:
    """The page as plain text."""
    return page_text(page, PLAIN)


def page_text(page: Page, dialect: Dialect) -> str:
    """The page as text in this style."""
    blocks = [f"# {dialect.text(page.title)}"]
    blocks += map(dialect.text, page.answer)
    for section in page.sections:
        blocks.append(f"## {dialect.text(section.title)}")
        blocks += map(dialect.text, section.before)
        if section.table is not None:
            blocks.append(text_rows(section.table, dialect))
        blocks += map(dialect.text, section.after)
    return "\n\n".join(blocks) + "\n"


def text_rows(table: PlainTable, dialect: Dialect) -> str:
    """The lines of a table."""
    lines = [[dialect.text(text) for text in row] for row in (table.header, *table.rows)]
    return aligned(lines, left=table.left).removesuffix("\n")


def sections_html(page: Page, *, level: int) -> str:
    """The page's sections as HTML below headings of this level; all text is escaped."""
    return "\n".join(section_html(section, level) for section in page.sections)


def section_html(section: Section, level: int) -> str:
    """One section."""
    parts = [f"<h{level}>{escaped(section.title)}</h{level}>"]
    parts += [f"<p>{escaped(text)}</p>" for text in section.before]
    if section.table is not None:
        parts.append(table_html(section.table, label=section.title))
    parts += [f'<p class="note">{escaped(text)}</p>' for text in section.after]
    return "<section>\n" + "\n".join(parts) + "\n</section>"


def table_html(table: PlainTable, *, label: str) -> str:
    """A table whose first column has the row headings; wide tables scroll in a box."""
    head = "".join(
        f'<th scope="col"{named(table, position)}>{escaped(text)}</th>'
        for position, text in enumerate(table.header)
    )
    body = "\n".join(f"<tr>{''.join(row_html(table, row))}</tr>" for row in table.rows)
    name = escaped(label)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{name}">'
        f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>"
    )


def row_html(table: PlainTable, row: tuple[str, ...]) -> Iterator[str]:
    """The cells of a row."""
    for position, text in enumerate(row):
        name = named(table, position)
        if position == 0:
            yield f'<th scope="row"{name}>{escaped(text)}</th>'
        else:
            yield f"<td{name}>{escaped(text)}</td>"


def named(table: PlainTable, position: int) -> str:
    """The class of a column of names, which distinguishes it from numbers."""
    return ' class="name"' if position in table.left else ""


def page_terminal(page: Page) -> RenderableType:
    """The page for rich; texts are literal, not markup."""
    parts: list[RenderableType] = [Text(page.title, "bold"), *map(Text, page.answer)]
    for section in page.sections:
        parts.append(Text(f"\n{section.title}", "bold"))
        parts += [Text(text) for text in section.before]
        if section.table is not None:
            parts.append(terminal_rows(section.table))
        parts += [Text(text, "dim") for text in section.after]
    return Group(*parts)


def terminal_rows(table: PlainTable) -> FittedTable:
    """A table for the terminal."""
    return FittedTable(
        header=tuple(map(Text, table.header)),
        rows=tuple(tuple(map(Text, row)) for row in table.rows),
        names=table.names,
        left=table.left,
    )
