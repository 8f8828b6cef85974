"""Tables as LaTeX for a document that loads ``booktabs``."""

import re
from collections import Counter
from collections.abc import Sequence

from analysis.cells import Cell, cell_text
from analysis.tables import Table
from analysis.wording import one_line, value_text

ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "`": r"\textasciigrave{}",
    # A row that starts with one of these would be taken for the options of the \\ before it.
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "±": r"$\pm$",
    "–": "--",
}


def render_latex(tables: Sequence[Table]) -> str:
    """One ``table`` environment per table, each with a label of its own."""
    seen: Counter[str] = Counter()
    rendered = []
    for table in tables:
        label = "tab:" + (re.sub(r"[^A-Za-z0-9]+", "-", table.title).strip("-").lower() or "table")
        seen[label] += 1
        number = f"-{seen[label]}" if seen[label] > 1 else ""
        rendered.append(latex_table(table, label + number))
    return "\n".join(rendered)


def latex_table(table: Table, label: str) -> str:
    """One table."""
    header = [table.row_field, *map(value_text, table.column_values)]
    rows = [latex_row(table, row) for row in table.row_values]
    alignment = ("l" if table.rows_are_names else "r") + "r" * len(table.column_values)
    caption = escape(f"{table.title}. {table.caption}")
    return "\n".join(
        (
            r"\begin{table}",
            r"  \centering",
            rf"  \caption{{{caption}}}",
            rf"  \label{{{label}}}",
            rf"  \begin{{tabular}}{{{alignment}}}",
            r"    \toprule",
            rf"    {' & '.join(map(escape, header))} \\",
            r"    \midrule",
            *rows,
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
            "",
        )
    )


def latex_row(table: Table, row: object) -> str:
    """One row of the body."""
    cells = [table.cells[row, column] for column in table.column_values]
    shown = [latex_cell(cell, table.decimals) for cell in cells]
    return rf"    {' & '.join((escape(value_text(row)), *shown))} \\"


def latex_cell(cell: Cell, decimals: int) -> str:
    r"""A cell's text, the best of its row bold (``\mathbf`` would leave the ± light)."""
    text = cell_text(cell, decimals)
    if not text.mean:
        return escape(text.plain)
    number = rf"${text.mean} \pm {text.std}$" if text.std else f"${text.mean}$"
    emphasised = rf"{{\boldmath{number}}}" if cell.best else number
    return f"{emphasised} {text.count}".rstrip()


def escape(text: str) -> str:
    """The text so that LaTeX sets it literally, on one line."""
    return "".join(ESCAPES.get(character, character) for character in one_line(text))
