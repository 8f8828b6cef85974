"""Tables as GitHub-flavoured Markdown that also reads well as plain text."""

import re
from collections.abc import Sequence

from analysis.cells import Cell, CellStyle, cell_text
from analysis.tables import Table
from analysis.wording import one_line, value_text

ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# An underscore inside a word, as in adagrad_norm, is plain text already.
SPECIAL = re.compile(r"[&<>]|[\\`*\[\]|~$]|(?<![^\W_])_|_(?![^\W_])")


def render_markdown(tables: Sequence[Table]) -> str:
    """A heading, a table and a caption for each table."""
    return "\n".join(markdown_table(table) for table in tables)


def markdown_table(table: Table) -> str:
    """One table; the columns are aligned by padding."""
    header = [table.corner, *map(value_text, table.column_values)]
    lines = [[escape(text) for text in header]]
    for row in table.row_values:
        cells = [table.cells[row, column] for column in table.column_values]
        shown = [markdown_cell(cell, table.style) for cell in cells]
        lines.append([escape(value_text(row)), *shown])
    body = aligned(lines, names=int(table.rows_are_names))
    return f"### {escape(table.title)}\n\n{body}\n{escape(table.caption)}\n"


def aligned(lines: Sequence[Sequence[str]], *, names: int) -> str:
    """The lines of a table, its heading first, padded to columns; ``names`` of them stand left."""
    columns = [
        padded(texts, left=position < names)
        for position, texts in enumerate(zip(*lines, strict=True))
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in zip(*columns, strict=True))


def padded(texts: Sequence[str], *, left: bool) -> list[str]:
    """A column of equal widths: its heading, the rule that aligns it, its cells."""
    width = max(3, *map(len, texts))
    rule = f":{'-' * (width - 1)}" if left else f"{'-' * (width - 1)}:"
    header, *cells = (text.ljust(width) if left else text.rjust(width) for text in texts)
    return [header, rule, *cells]


def markdown_cell(cell: Cell, style: CellStyle) -> str:
    """A cell's text, the best of its row in bold, the second underlined."""
    text = cell_text(cell, style)
    if cell.best:
        return f"**{text.number}** {text.count}".rstrip()
    # What GitHub shows underlined: it takes <u> out.
    return f"<ins>{text.number}</ins> {text.count}".rstrip() if cell.second else text.plain


def escape(text: str) -> str:
    """The text so that Markdown and HTML take it literally, on one line."""
    return SPECIAL.sub(lambda found: ENTITIES.get(found[0], f"\\{found[0]}"), one_line(text))
