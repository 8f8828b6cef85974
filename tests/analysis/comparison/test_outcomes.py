"""What a comparison says of each kind of pair, in words, in numbers and in a picture."""

import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.colors import to_hex

from adaloss.errors import UserError
from adaloss.records.store import Store
from analysis.comparison.compare import compare
from analysis.comparison.conditions import Condition, conditions_of
from analysis.comparison.figure.figure import comparison_figure
from analysis.comparison.frame import comparison_csv, comparison_frame
from analysis.comparison.from_records import records_side
from analysis.comparison.outcomes import Outcome
from analysis.comparison.page import comparison_page
from analysis.comparison.side import Side, SideCell
from analysis.comparison.wording import verdict
from analysis.figures.parts.line_styles import OPTIMIZER_STYLES
from analysis.render.page import page_markdown
from analysis.tables.cells import CellStatus
from analysis.tables.measure import Measure
from analysis.tables.wording import Decimals

ACCURACY = Measure(metric="test/top1", at="last", goal="maximize")
CELLS = {
    # b0: ours, theirs
    0.1: ([90.0, 90.1, 90.2], [80.0, 80.1, 80.2]),
    0.2: ([90.0, 90.1, 90.2], [90.1, 90.2, 90.3]),
    0.3: ([90.0, 90.0], [91.0, 91.0]),
    0.4: ([90.0, 90.0], [90.0, 90.0]),
    0.5: ([90.0], [91.0, 92.0]),
    0.6: (["diverged", 90.0], [91.0, 92.0]),
    0.7: ([91.0, 92.0], ["diverged", "diverged"]),
    0.8: (["diverged"], ["diverged", 90.0]),
    0.9: (["failed", "failed"], [91.0, 92.0]),
    1.0: ([91.0, 92.0], ["missing", "missing"]),
    2.0: ([91.0, 93.0], [91.0, 92.0]),
}
OUTCOMES = {
    0.1: (Outcome.DIFFERS, "differs"),
    0.2: (
        Outcome.UNRESOLVED,
        "no difference resolvable at these n (smallest resolvable: 0.30 points)",
    ),
    0.3: (Outcome.UNTESTED, "cannot be tested (no spread on either side, and not equal)"),
    0.4: (Outcome.UNTESTED, "cannot be tested (no spread on either side, and equal)"),
    0.5: (Outcome.UNTESTED, "cannot be tested (n = 1 here)"),
    0.6: (Outcome.DIVERGED_HERE, "diverged here"),
    0.7: (Outcome.DIVERGED_THERE, "diverged there"),
    0.8: (Outcome.BOTH_DIVERGED, "diverged on both sides"),
    0.9: (Outcome.NO_VALUE, "no value (failed here)"),
    1.0: (Outcome.NO_VALUE, "no value (nothing measured there yet)"),
    2.0: (
        Outcome.UNRESOLVED,
        "no difference resolvable at these n (smallest resolvable: 8.22 points)",
    ),
}


@pytest.fixture
def side_of(records, tmp_path):
    """A side of these cells: accuracies by b0, or by any fields."""

    def make(name, cells, **common):
        made = type(records)(Store(tmp_path / name))
        for key, values in cells.items():
            fields = {"b0": key} if isinstance(key, float) else dict(key)
            made.cell(values, **common | fields)
        return records_side(made.frame(), name=name, measure=ACCURACY)

    return make


@pytest.fixture
def every_kind(side_of):
    """A comparison in which every outcome of a pair occurs, and cells of one side alone."""
    ours = {b0: values for b0, (values, _) in CELLS.items()} | {7.0: [50.0, 51.0]}
    theirs = {b0: values for b0, (_, values) in CELLS.items()} | {8.0: [60.0, 61.0]}
    return compare(side_of("ours", ours), side_of("theirs", theirs))


def by_b0(comparison):
    return {cell.ours.fields["b0"]: cell for cell in comparison.cells}


