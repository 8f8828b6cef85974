"""Tables as text in the formats that people take them away in."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from analysis.render_csv import render_csv
from analysis.render_html import render_html
from analysis.render_latex import render_latex
from analysis.render_markdown import render_markdown
from analysis.tables import Table

Format = Literal["md", "csv", "latex", "html"]

RENDERERS: Mapping[Format, Callable[[Sequence[Table]], str]] = {
    "md": render_markdown,
    "csv": render_csv,
    "latex": render_latex,
    "html": render_html,
}


def render(tables: Sequence[Table], to: Format) -> str:
    """All tables as one text; it depends on the tables alone."""
    return RENDERERS[to](tables)
