"""Sweeps of the user's own programs are compared by their parameters, whatever they are called."""

from dataclasses import replace

import pytest

from adaloss.errors import UserError
from adaloss.records.store import Store
from analysis.comparison.compare import compare
from analysis.comparison.figure.figure import comparison_figure
from analysis.comparison.frame import comparison_csv, comparison_frame
from analysis.comparison.from_records import records_side
from analysis.comparison.page import comparison_page
from analysis.outputs import save_comparison
from analysis.published import published_page
from analysis.render.page import page_markdown
from analysis.tables.measure import Measure


@pytest.fixture
def other_programs(tmp_path, eventful_programs):
    other = replace(eventful_programs, store=Store(tmp_path / "other"), trials=[])
    for rate in (0.1, 0.2):
        for schedule, shift in (("1e-3, then less", 0.0), ("constant", 0.1)):
            values = [0.5 + shift, 0.6 + shift, 0.7 + shift]
            other.cell(values, lr=schedule, **{"optimizer.lr": rate, "batch-size": 64})
    return other


def comparison_of(one, two):
    measure = Measure(metric="test/top1", at="last", goal="maximize")
    return compare(
        records_side(one.frame(), name="ours", measure=measure),
        records_side(two.frame(), name="theirs", measure=measure),
    )


def test_two_sweeps_of_a_program_are_compared_by_its_parameters(
    eventful_programs, other_programs, tmp_path
):
    found = comparison_of(eventful_programs, other_programs)
    assert set(found.named_by) == {"lr", "optimizer.lr"}
    assert len(found.cells) == 4
    assert len(found.unmatched) == 2
    text = page_markdown(comparison_page(found))
    assert "| batch-size | 32" in text
    assert "test/top1" in text
    frame = comparison_frame(found)
    assert set(frame["lr"]) == {"1e-3, then less", "constant"}
    assert frame.loc[0, "ours:mean"] == pytest.approx(0.6)
    assert len(comparison_csv(found).splitlines()) == 1 + len(found.cells) + len(found.unmatched)
    figure = comparison_figure(found)
    assert [axes.get_title() for axes in figure.axes] == [f"optimizer.lr = {r}" for r in (0.1, 0.2)]
    assert list(save_comparison(found, Store(tmp_path / "saved")))


def test_a_parameter_that_is_called_like_a_column_of_a_comparison(programs, tmp_path):
    other = replace(programs, store=Store(tmp_path / "other"), trials=[])
    for records in (programs, other):
        for p in (0.1, 0.2):
            records.cell([p, p + 0.1], p=p, mean=None)
    found = comparison_of(programs, other)
    assert found.line_field is None
    frame = comparison_frame(found)
    assert frame["parameters.p"].tolist() == [0.1, 0.2]
    axes = comparison_figure(found).axes
    assert [panel.get_title() for panel in axes] == ["p = 0.1", "p = 0.2"]
    assert "| 0.1 " in page_markdown(comparison_page(found))


def test_a_program_has_nothing_in_common_with_another_task(records, programs):
    records.cell([90.0])
    programs.cell([0.5])
    measure = Measure(metric="test/top1", at="last", goal="maximize")
    sides = [records_side(one.frame(), name="one", measure=measure) for one in (records, programs)]
    for ours, theirs in (sides, sides[::-1]):
        with pytest.raises(UserError, match="run a program of your own"):
            compare(ours, theirs)


def test_no_program_is_compared_with_the_published_numbers(programs):
    programs.cell([0.5], dataset="cifar100", pretrained=True)
    assert published_page(programs.frame()) is None
