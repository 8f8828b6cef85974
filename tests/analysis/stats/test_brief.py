"""The statistics on one screen."""

import io

import numpy as np
import pytest
from rich.console import Console

from analysis.render.page import page_terminal
from analysis.stats.page.page import stats_page
from analysis.stats.power import paired_effect
from analysis.tables.measure import Measure

ACCURACY = Measure(metric="test/top1", at="last", goal="maximize")


def page_of(records, measure=ACCURACY, **changes):
    return stats_page(
        records.frame(),
        measure=measure,
        title="demo",
        generator=np.random.default_rng(0),
        **changes,
    )


def brief_of(records, **changes):
    return page_of(records, **changes).on_one_screen().sections


def test_what_differs_what_does_not_and_what_was_not_found(records):
    records.cell([90.0, 91.0, 92.0, 93.0, 95.0], b0=0.1)
    records.cell([80.0, 81.1, 82.0, 83.1, 85.0], b0=0.1, optimizer="sgd_constant")
    records.cell([80.0, 82.0, 81.0, 84.0, 83.0], b0=10.0)
    records.cell([80.5, 81.0, 82.0, 83.5, 83.5], b0=10.0, optimizer="sgd_constant")
    differs, alike, unknown = brief_of(records)
    assert "after Holm's correction for 1 over every b0 and 2 at a single b0." in differs.before[0]
    assert [line[:2] for line in differs.table.rows] == [
        ("every b0", "adaloss − sgd_constant"),
        ("0.1", "adaloss − sgd_constant"),
    ]
    assert [line[0] for line in alike.table.rows] == ["10"]
    assert alike.before[0].startswith("Of 1 comparison these seeds do not show a difference: ")
    assert [line[2] for line in differs.table.rows] == ["5", "5"]
    over, at_one = paired_effect(5, 0.025), paired_effect(5, 0.025 / 2)
    assert unknown.before == (
        f"With n = 5 seeds, a true difference below {over:.2f} (over every b0) or {at_one:.2f} (at "
        "a single b0) standard deviations of the differences is missed more often than in 1 of 5 "
        "sweeps.",
    )


def test_a_p_below_5_percent_that_is_no_difference_is_explained(records):
    records.cell([80.0, 80.0, 80.0], b0=0.1)
    records.cell([78.0, 78.6, 77.4], b0=0.1, optimizer="sgd_constant")
    records.cell([80.0, 80.0, 80.0], b0=1.0)
    records.cell(["diverged", 79.0, 77.0], b0=1.0, optimizer="sgd_constant")
    differs, alike, _ = brief_of(records)
    assert differs.before == ("None of the tested comparisons.",)
    assert 0.025 < float(alike.table.rows[0][5]) < 0.05
    assert "p (Holm) is above 2.5 % (half of 5 % is for the means over all rows" in alike.before[0]


def test_a_row_called_none_is_not_every_row(records):
    for examples in (1000, None):
        lost = [80.0, 81.01, 81.99] if examples is None else [80.0, 82.0, 81.0]
        records.cell([90.0, 91.0, 92.0], train_examples=examples)
        records.cell(lost, train_examples=examples, optimizer="sgd_constant")
    differs, alike, _ = brief_of(records, rows="train_examples", per=())
    lines = [line[0] for one in (differs, alike) if one.table for line in one.table.rows]
    assert lines == ["every train_examples", "none", "1000"]


def test_each_line_states_its_pairs(records):
    records.cell([90.0, 91.0, 92.0], b0=0.1)
    records.cell([80.0, "failed", 82.3], b0=0.1, optimizer="sgd_constant")
    differs, alike, _ = brief_of(records)
    (line,) = [line for one in (differs, alike) if one.table for line in one.table.rows]
    assert line[2] == "2"


def test_what_has_no_test_is_named_with_its_reason(records):
    records.cell([90.0, 91.0, 92.0], b0=0.1)
    records.cell([80.0, "diverged", 82.0], b0=0.1, optimizer="sgd_constant")
    differs, alike, unknown = brief_of(records)
    assert differs.table is alike.table is None
    assert unknown.before[0] == (
        "1 of 1 comparisons have no test: sgd_constant diverged at b0 = 0.1 (1)."
    )


@pytest.mark.slow
@pytest.mark.parametrize("optimizers", [2, 6])
@pytest.mark.parametrize("models", [1, 4])
def test_it_fits_on_a_screen(records, optimizers, models):
    generator = np.random.default_rng(0)
    for model in range(models):
        for b0 in (0.01, 0.1, 1.0, 10.0, 100.0):
            for shift in range(optimizers):
                values = [*(90 + 3 * shift % 7 + generator.normal(size=5))]
                records.cell(
                    values,
                    b0=b0,
                    optimizer=(
                        "adaloss",
                        "adagrad_norm",
                        "sgd_constant",
                        "sgd_decay_sqrt",
                        "adam",
                        "adamw",
                    )[shift],
                    model=f"m{model}",
                )
    page = page_of(records)
    assert lines_of(page.on_one_screen()) <= (40 if models == 1 else 50)
    assert lines_of(page) > 50


def lines_of(page):
    """How many lines the page has in a terminal."""
    screen = io.StringIO()
    Console(file=screen, width=120, force_terminal=True).print(page_terminal(page))
    return len(screen.getvalue().splitlines())
