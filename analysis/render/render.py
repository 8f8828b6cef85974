"""Render compiled tables in any of the formats."""

from collections.abc import Callable, Mapping, Sequence

from analysis.render.csv import render_csv
from analysis.render.html import render_html
from analysis.render.latex import document, render_latex, render_siunitx
from analysis.render.markdown import render_markdown, render_plain
from analysis.render.terminal import terminal_table
from analysis.tables.tables import Table, TableError

__all__ = ["FORMATS", "render", "render_document", "render_plain", "terminal_table"]

FORMATS: Mapping[str, str] = {
    "md": ".md",
    "csv": ".csv",
    "latex": ".tex",
    "siunitx": ".siunitx.tex",
    "html": ".html",
}
"""The suffix of each format's files."""

RENDERERS: Mapping[str, Callable[[Sequence[Table]], str]] = {
    "md": render_markdown,
    "csv": render_csv,
    "latex": render_latex,
    "siunitx": render_siunitx,
    "html": render_html,
}


def render(tables: Sequence[Table], form: str) -> str:
    """All tables as one text in a format of :data:`FORMATS`, a function of the tables alone.

    Raises:
        TableError: there is no such format.
    """
    if form not in RENDERERS:
        raise TableError(f"there is no table format {form}; the formats are {', '.join(FORMATS)}")
    return RENDERERS[form](tables)


def render_document(tables: Sequence[Table], form: str) -> str:
    """All tables as a complete LaTeX document; ``form`` is latex or siunitx."""
    return document(tables, siunitx=form == "siunitx")
