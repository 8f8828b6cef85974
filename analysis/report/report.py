"""The report as a whole: from what is known of a sweep to one HTML file."""

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from adaloss.sweep import Sweep
from analysis.html_text import escaped
from analysis.page import Page
from analysis.render_page import sections_html
from analysis.report.document import Document, document_html
from analysis.report.endings import divergences_section, failures_section
from analysis.report.figures import figures_of
from analysis.report.markup import section
from analysis.report.origins import origins_section
from analysis.report.overview import banner, overview_section
from analysis.report.page_budget import within_budget
from analysis.report.reproduce import method_section, reproduce_section
from analysis.report.result_tables import tables_section
from analysis.tables import Table


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
    """One HTML file that tells the sweep; the same arguments give the same bytes.

    ``frame`` and ``history`` are those of the sweep's trials (see :mod:`analysis.frame`; of a
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
        *page_sections(pages),
        divergences_section(sweep, frame),
        failures_section(sweep, frame, logs),
        origins_section(frame),
        reproduce_section(sweep, frame),
        method_section(sweep),
    ]
    return document_html(
        Document(
            title=sweep.name,
            intro=introduction(sweep, frame, selection),
            contents=tuple(contents(pages)),
            sections=sections,
            data=figures.data,
        )
    )


def introduction(sweep: Sweep, frame: pd.DataFrame, selection: str) -> str:
    """The description, and the banner of a sweep that is not done or not shown whole."""
    description = sweep.grid.description
    told = f'<p class="description">{escaped(description)}</p>\n' if description else ""
    return told + banner(frame, selection)


def page_sections(pages: Sequence[Page]) -> Iterator[str]:
    """The given pages as sections."""
    for number, page in enumerate(pages, start=1):
        yield section(f"page-{number}", page.title, [sections_html(within_budget(page), level=3)])


def contents(pages: Sequence[Page]) -> Iterator[tuple[str, str]]:
    """The headings of the report, by the names that links give them."""
    yield from (("run", "What was run"), ("tables", "Tables"), ("figures", "Figures"))
    yield from ((f"page-{number}", page.title) for number, page in enumerate(pages, start=1))
    yield from (
        ("divergences", "Divergences"),
        ("failures", "Failures"),
        ("origins", "Where the numbers come from"),
        ("reproduce", "How to get these numbers again"),
        ("method", "How the numbers are made"),
    )
