"""A report shows as much of a page of statistics as a reader can read."""

from analysis.report.page_budget import within_budget
from analysis.tables.page import Page, PlainTable, Section


def section(title, lines):
    """A section with a table of two columns."""
    rows = tuple((f"{title}{line}", "0.05") for line in range(lines))
    return Section(title=title, table=PlainTable(header=("what", "p"), rows=rows))


METHODS = Section(title="How", before=("With care.",))
PAGE = Page(
    title="Statistics", sections=(section("a", 3), section("b", 4), section("c", 1), METHODS)
)


def titles(page):
    return [found.title for found in page.sections]


def test_a_page_within_its_budget_is_left_as_it_is():
    assert within_budget(PAGE, most=16) == PAGE


def test_the_table_at_which_the_budget_ends_is_cut_and_says_so():
    page = within_budget(PAGE, most=11)
    assert titles(page) == ["Omitted sections", "a", "b", "How"]
    assert page.sections[1] == PAGE.sections[0]
    assert page.sections[2].table.rows == PAGE.sections[1].table.rows[:2]
    assert page.sections[2].after[0].startswith("The first 2 of 4 lines")
    printed = page.sections[0].before[0]
    assert printed.startswith("1 of 4 sections are omitted")
    assert "“c”" in printed
    assert "`tables/`" in printed


def test_after_the_budget_only_words_are_shown():
    assert titles(within_budget(PAGE, most=6)) == ["Omitted sections", "a", "How"]


def test_a_first_table_beyond_the_budget_is_cut_too():
    page = within_budget(Page(title="s", sections=(section("a", 1000), METHODS)), most=20)
    assert titles(page) == ["a", "How"]
    assert len(page.sections[0].table.rows) == 10
