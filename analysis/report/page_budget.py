"""Limit the size of a page of statistics in the report, which would slow it down."""

from dataclasses import replace

from analysis.tables.page import Page, Section

MOST_CELLS = 20_000
"""The largest number of table cells of a page: about 0.6 MB, and half a second in a browser."""
ALL_OF_IT = "The files in `tables/` in the sweep's folder are complete."


def within_budget(page: Page, most: int = MOST_CELLS) -> Page:
    """The page with tables up to a number of cells, and every section without a table.

    The table at which the budget ends is cut, and later ones are omitted; notes in the cut table's
    section and at the start of the page report this.
    """
    kept: list[Section] = []
    left_out: list[Section] = []
    room = most
    for section in page.sections:
        cells = cells_of(section)
        shown = section if cells <= room else cut(section, room)
        room = max(0, room - cells)
        if shown is None:
            left_out.append(section)
        else:
            kept.append(shown)
    if left_out:
        kept.insert(0, omission(left_out, len(page.sections)))
    return replace(page, sections=tuple(kept))


def cells_of(section: Section) -> int:
    """The number of cells of its table."""
    return 0 if section.table is None else len(section.table.rows) * len(section.table.header)


def cut(section: Section, room: int) -> Section | None:
    """The section with the first lines of its table; None if not even one fits."""
    table = section.table
    lines = 0 if table is None else room // len(table.header)
    if table is None or not lines:
        return None
    note = f"The first {lines} of {len(table.rows)} lines, so that this page opens quickly. "
    shown = replace(table, rows=table.rows[:lines])
    return replace(section, table=shown, after=(note + ALL_OF_IT, *section.after))


def omission(left_out: list[Section], sections: int) -> Section:
    """A note on omitted sections, and where to find them."""
    return Section(
        title="Omitted sections",
        before=(
            f"{len(left_out)} of {sections} sections are omitted, so that this page opens "
            f"quickly; the first is “{left_out[0].title}”. {ALL_OF_IT}",
        ),
    )
