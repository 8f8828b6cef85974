"""Tables as GitHub-flavoured Markdown, and as plain text of the same shape."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from analysis.tables.cells import Cell, CellStyle, cell_text
from analysis.tables.tables import Table
from analysis.tables.wording import one_line

# & and < only where they would start an entity or a tag; > only where it would start a quotation.
ENTITIES = {"&": "&amp;", "<": "&lt;"}
# An underscore inside a word, as in adagrad_norm, needs no escape.
SPECIAL = re.compile(r"&(?=#?\w+;)|<|^>|[\\`*\[\]|~$]|(?<![^\W_])_|_(?![^\W_])")


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """A style of text: how to escape it, and how to mark a second best."""

    text: Callable[[str], str]
    second: str


def render_markdown(tables: Sequence[Table]) -> str:
    """A heading, a table and a caption for each table, as Markdown."""
    return "\n".join(text_table(table, MARKDOWN) for table in tables)


def render_plain(tables: Sequence[Table]) -> str:
    """The same as plain text, without escapes."""
    return "\n".join(text_table(table, PLAIN) for table in tables)


def text_table(table: Table, dialect: Dialect) -> str:
    """One table; the columns are aligned by padding."""
    lines = [[dialect.text(text) for text in (table.corner, *table.column_texts)]]
    for name, cells in table.lines:
        shown = [text_cell(cell, table.style, dialect) for cell in cells]
        lines.append([dialect.text(name), *shown])
    body = aligned(lines, left={0} if table.rows_are_names else ())
    return f"### {dialect.text(table.title)}\n\n{body}\n{dialect.text(table.caption)}\n"


def aligned(lines: Sequence[Sequence[str]], *, left: Collection[int]) -> str:
    """The lines of a table, its heading first, padded; columns in ``left`` align to the left."""
    columns = [
        padded(texts, left=position in left)
        for position, texts in enumerate(zip(*lines, strict=True))
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in zip(*columns, strict=True))


def padded(texts: Sequence[str], *, left: bool) -> list[str]:
    """A column of equal widths: its heading, the rule that aligns it, its cells."""
    width = max(3, *map(len, texts))
    rule = f":{'-' * (width - 1)}" if left else f"{'-' * (width - 1)}:"
    header, *cells = (text.ljust(width) if left else text.rjust(width) for text in texts)
    return [header, rule, *cells]


def text_cell(cell: Cell, style: CellStyle, dialect: Dialect) -> str:
    """A cell's text, the best of its row in bold, the second underlined."""
    text = cell_text(cell, style)
    if not cell.best and not cell.second:
        return text.plain
    mark = "**{}**" if cell.best else dialect.second
    return f"{mark.format(text.number)} {text.count}".rstrip()


def escape(text: str) -> str:
    """The text escaped for Markdown and HTML, on one line."""
    return SPECIAL.sub(lambda found: ENTITIES.get(found[0], f"\\{found[0]}"), one_line(text))


# GitHub shows <ins> underlined; it removes <u>.
MARKDOWN = Dialect(text=escape, second="<ins>{}</ins>")
PLAIN = Dialect(text=one_line, second="_{}_")
