"""Small pieces of HTML; every external text goes through :func:`escaped`."""

from collections.abc import Iterable, Sequence

from analysis.render.html_text import escaped
from analysis.render.page import table_html
from analysis.tables.page import PlainTable


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph, optionally with a class."""
    return f'<p class="{kind}">{escaped(text)}</p>' if kind else f"<p>{escaped(text)}</p>"


def bullets(texts: Iterable[str]) -> str:
    """A list of texts."""
    return "<ul>\n" + "\n".join(f"<li>{escaped(text)}</li>" for text in texts) + "\n</ul>"


def verbatim(text: str, label: str) -> str:
    """Preformatted lines in a scrolling box that the keyboard can reach."""
    return f'<pre tabindex="0" role="region" aria-label="{escaped(label)}">{escaped(text)}</pre>'


def details(summary: str, content: str) -> str:
    """Content that is shown on demand."""
    return f"<details>\n<summary>{escaped(summary)}</summary>\n{content}\n</details>"


def section(key: str, title: str, parts: Iterable[str]) -> str:
    """A part of the report under a heading that the contents link to."""
    content = "\n".join(filter(None, parts))
    return (
        f'<section aria-labelledby="{key}">\n<h2 id="{key}">{escaped(title)}</h2>\n'
        f"{content}\n</section>"
    )


def plain_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, label: str, names: int = 1
) -> str:
    """A table of texts."""
    table = PlainTable(header=tuple(header), rows=tuple(map(tuple, rows)), names=names)
    return table_html(table, label=label)


def shortened(text: str, most: int) -> str:
    """The text, cut if it is longer than ``most`` characters."""
    return text if len(text) <= most else f"{text[:most]} … ({len(text)} characters)"


def and_more(total: int, shown: int, what: str) -> str:
    """``… and 12 more``, empty if all are shown."""
    return paragraph(f"… and {total - shown} more {what}.", "note") if total > shown else ""
