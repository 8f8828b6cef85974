"""Tables for the terminal."""

from rich.console import Group
from rich.text import Text

from analysis.render.terminal_columns import FittedTable
from analysis.tables.cells import Cell, CellStatus, CellStyle, cell_text
from analysis.tables.tables import Table


def terminal_table(table: Table) -> Group:
    """The table for rich; names are literal, not markup."""
    fitted = FittedTable(
        header=(Text(table.corner), *map(Text, table.column_texts)),
        rows=tuple(
            (Text(name), *(terminal_cell(cell, table.style) for cell in cells))
            for name, cells in table.lines
        ),
        names=1,
        left=frozenset({0} if table.rows_are_names else ()),
    )
    return Group(Text(table.title, "italic"), fitted, Text(table.caption, "dim italic"))


def terminal_cell(cell: Cell, style: CellStyle) -> Text:
    """A cell's text: bold for the best of its row, underlined for the second, red for failures."""
    text = cell_text(cell, style)
    if cell.best or cell.second:
        emphasis = "bold" if cell.best else "underline"
        return Text.assemble((text.number, emphasis), f" {text.count}" if text.count else "")
    look = {CellStatus.VALUE: "", CellStatus.FAILED: "red"}.get(cell.status, "dim")
    return Text(text.plain, style=look)
