"""The figures as HTML: controls, empty panels for the script, text and numbers."""

from collections.abc import Iterable, Sequence

from analysis.render.html_text import escaped
from analysis.report.figures.markers import swatch
from analysis.report.markup import details, paragraph, plain_table
from analysis.report.subject import Subject

MOST_PANELS = 6
"""With more parts, the page shows one at a time."""
MOST_CHECKED = 14
"""More lines in one panel cannot be distinguished: further lines start unchecked."""
MOST_ROWS = 200
"""The largest number of rows of a table below a figure."""


def line_controls(subject: Subject) -> str:
    """A checkbox for each line, for all figures at once; also the key."""
    boxes = "\n".join(
        f'<label><input type="checkbox" name="line" value="{number}" autocomplete="off"'
        f"{' checked' if number < MOST_CHECKED else ''}> {swatch(style)} {escaped(label)}</label>"
        for number, (style, label) in enumerate(
            zip(subject.styles, subject.line_labels, strict=True)
        )
    )
    parts = part_control(subject)
    return (
        f'<fieldset id="lines" class="controls">\n<legend>In all figures, '
        f"{escaped(subject.line_name)}:</legend>\n{boxes}\n</fieldset>{parts}"
    )


def part_control(subject: Subject) -> str:
    """A selection of a part, if there are too many to show at once."""
    if len(subject.parts) <= MOST_PANELS:
        return ""
    return f'\n<p class="controls">{select("part", "In all figures, show", subject.parts)}</p>'


def select(key: str, label: str, options: Sequence[str], chosen: int = 0) -> str:
    """A selection with its label."""
    choices = "".join(
        f'<option value="{number}"{" selected" if number == chosen else ""}>'
        f"{escaped(text)}</option>"
        for number, text in enumerate(options)
    )
    return (
        f'<label for="{key}">{escaped(label)}</label> '
        f'<select id="{key}" autocomplete="off">{choices}</select>'
    )


def figure(
    key: str,
    title: str,
    subject: Subject,
    *,
    controls: str = "",
    with_key: bool = True,
    words: Iterable[str],
    numbers: str,
) -> str:
    """A figure: heading, controls, panels, key, caption, and its numbers on demand."""
    shown = subject.parts if len(subject.parts) <= MOST_PANELS else subject.parts[:1]
    panels = "\n".join(
        f'<div class="panel"><p class="panel-title">{escaped(name)}</p>'
        f'<div class="view" data-panel="{number}"></div></div>'
        for number, name in enumerate(shown)
    )
    caption = "\n".join(paragraph(text) for text in words)
    return (
        f'<figure class="plot" id="{key}" aria-labelledby="{key}-title" '
        f'aria-describedby="{key}-words">\n<h3 id="{key}-title">{escaped(title)}</h3>\n'
        f'{controls}\n<div class="panels">\n{panels}\n</div>\n'
        f"{line_key(subject) if with_key else ''}"
        f'<figcaption id="{key}-words">\n{caption}\n</figcaption>\n{numbers}\n</figure>'
    )


def line_key(subject: Subject) -> str:
    """The key of the lines, below the figure."""
    entries = " ".join(
        f'<span class="entry" data-line="{number}">{swatch(style)} {escaped(label)}</span>'
        for number, (style, label) in enumerate(
            zip(subject.styles, subject.line_labels, strict=True)
        )
    )
    return f'<p class="key">{entries}</p>\n'


def numbers_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], total: int, *, label: str, names: int
) -> str:
    """The numbers of a figure, collapsed, with a note if some are omitted."""
    note = f"The first {len(rows)} of {total}; the CSV export has all." if total > len(rows) else ""
    table = plain_table(header, rows, label=label, names=names)
    return details(label, (paragraph(note, "note") if note else "") + table)
