"""The compiled tables as sections of the report."""

from collections.abc import Sequence

from analysis.html_text import escaped
from analysis.render_html import html_rows
from analysis.report.markup import paragraph, section
from analysis.tables import Table


def tables_section(tables: Sequence[Table]) -> str:
    """Every table with its caption."""
    parts = [table_part(table, number) for number, table in enumerate(tables, start=1)]
    return section("tables", "Tables", parts or [paragraph("There are no trials, and no tables.")])


def table_part(table: Table, number: int) -> str:
    """A table under its title, in a box that scrolls where it is wide, and its caption below."""
    return (
        f'<figure class="table">\n<h3 id="table-{number}">{escaped(table.title)}</h3>\n'
        f'<div class="wide" tabindex="0" role="region" aria-labelledby="table-{number}">\n'
        f'<table aria-labelledby="table-{number}" aria-describedby="caption-{number}">\n'
        f"{html_rows(table)}\n</table></div>\n"
        f'<figcaption id="caption-{number}">{escaped(table.caption)}</figcaption>\n</figure>'
    )