@pytest.mark.parametrize("b0", CELLS)
def test_the_outcome_of_each_kind_of_pair(every_kind, b0):
    cell = by_b0(every_kind)[b0]
    assert (cell.outcome, verdict(cell, ACCURACY, Decimals(2))) == OUTCOMES[b0]


def test_cells_of_one_side_alone_are_counted_and_listed(every_kind):
    last = comparison_page(every_kind).sections[-1]
    assert last.title == "Without a partner"
    assert last.before == ("Cells that only one side has: 1 here, 1 there.",)
    assert last.table.rows == (
        ("adaloss", "7", "50.50±0.71", "2", "", "", "only here"),
        ("adaloss", "8", "", "", "60.50±0.71", "2", "only there"),
    )


def test_the_frame_has_every_cell_with_its_numbers(every_kind):
    frame = comparison_frame(every_kind).set_index("b0")
    assert len(frame) == len(CELLS) + 2
    assert "theirs:b0" not in frame
    assert frame.loc[0.1, "difference"] == pytest.approx(10)
    assert frame.loc[0.1, "t"] == pytest.approx(10 / math.sqrt(0.02 / 3))
    assert frame.loc[0.1, "df"] == pytest.approx(4)
    # Three pairs are tested, so the smallest p counts three times.
    assert frame["p"].notna().sum() == 3
    assert frame.loc[0.1, "p_holm"] == pytest.approx(3 * frame.loc[0.1, "p"])
    assert frame.loc[0.1, "low"] < 10 < frame.loc[0.1, "high"]
    assert pd.isna(frame.loc[0.6, "difference"])
    assert frame.loc[0.6, "ours:status"] == "na"
    assert frame.loc[8.0, "outcome"] == "only there"
    assert pd.isna(frame.loc[8.0, "ours:n"])


def test_a_difference_that_counts_alone_but_not_among_many_is_said_to(side_of):
    near = {float(b0): [90.0, 90.1, 90.2] for b0 in range(1, 11)}
    ours = side_of("ours", near | {1.0: [90.3, 90.4, 90.5]})
    made = compare(ours, side_of("theirs", near))
    cell = by_b0(made)[1.0]
    assert cell.test.p < 0.05 < cell.p_holm
    assert cell.outcome is Outcome.UNRESOLVED
    assert verdict(cell, ACCURACY, Decimals(2)) == (
        "no difference resolvable among the tests of this table (by itself it differs; smallest "
        "resolvable by itself: 0.30 points)"
    )


def paper_like(records, folder, code, values, **fields):
    made = type(records)(Store(folder))
    for (optimizer, b0, lr), tops in values.items():
        for seed, top1 in enumerate(tops):
            trial = made.declare(
                **{
                    "dataset": "cifar100",
                    "model": "vits16r224",
                    "pretrained": True,
                    "batch_size": 128,
                    "optimizer": optimizer,
                    "b0": b0,
                    "lr": lr,
                    "seed": seed,
                }
                | fields
            )
            if top1 is None:
                made.diverge(trial, code=code)
            else:
                made.complete(trial, top1, code=code)
    return records_side(made.frame(), name=folder.name, measure=ACCURACY)


@pytest.fixture
def paper_pair(records, tmp_path):
    """Two sweeps shaped like the paper's that differ in epochs, precision, code and one rate."""
    ours = {
        ("adaloss", 0.01, 0.1): [90.5, 90.6, 90.7],
        ("adaloss", 1, 0.1): [90.4, 90.5, 90.6],
        ("sgd_constant", 0.01, 0.1): [None, None, None],
    }
    theirs = {
        ("adaloss", 0.01, 0.1): [90.6, 90.7, 90.8],
        ("adaloss", 1, 0.1): [80.4, 80.5, 80.6],
        ("sgd_constant", 0.01, 0.05): [None, None, None],
    }
    return compare(
        paper_like(records, tmp_path / "ours", "v1", ours, epochs=10, precision="auto"),
        paper_like(records, tmp_path / "theirs", "v2", theirs, epochs=3),
    )


