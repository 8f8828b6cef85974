"""Tables as one self-contained HTML page."""

from collections.abc import Sequence

from analysis.render.html_text import escaped
from analysis.tables.cells import Cell, CellStyle, cell_text
from analysis.tables.tables import Table

STYLE = """\
body { font-family: system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { caption-side: bottom; color: #555; padding-top: 0.5rem; text-align: left; }
th, td { padding: 0.2rem 0.8rem; text-align: right; white-space: nowrap; }
thead { border-bottom: 1px solid; border-top: 2px solid; }
tbody { border-bottom: 2px solid; }"""


def render_html(tables: Sequence[Table]) -> str:
    """A page with a section per table."""
    sections = "\n".join(html_section(table) for table in tables)
    title = escaped(tables[0].title) if tables else "No tables"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{STYLE}\n</style>\n</head>\n"
        f"<body>\n{sections}\n</body>\n</html>\n"
    )


def html_section(table: Table) -> str:
    """One table under its title."""
    return (
        f"<section>\n<h2>{escaped(table.title)}</h2>\n<table>\n"
        f"<caption>{escaped(table.caption)}</caption>\n{html_rows(table)}\n</table>\n</section>"
    )


def html_rows(table: Table) -> str:
    """The head and the body."""
    names = [table.corner, *table.column_texts]
    header = "".join(f'<th scope="col">{escaped(name)}</th>' for name in names)
    rows = "\n".join(html_row(*line, table.style) for line in table.lines)
    return f"<thead>\n<tr>{header}</tr>\n</thead>\n<tbody>\n{rows}\n</tbody>"


def html_row(name: str, cells: Sequence[Cell], style: CellStyle) -> str:
    """One row of the body."""
    shown = "".join(f"<td>{html_cell(cell, style)}</td>" for cell in cells)
    return f'<tr><th scope="row">{escaped(name)}</th>{shown}</tr>'


def html_cell(cell: Cell, style: CellStyle) -> str:
    """A cell's text, the best of its row in ``<strong>``, the second in ``<u>``."""
    text = cell_text(cell, style)
    if not cell.best and not cell.second:
        return escaped(text.plain)
    tag = "strong" if cell.best else "u"
    return f"<{tag}>{escaped(text.number)}</{tag}> {escaped(text.count)}".rstrip()
