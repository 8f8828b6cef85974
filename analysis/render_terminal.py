"""Tables for the terminal."""

from rich import box
from rich.table import Table as TerminalTable
from rich.text import Text

from analysis.cells import Cell, CellStatus, CellStyle, cell_text
from analysis.tables import Table
from analysis.wording import value_text


def terminal_table(table: Table) -> TerminalTable:
    """The table for rich to print; names are taken literally, not as rich's markup."""
    shown = TerminalTable(
        title=Text(table.title),
        caption=Text(table.caption),
        caption_justify="left",
        box=box.SIMPLE_HEAD,
    )
    shown.add_column(
        Text(table.corner),
        justify="left" if table.rows_are_names else "right",
        overflow="fold",
    )
    for value in table.column_values:
        shown.add_column(Text(value_text(value)), justify="right", overflow="fold")
    for row in table.row_values:
        cells = [table.cells[row, column] for column in table.column_values]
        shown.add_row(Text(value_text(row)), *(terminal_cell(cell, table.style) for cell in cells))
    return shown


def terminal_cell(cell: Cell, style: CellStyle) -> Text:
    """A cell's text: the best of its row bold, the second underlined, failures red."""
    text = cell_text(cell, style)
    if cell.best or cell.second:
        emphasis = "bold" if cell.best else "underline"
        return Text.assemble((text.number, emphasis), f" {text.count}" if text.count else "")
    look = {CellStatus.VALUE: "", CellStatus.FAILED: "red"}.get(cell.status, "dim")
    return Text(text.plain, style=look)