PAGE = Path(__file__).with_name("test_comparison_page.md")


def test_the_page_of_two_sweeps_word_for_word(paper_pair):
    assert page_markdown(comparison_page(paper_pair)) == PAGE.read_text()


def test_circumstances_that_records_tell_are_conditions(records, tmp_path):
    cells = {("adaloss", 1, 0.1): [90.0, 91.0]}
    ours = paper_like(records, tmp_path / "ours", "v1", cells)
    theirs = paper_like(records, tmp_path / "theirs", "v1", cells)
    assert conditions_of(ours, theirs, []) == ()
    assert ours.circumstances["hardware"] == "cpu"
    assert ours.circumstances["software"] == "Python 3.11"


def test_what_is_unknown_here_or_on_both_sides_is_told_as_such(records, tmp_path):
    ours = paper_like(records, tmp_path / "ours", "v1", {("adaloss", 1, 0.1): [90.0, 91.0]})
    known = {**ours.circumstances, "hardware": None}
    here = replace(ours, circumstances=known)
    message = comparison_page(compare(here, ours)).sections[0].after
    assert message[0] == "Unknown here: hardware (cpu there)."
    message = comparison_page(compare(here, here)).sections[0].after
    assert message[0] == "Unknown on both sides: hardware."


def test_a_side_of_several_code_versions_is_told_even_if_the_other_has_them_too(records, tmp_path):
    for seed, code in enumerate(("v1", "v2")):
        records.complete(records.declare(seed=seed), 90.0 + seed, code=code)
    side = records_side(records.frame(), name="both", measure=ACCURACY)
    (condition,) = compare(side, side).conditions
    assert (condition.name, condition.ours, condition.theirs) == (
        "code version",
        "v1 and v2",
        "v1 and v2",
    )


def test_precision_auto_on_both_sides_is_told_unless_the_hardware_is_the_same(records, tmp_path):
    cells = {("adaloss", 1, 0.1): [90.0, 91.0]}
    side = paper_like(records, tmp_path / "ours", "v1", cells, precision="auto")
    assert compare(side, side).caveats == ()
    elsewhere = replace(side, circumstances={**side.circumstances, "hardware": "H100"})
    ((message, pairs),) = compare(side, elsewhere).caveats
    assert message.startswith("precision is auto on both sides: bf16 on a GPU that has it")
    assert pairs == 1


def test_the_same_trials_on_both_sides_and_shared_seeds_are_told(side_of):
    cells = {1.0: [90.0, 91.0]}
    again = " ".join(notes(compare(side_of("a", cells), side_of("b", cells))))
    assert "1 pair of cells have trials that are the same trial" in again
    longer = " ".join(notes(compare(side_of("c", cells), side_of("d", cells, epochs=9))))
    assert "the same trial" not in longer
    assert "Welch's test ignores that" in longer
    other = side_of("e", {1.0: ["missing"] * 2})
    apart = compare(side_of("f", cells), without_trials(other, 90.0))
    assert "Welch's test ignores that" not in " ".join(notes(apart))


def notes(comparison):
    return comparison_page(comparison).sections[1].after


def without_trials(side, mean):
    """The side as someone else would report it: rounded, with unknown ddof."""
    cells = [
        SideCell(fields=cell.fields, mean=mean, std=0.02, n=3, status=CellStatus.VALUE)
        for cell in side.cells
    ]
    return Side(
        name="reported",
        cells=tuple(cells),
        measure=ACCURACY,
        circumstances={"rounding": "2 decimals"},
    )


