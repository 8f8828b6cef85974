"""How much of a page of statistics a report shows: what is far beyond reading only slows it."""

from dataclasses import replace

from analysis.tables.page import Page, Section

MOST_CELLS = 20_000
"""Table cells of a page: some 0.6 MB, and half a second of a browser's time."""
ALL_OF_IT = "The files in `tables/` beside the sweep's records have all of it."


def within_budget(page: Page, most: int = MOST_CELLS) -> Page:
    """The page with its tables up to so many cells, and every section without a table.

    The table at which the budget ends is cut, those after it are left out; the page then says so,
    in the cut table's section and at its beginning.
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
    """How many cells its table has."""
    return 0 if section.table is None else len(section.table.rows) * len(section.table.header)


def cut(section: Section, room: int) -> Section | None:
    """The section with the first lines of its table; None where there is no room for one."""
    table = section.table
    lines = 0 if table is None else room // len(table.header)
    if table is None or not lines:
        return None
    note = f"The first {lines} of {len(table.rows)} lines, so that this page opens quickly. "
    shown = replace(table, rows=table.rows[:lines])
    return replace(section, table=shown, after=(note + ALL_OF_IT, *section.after))


def omission(left_out: list[Section], sections: int) -> Section:
    """What is not shown, and where it is to be had."""
    return Section(
        title="Not all of it is here",
        before=(
            f"{len(left_out)} of {sections} sections are left out, so that this page opens "
            f"quickly; the first is “{left_out[0].title}”. {ALL_OF_IT}",
        ),
    )
