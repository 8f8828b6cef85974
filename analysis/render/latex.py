"""Tables as LaTeX with ``booktabs``, and optionally ``siunitx``."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from analysis.tables.cells import Cell, CellStyle, CellText, cell_text
from analysis.tables.tables import Table
from analysis.tables.wording import one_line

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
    # After \\, LaTeX would read these characters at the start of a row as its options.
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "±": r"$\pm$",
    "–": "--",
    "√": r"$\surd$",
    "×": r"$\times$",
    "≤": r"$\leq$",
    "’": "'",
    "‘": "'",
    "“": "``",
    "”": "''",
    "—": "---",
    "…": r"\dots{}",
    "−": "$-$",
    "≥": r"$\geq$",
    "†": r"\dag{}",
    "‡": r"\ddag{}",
}
GREEK = re.compile(
    "GREEK (SMALL|CAPITAL) LETTER "
    "(ALPHA|BETA|GAMMA|DELTA|EPSILON|ZETA|ETA|THETA|IOTA|KAPPA|LAMDA|MU|NU|XI|OMICRON|PI|RHO|SIGMA|"
    "TAU|UPSILON|PHI|CHI|PSI|OMEGA)"
)
GREEK_NAMES = {"lamda": "lambda", "Lamda": "Lambda"}
# TeX has no commands for the letters that look like Latin ones.
LATIN_CAPITALS = {
    "Alpha": "A", "Beta": "B", "Epsilon": "E", "Zeta": "Z", "Eta": "H", "Iota": "I",
    "Kappa": "K", "Mu": "M", "Nu": "N", "Omicron": "O", "Rho": "P", "Tau": "T", "Chi": "X",
    "omicron": "o",
}  # fmt: skip
LATIN = frozenset(
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿ"
    "ĀāĂăĆćČčĎďĒēĘęĚěĞğĪīŁłŃńŇňŌōŐőŒœŘřŚśŞşŠšŤťŪūŮůŰűŹźŻżŽž"
)
"""Letters beyond ASCII that LaTeX supports."""


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How numbers are written for a package: alignment of columns, headings, and cells."""

    packages: tuple[str, ...]
    alignment: Callable[[Table], str]
    heading: Callable[[str], str]
    cell: Callable[[Cell, CellStyle], str]


def render_latex(tables: Sequence[Table]) -> str:
    """One ``table`` environment per table, each with its own label; needs ``booktabs``."""
    return in_dialect(tables, PLAIN)


def render_siunitx(tables: Sequence[Table]) -> str:
    """Tables with numbers aligned by ``siunitx`` (version 3); needs ``booktabs`` too."""
    return in_dialect(tables, SIUNITX)


def document(tables: Sequence[Table], *, siunitx: bool) -> str:
    """A whole document of the tables."""
    dialect = SIUNITX if siunitx else PLAIN
    loaded = [*map(use, dialect.packages), r"\usepackage[margin=2cm]{geometry}"]
    packages = "".join(f"{command}\n" for command in loaded)
    return (
        f"\\documentclass{{article}}\n{packages}\\begin{{document}}\n"
        f"{in_dialect(tables, dialect)}\\end{{document}}\n"
    )


def in_dialect(tables: Sequence[Table], dialect: Dialect) -> str:
    """The tables, below a comment with the required packages."""
    seen: Counter[str] = Counter()
    rendered = [f"% In the preamble: {' '.join(map(use, dialect.packages))}\n"]
    for table in tables:
        label = "tab:" + (re.sub(r"[^A-Za-z0-9]+", "-", table.title).strip("-").lower() or "table")
        seen[label] += 1
        number = f"-{seen[label]}" if seen[label] > 1 else ""
        rendered.append(latex_table(table, label + number, dialect))
    return "\n".join(rendered)


def use(package: str) -> str:
    """The command that loads a package."""
    return rf"\usepackage{{{package}}}"


def latex_table(table: Table, label: str, dialect: Dialect) -> str:
    """One table."""
    headings = [dialect.heading(escape(text)) for text in table.column_texts]
    rows = [latex_row(*line, table.style, dialect) for line in table.lines]
    alignment = ("l" if table.rows_are_names else "r") + dialect.alignment(table)
    caption = escape(f"{table.title}. {table.caption}")
    return "\n".join(
        (
            r"\begin{table}",
            r"  \centering",
            # LaTeX leaves no space below a caption above the table.
            r"  \setlength{\belowcaptionskip}{4pt}",
            rf"  \caption{{{caption}}}",
            rf"  \label{{{label}}}",
            rf"  \begin{{tabular}}{{{alignment}}}",
            r"    \toprule",
            rf"    {' & '.join((escape(table.corner), *headings))} \\",
            r"    \midrule",
            *rows,
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
            "",
        )
    )