def test_rounding_and_an_unknown_ddof_are_told(side_of):
    ours = side_of("ours", {1.0: [90.0, 91.0]})
    message = " ".join(notes(compare(ours, without_trials(ours, 90.0))))
    assert "larger by a factor of 1.22 for n = 3" in message
    assert (
        "rounded (2 decimals): a standard deviation as small as 0.02 is itself uncertain" in message
    )


def test_n_a_is_by_the_rule_that_was_asked_for(records):
    records.cell([90.0, 91.0, "diverged"], b0=1.0)
    statuses = {}
    for rule in ("any", "majority", "all"):
        side = records_side(records.frame(), name="x", measure=ACCURACY, na_if=rule)
        statuses[rule] = (side.cells[0].status.value, side.cells[0].n, side.cells[0].expected)
    assert statuses == {"any": ("na", 2, 3), "majority": ("value", 2, 3), "all": ("value", 2, 3)}


def test_an_epoch_that_the_frame_lacks_is_refused(records):
    records.cell([90.0])
    measure = Measure(metric="test/top1", at="epoch 7", goal="maximize")
    with pytest.raises(UserError, match="x has no test/top1 at epoch 7"):
        records_side(records.frame(), name="x", measure=measure)


HOSTILE = "=cmd|'x'!A1 <script> `a` $b$ \x1b"


def test_hostile_names_stay_text(side_of):
    cells = {(("model", HOSTILE), ("b0", b0)): [90.0, 91.0] for b0 in (1.0, 2.0)}
    cells |= {(("model", "$mlp"), ("b0", 1.0)): [90.0, 91.0]}
    made = compare(side_of("ours | <b>", cells), side_of("theirs", cells, epochs=9))
    text = page_markdown(comparison_page(made))
    assert "<script>" not in text
    assert "<b>" not in text
    rows = [line for line in text.splitlines() if "script" in line and line.startswith("|")]
    assert len(rows) == 2
    assert {line.replace("\\|", "").count("|") for line in rows} == {15}
    assert "'=cmd" in comparison_csv(made)
    comparison_figure(made).canvas.draw()


def drawn(figure):
    """All texts of the panels."""
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_the_picture_has_each_pair_with_its_interval(paper_pair):
    figure = comparison_figure(paper_pair)
    (axes,) = figure.axes
    markers = [line for line in axes.lines if line.get_marker() not in ("None", None, "")]
    assert sorted(round(float(line.get_xdata()[0]), 6) for line in markers) == [-0.1, 10]
    fills = {round(float(m.get_xdata()[0])): m.get_markerfacecolor() for m in markers}
    colour = OPTIMIZER_STYLES["adaloss"].colour
    assert to_hex(fills[10]) == colour.lower()
    assert fills[0] == "white"
    tests = {(test.low, test.high) for test in paper_pair.tests}
    bars = {
        tuple(line.get_xdata()) for line in axes.lines if to_hex(line.get_color()) == colour.lower()
    }
    assert tests <= bars
    assert {"diverged", "× both", "90.60±0.10"} <= set(drawn(figure))
    assert figure.get_suptitle() == "ours compared with theirs: test top-1 accuracy (%)"
    printed = figure.texts[-1].get_text().replace("\n", " ")
    assert "Other differences: lr, epochs, precision, code version." in printed


def test_what_diverged_stands_in_a_band_beside_the_axis(paper_pair, side_of):
    figure = comparison_figure(paper_pair)
    (axes,) = figure.axes
    figure.canvas.draw()
    (strip,) = axes.patches
    edge = axes.transAxes.transform((strip.get_width(), 0))[0]
    ticks = axes.transData.transform([(tick, 0) for tick in axes.get_xticks()])[:, 0]
    assert len(ticks) > 1
    assert min(ticks) >= edge - 1e-6
    words = [text for text in axes.texts if text.get_text().startswith("×")]
    assert all(text.get_window_extent().x1 <= edge for text in words)
    cells = {1.0: [90.0, 91.0], 2.0: [90.0, 91.0]}
    (axes,) = comparison_figure(compare(side_of("ours", cells), side_of("theirs", cells))).axes
    assert len(axes.patches) == 0
    assert "diverged" not in drawn(axes.figure)


