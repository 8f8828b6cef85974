"""How many decimals the numbers of a table have, so that they can be told apart."""

import pytest

from adaloss.grid.tables.spec import TableSpec
from adaloss.tasks.program.task import aimed
from adaloss.tasks.table import common_task
from analysis.tables.cells import cell_text
from analysis.tables.tables import compile_tables


@pytest.fixture
def texts_of(programs):
    """A function that gives the texts of cells with these values at one value of ``lr`` each."""
    programs.metric = "error"

    def texts(*cells, goal="minimize", **settings):
        for number, values in enumerate(cells):
            programs.cell(values, lr=float(number))
        spec = TableSpec(rows="lr", columns="program", **({"per": ()} | settings))
        tables = compile_tables(
            programs.frame(),
            [spec],
            metric="error",
            at="last",
            goal=goal,
            sweep_name="demo",
            task=aimed(common_task(programs.trials), "error", goal),
        )
        return [cell_text(cell, t.style).plain for t in tables for cell in t.cells.values()]

    return texts


def test_the_smallest_spread_has_two_significant_digits(texts_of):
    assert texts_of([0.0286, 0.0308], [0.0280, 0.0302]) == ["0.0297±0.0016", "0.0291±0.0016"]


def test_all_cells_of_a_table_have_the_same_decimals(texts_of):
    assert texts_of([0.02, 0.04], [0.0001, 0.0002]) == ["0.030000±0.014142", "0.000150±0.000071"]


def test_large_numbers_have_no_decimals(texts_of):
    assert texts_of([12000.0, 13000.0], [25000.0, 29000.0]) == ["12500±707", "27000±2828"]


def test_the_largest_number_has_three_significant_digits(texts_of):
    assert texts_of([1.0, 3.0], [4.0, 9.0]) == ["2.00±1.41", "6.50±3.54"]


def test_one_trial_each_is_told_apart_by_the_smallest_difference(texts_of):
    assert texts_of([0.0400], [0.0397], [0.0164]) == ["0.04000", "0.03970", "0.01640"]


def test_equal_numbers_and_a_spread_of_rounding_errors_ask_for_nothing(texts_of):
    assert texts_of([0.1 + 0.2, 0.3], [0.3, 0.3]) == ["0.300±0.000", "0.300±0.000"]


def test_no_table_has_more_than_six_decimals(texts_of):
    assert texts_of([0.5], [0.500000012]) == ["0.500000", "0.500000"]


def test_numbers_without_a_digit_of_their_own_are_in_scientific_notation(texts_of):
    assert texts_of([0.5], [0.4], [0.000012], [2e-9]) == [
        "0.500000",
        "0.400000",
        "0.000012",
        "2.00e-09",
    ]


def test_a_table_of_tiny_numbers_is_in_scientific_notation(texts_of):
    assert texts_of([1.1e-5, 1.3e-5], [3e-7, 3e-7]) == ["1.20e-05±1.41e-06", "3.00e-07±0.00e+00"]


def test_a_diverged_and_an_empty_cell_do_not_count(texts_of):
    assert texts_of([1.25], [1.5], ["diverged"], ["missing"]) == ["1.25", "1.50", "N/A", "–"]


def test_parts_of_a_table_have_the_same_decimals(programs, texts_of):
    programs.cell([100.0], lr=0.0, model="a")
    programs.cell([0.25], lr=0.0, model="b")
    programs.cell([0.26], lr=1.0, model="b")
    assert texts_of(per=("model",)) == ["100.000", "0.250", "0.260"]


def test_decimals_in_the_grid_win(texts_of):
    assert texts_of([0.0286, 0.0308], decimals=2) == ["0.03±0.00"]


def test_the_tables_of_the_other_tasks_have_two_decimals(records):
    records.cell([90.123456, 90.123457])
    (cell,) = records.table().cells.values()
    assert cell_text(cell, records.table().style).plain == "90.12±0.00"
