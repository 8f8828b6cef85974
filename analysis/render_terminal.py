"""Tables for the terminal."""

from rich.console import Group
from rich.text import Text

from analysis.cells import Cell, CellStatus, CellStyle, cell_text
from analysis.tables import Table
from analysis.terminal_columns import FittedTable
from analysis.wording import value_text


def terminal_table(table: Table) -> Group:
    """The table for rich to print; names are taken literally, not as rich's markup."""
    fitted = FittedTable(
        header=(Text(table.corner), *(Text(value_text(value)) for value in table.column_values)),
        rows=tuple(terminal_row(table, row) for row in table.row_values),
        names=1,
        left=frozenset({0} if table.rows_are_names else ()),
    )
    return Group(Text(table.title, "italic"), fitted, Text(table.caption, "dim italic"))


def terminal_row(table: Table, row: object) -> tuple[Text, ...]:
    """The name of a row and its cells."""
    cells = (table.cells[row, column] for column in table.column_values)
    return (Text(value_text(row)), *(terminal_cell(cell, table.style) for cell in cells))


def terminal_cell(cell: Cell, style: CellStyle) -> Text:
    """A cell's text: the best of its row bold, the second underlined, failures red."""
    text = cell_text(cell, style)
    if cell.best or cell.second:
        emphasis = "bold" if cell.best else "underline"
        return Text.assemble((text.number, emphasis), f" {text.count}" if text.count else "")
    look = {CellStatus.VALUE: "", CellStatus.FAILED: "red"}.get(cell.status, "dim")
    return Text(text.plain, style=look)