def latex_row(name: str, cells: Sequence[Cell], style: CellStyle, dialect: Dialect) -> str:
    """One row of the body."""
    shown = [dialect.cell(cell, style) for cell in cells]
    return rf"    {' & '.join((escape(name), *shown))} \\"


def plain_cell(cell: Cell, style: CellStyle) -> str:
    r"""A cell's text, bold for the best of its row (``\mathbf`` would not affect the ±)."""
    text = cell_text(cell, style)
    if not text.mean:
        return escape(text.plain)
    number = mathematics(text)
    if cell.best:
        number = rf"{{\boldmath{number}}}"
    if cell.second:
        number = rf"\underline{{{number}}}"
    return f"{number} {escape(text.count)}".rstrip()


# e-07 in 1.20e-07.
POWER = re.compile(r"e([+-]?)0*(\d+)")


def mathematics(text: CellText) -> str:
    """The number in math mode."""
    number = rf"${text.mean} \pm {text.spread}$" if text.spread else f"${text.mean}$"
    return POWER.sub(r" \\cdot 10^{\1\2}", number.replace("inf", r"\infty"))


def siunitx_alignment(table: Table) -> str:
    """A column format wide enough for the table's widest mean and spread."""
    texts = [cell_text(cell, table.style) for cell in table.cells.values()]
    means, spreads = (
        whole_digits(text.mean for text in texts),
        whole_digits(text.spread for text in texts),
    )
    decimals = table.style.decimals.number
    uncertainty = f" +- {spreads}.{decimals}" if any(text.spread for text in texts) else ""
    sign = "-" if any(text.mean.startswith("-") for text in texts) else ""
    width = f"table-format={sign}{means}.{decimals}{uncertainty}"
    look = "uncertainty-mode=separate, mode=text, reset-text-series=false"
    if count := max((text.count for text in texts if text.mean), key=len, default=""):
        look += rf", table-space-text-post={{\,{escape(count)}}}"
    return rf"*{{{len(table.column_values)}}}{{S[{width}, {look}]}}"


def whole_digits(numbers: Iterable[str]) -> int:
    """The most digits before the decimal point; numbers may be missing or infinite."""
    wholes = [number.lstrip("-").partition(".")[0] for number in numbers]
    return max((len(whole) for whole in wholes if whole.isdigit()), default=1)


def siunitx_cell(cell: Cell, style: CellStyle) -> str:
    """A number for siunitx; text that it cannot parse goes in braces, centred."""
    text = cell_text(cell, style)
    if not text.mean or "inf" in text.number or "e" in text.number or cell.second:
        return f"{{{plain_cell(cell, style)}}}"
    number = f"{text.mean} +- {text.spread}" if text.spread else text.mean
    count = f" {{\\,{escape(text.count)}}}" if text.count else ""
    return (r"\bfseries " if cell.best else "") + number + count


PLAIN = Dialect(
    packages=("booktabs",),
    alignment=lambda table: "r" * len(table.column_values),
    heading=str,
    cell=plain_cell,
)
SIUNITX = Dialect(
    packages=("booktabs", "siunitx"),
    alignment=siunitx_alignment,
    # In braces, a heading is not parsed as a number.
    heading="{{{}}}".format,
    cell=siunitx_cell,
)


def escape(text: str) -> str:
    """The text escaped for LaTeX, on one line; unsupported characters by their names."""
    return "".join(map(escaped_character, one_line(text)))


def escaped_character(character: str) -> str:
    """The character in LaTeX's own fonts, including Greek, superscripts and subscripts."""
    if character in ESCAPES or character.isascii():
        return ESCAPES.get(character, character)
    name = unicodedata.name(character, f"U+{ord(character):04X}")
    if letter := GREEK.fullmatch(name):
        command = letter[2].lower() if letter[1] == "SMALL" else letter[2].capitalize()
        return LATIN_CAPITALS.get(command) or rf"$\{GREEK_NAMES.get(command, command)}$"
    kind, _, plain = unicodedata.decomposition(character).partition(" ")
    shown = "".join(chr(int(code, 16)) for code in plain.split())
    if kind in ("<super>", "<sub>") and shown.isascii():
        return f"${'^' if kind == '<super>' else '_'}{{{shown}}}$"
    return character if character in LATIN else f"{{[}}{name.lower()}{{]}}"
