"""Build the report of a sweep: one HTML file."""

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from adaloss.grid.sweep import Sweep
from analysis.render.html import html_rows
from analysis.render.html_text import escaped
from analysis.render.page import sections_html
from analysis.report.document import Document, document_html
from analysis.report.endings import divergences_section, failures_section
from analysis.report.figures.figures import figures_of
from analysis.report.markup import paragraph, section
from analysis.report.origins import origins_section
from analysis.report.overview import banner, overview_section
from analysis.report.page_budget import within_budget
from analysis.report.reproduce import method_section, reproduce_section
from analysis.tables.page import Page
from analysis.tables.tables import Table


def report_html(
    *,
    sweep: Sweep,
    frame: pd.DataFrame,
    history: pd.DataFrame,
    tables: Sequence[Table],
    pages: Sequence[Page] = (),
    logs: Mapping[str, Sequence[str]],
    selection: str = "",
) -> str:
    """The report as one HTML file; the same arguments give the same bytes.

    ``frame`` and ``history`` are those of the sweep's trials (see :mod:`analysis.frame.frame`; of a
    table at ``epoch N`` the frame must have the columns). ``tables`` are compiled from the frame
    and ``sweep.tables``; the figures are of the first of these. ``pages``, such as the statistics
    and a comparison with published numbers, follow the figures. ``logs`` are those of
    :func:`analysis.report.logs.failure_logs`, ``command`` is what runs the sweep again where its
    grid file lies.
    """
    figures = figures_of(sweep, frame, history, tables)
    sections = [
        overview_section(sweep, frame),
        tables_section(tables),
        figures.html,
        *(
            section(f"page-{number}", page.title, [sections_html(within_budget(page), level=3)])
            for number, page in enumerate(pages, start=1)
        ),
        divergences_section(sweep, frame),
        failures_section(sweep, frame, logs),
        origins_section(frame),
        reproduce_section(sweep, frame),
        method_section(sweep),
    ]
    return document_html(
        Document(
            title=sweep.name,
            intro=introduction(sweep, frame, selection, pages),
            contents=tuple(contents(pages)),
            sections=sections,
            data=figures.data,
        )
    )


def introduction(
    sweep: Sweep, frame: pd.DataFrame, selection: str, pages: Sequence[Page] = ()
) -> str:
    """The description, warnings about an incomplete or partial sweep, and what the pages say."""
    description = sweep.grid.description
    text = f'<p class="description">{escaped(description)}</p>\n' if description else ""
    answer = [escaped(line) for page in pages for line in page.answer]
    said = f'<div class="answer"><p>{"</p><p>".join(answer)}</p></div>' if answer else ""
    return text + banner(frame, selection) + said


def contents(pages: Sequence[Page]) -> Iterator[tuple[str, str]]:
    """The headings of the report, by the names used in links."""
    yield from (("run", "What was run"), ("tables", "Tables"), ("figures", "Figures"))
    yield from ((f"page-{number}", page.title) for number, page in enumerate(pages, start=1))
    yield from (
        ("divergences", "Divergences"),
        ("failures", "Failures"),
        ("origins", "Where the numbers come from"),
        ("reproduce", "How to reproduce these numbers"),
        ("method", "How the numbers are computed"),
    )


def tables_section(tables: Sequence[Table]) -> str:
    """Every table with its caption."""
    parts = [table_part(table, number) for number, table in enumerate(tables, start=1)]
    return section("tables", "Tables", parts or [paragraph("There are no trials, and no tables.")])


def table_part(table: Table, number: int) -> str:
    """A table with its title and caption, in a box that scrolls if the table is wide."""
    return (
        f'<figure class="table">\n<h3 id="table-{number}">{escaped(table.title)}</h3>\n'
        f'<div class="wide" tabindex="0" role="region" aria-labelledby="table-{number}">\n'
        f'<table aria-labelledby="table-{number}" aria-describedby="caption-{number}">\n'
        f"{html_rows(table)}\n</table></div>\n"
        f'<figcaption id="caption-{number}">{escaped(table.caption)}</figcaption>\n</figure>'
    )
