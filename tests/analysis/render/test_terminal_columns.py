"""Tables in terminals of any width: nothing is cut, no word is broken, the numbers keep theirs."""

import re

import pytest
from rich.console import Console
from rich.text import Text

from adaloss.grid.tables.spec import TableSpec
from analysis.render.page import page_terminal
from analysis.render.terminal import terminal_table
from analysis.render.terminal_columns import FittedTable
from analysis.tables.page import Page, PlainTable, Section

WIDTHS = (40, 60, 80, 110, 200)
HEADER = ("first − second", "n", "t (df)", "p (Holm)", "95 % bootstrap interval", "better", "note")
ROWS = (
    ("adagrad_norm − sgd_decay_sqrt", "5/5", "-0.44 (4)", "0.6842", "[-0.54, 0.21]", "adaloss", ""),
    ("a & b < c", "0/5", "–", "–", "–", "–", 'sgd_constant diverged at b0 = 0.01, 0.1 "q"'),
)


def printed(renderable, width):
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get().splitlines()


def fitted(header=HEADER, rows=ROWS, names=1):
    return FittedTable(
        header=tuple(map(Text, header)),
        rows=tuple(tuple(map(Text, row)) for row in rows),
        names=names,
        left=frozenset(range(names)),
    )


def words(texts):
    return {word for text in texts for word in text.split()}


@pytest.mark.parametrize("width", WIDTHS)
def test_no_word_is_broken_and_no_line_is_too_long(width):
    lines = printed(fitted(), width)
    assert max(map(len, lines)) <= width
    assert words([*HEADER, *(text for row in ROWS for text in row)]) <= words(lines)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_number_with_its_interval_stays_on_one_line(width):
    text = "\n".join(printed(fitted(), width))
    assert "[-0.54, 0.21]" in text
    assert "-0.44 (4)" in text


def test_a_table_that_has_room_is_one():
    assert sum("first − second" in line for line in printed(fitted(), 200)) == 1


def test_the_columns_that_have_no_room_follow_with_the_names_again():
    lines = printed(fitted(), 60)
    assert sum("first − second" in line for line in lines) > 1
    assert all(sum(name in line for line in lines) == 1 for name in ("p (Holm)", "note"))


def test_where_the_names_leave_no_room_rows_are_numbered():
    models = ("vit_small_patch16_224.augreg_in21k_ft_in1k", "resnet50.fb_swsl_ig1b_ft_in1k")
    rows = [(*models, f"{number}.00±0.12", "96.99±0.34") for number in (1, 2)]
    lines = printed(fitted(("model", "theirs", "ours", "other"), rows, names=2), 60)
    assert max(map(len, lines)) <= 60
    assert words([*models, "1.00±0.12", "2.00±0.12"]) <= words(lines)
    assert any(re.match(r" *2 .*2\.00±0\.12", line) for line in lines)


def test_a_word_longer_than_the_terminal_is_still_there():
    long = "x" * 70
    assert "".join(printed(fitted(("name", "n"), ((long, "1"),)), 40)).count("x") == 70


@pytest.mark.parametrize("width", WIDTHS)
def test_tables_of_records_and_pages_hold_to_it(records, width):
    for optimizer in ("adaloss", "adagrad_norm_rowwise", "sgd_constant", "sgd_decay_sqrt"):
        records.cell([90.0, 91.0], optimizer=optimizer, model="a&b<c>|d", b0=0.01)
    (table,) = records.tables(TableSpec(rows="model", per="b0"))
    section = Section(title="P > 0", table=PlainTable(header=HEADER, rows=ROWS, notes=1))
    page = Page(title="a > b", sections=(section,))
    for shown in (terminal_table(table), page_terminal(page)):
        lines = printed(shown, width)
        assert max(map(len, lines)) <= width
        assert not re.search("&[a-z]+;", "\n".join(lines))
    assert {"adagrad_norm_rowwise", "90.50±0.71", "a&b<c>|d"} <= words(
        printed(terminal_table(table), width)
    )