@pytest.mark.parametrize("name", ["sweep", "a sweep of a very long name " * 20, "x" * 300])
def test_the_title_and_the_conditions_take_little_of_the_picture(side_of, name):
    cells = {1.0: [90.0, 91.0]}
    others = [Condition(name=f"condition {n}", ours="a", theirs="b", pairs=1) for n in range(60)]
    sides = (replace(side_of(key, cells), name=f"{key} {name}") for key in ("ours", "theirs"))
    made = compare(*sides)
    figure = comparison_figure(replace(made, conditions=tuple(others)))
    figure.canvas.draw()
    height = figure.bbox.height
    title = figure._suptitle.get_window_extent()
    assert title.height <= 0.2 * height
    assert title.x0 >= 0
    assert title.x1 <= figure.bbox.width
    assert figure.texts[-1].get_window_extent().height <= 0.2 * height
    assert "52 more" in figure.texts[-1].get_text().replace("\n", " ")
    assert figure.axes[0].get_window_extent().height >= 0.2 * height


def test_a_difference_far_beyond_the_others_is_an_arrow_with_its_number(side_of):
    near = {float(b0): [90.0, 90.1, 90.2] for b0 in range(1, 8)}
    figure = comparison_figure(
        compare(side_of("ours", near | {1.0: [20.0, 20.1, 20.2]}), side_of("theirs", near))
    )
    assert "-70.00" in drawn(figure)
    assert figure.axes[0].get_xlim()[0] > -70


def test_small_numbers_have_digits_in_the_picture_too(records, tmp_path):
    sides = []
    for name, rate in (("ours", 0.0004), ("theirs", 0.0009)):
        made = type(records)(Store(tmp_path / name))
        made.cell([50.0, 51.0])
        frame = made.frame()
        frame["last:effective_lr"] = [rate, rate * 1.1]
        measure = Measure(metric="effective_lr", at="last", goal=None)
        sides.append(records_side(frame, name=name, measure=measure))
    texts = drawn(comparison_figure(compare(*sides)))
    assert any(text.startswith("4.20e-04") for text in texts)


def test_a_panel_for_each_model(side_of):
    parts = [(model, b0) for model in ("mlp", "small_cnn") for b0 in (1.0, 2.0)]
    cells = {(("model", model), ("b0", b0)): [90.0, 91.0] for model, b0 in parts}
    figure = comparison_figure(compare(side_of("ours", cells), side_of("theirs", cells, epochs=9)))
    assert [axes.get_title() for axes in figure.axes] == ["mlp", "small_cnn"]
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == ["b0 = 1", "b0 = 2"]


def test_what_all_pairs_have_in_common_stands_in_the_title(side_of):
    ours = {(("model", "mlp"), ("b0", b0)): [90.0, 91.0] for b0 in (1.0, 2.0)}
    theirs = ours | {(("model", "small_cnn"), ("b0", 1.0)): [90.0, 91.0]}
    (axes,) = comparison_figure(compare(side_of("ours", ours), side_of("theirs", theirs))).axes
    assert axes.get_title() == "mlp"
    assert [text.get_text() for text in axes.get_yticklabels()] == ["b0 = 1", "b0 = 2"]


def test_nothing_to_draw_is_no_crash(side_of):
    ours = side_of("ours", {1.0: ["diverged"], 2.0: ["missing"]})
    figure = comparison_figure(compare(ours, side_of("theirs", {1.0: ["diverged"], 2.0: [9.0]})))
    figure.canvas.draw()
    assert "× both" in drawn(figure)


def test_a_comparison_without_a_pair_has_a_picture_too(paper_pair):
    (axes,) = comparison_figure(replace(paper_pair, cells=())).axes
    assert axes.get_title() == "no pair of cells"
