"""A tuned table shows the value that is best on validation, and says how it was chosen."""

import io

import pandas as pd
import pytest
from epochs import epoch_with
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adaloss.grid.tables.spec import TableSpec
from adaloss.records.result import TrialState
from analysis.frame.frame import build_frame
from analysis.render.csv import render_csv
from analysis.render.render import render
from analysis.tables.cells import CellStatus
from analysis.tables.tables import TableError


def epoch_metrics(test_top1, *, val_top1=80.0, val_loss=0.6, test_loss=0.7):
    return epoch_with(
        epoch=2, step=20, train_loss=0.5, val_loss=val_loss, val_top1=val_top1, val_top5=95.0,
        test_loss=test_loss, test_top1=test_top1, test_top5=96.0, b=3.0, effective_lr=0.03,
        examples_per_second=100.0,
    )  # fmt: skip


TUNED = TableSpec(rows="b0", columns="optimizer", per=(), tune=("lr",), provenance=False)


@pytest.fixture
def cell(records):
    """Declare a seed for each pair of a validation and a test accuracy, or an end."""

    def declare(*ends, **fields):
        for seed, end in enumerate(ends):
            trial = records.declare(**{"seed": seed} | fields)
            if end == "diverged":
                records.diverge(trial)
            elif end == "failed":
                records.fail(trial)
            elif end != "missing":
                val, test = end
                last = epoch_metrics(test, val_top1=val)
                records.end(trial, TrialState.COMPLETE, last=last, best_val=last)

    return declare


def test_validation_chooses_and_test_is_shown(records, cell):
    cell((80, 70), (82, 72), lr=0.1)
    cell((90, 60), (90, 62), lr=1.0)
    cell((85, 99), (85, 99), lr=10.0)
    shown = records.table(TUNED).cells[1.0, "adaloss"]
    assert (shown.mean, shown.n, shown.choice.values) == (61.0, 2, (1.0,))
    assert (shown.choice.tried, shown.choice.is_at_edge) == (3, False)


def test_each_cell_has_a_choice_of_its_own(records, cell):
    for b0, best in ((0.1, 0.01), (1.0, 0.1)):
        for lr in (0.01, 0.1, 1.0):
            cell((90 if lr == best else 50, 80), b0=b0, lr=lr)
    table = records.table(TUNED)
    found = {row: cell.choice.values for (row, _), cell in table.cells.items()}
    assert found == {0.1: (0.01,), 1.0: (0.1,)}
    assert (
        "lr chosen for each cell by the best mean validation top-1 accuracy (%) of 3 values: "
        "adaloss 0.01 (b0 = 0.1), 0.1 (b0 = 1)." in table.caption
    )
    assert "lr: " not in table.caption


def test_a_choice_at_the_edge_is_marked_and_warned_about(records, cell):
    for lr, low, high in ((0.1, 90, 50), (1.0, 80, 60), (10.0, 70, 70)):
        cell((low, 1), optimizer="adaloss", lr=lr)
        cell((high, 1), optimizer="sgd_constant", lr=lr)
    table = records.table(TUNED)
    assert table.cells[1.0, "adaloss"].choice.downwards == ("lr",)
    assert table.cells[1.0, "sgd_constant"].choice.upwards == ("lr",)
    assert (
        "‡: chosen at the edge of its range; extend lr downwards for adaloss; "
        "lr upwards for sgd_constant." in table.caption
    )
    for form in ("md", "latex", "html"):
        assert "‡" in render([table], form) or "ddag" in render([table], form)


def test_a_single_value_is_no_choice_and_no_edge(records, cell):
    cell((90, 80), lr=0.1)
    table = records.table(TUNED)
    assert not table.cells[1.0, "adaloss"].choice.is_at_edge
    assert "of 1 value: adaloss 0.1." in table.caption


def test_the_caption_says_how_many_values_each_column_was_allowed(records, cell):
    for lr in (0.1, 1.0, 10.0):
        cell((90 - abs(lr - 1), 1), optimizer="adaloss", lr=lr)
    cell((90, 1), optimizer="sgd_constant", lr=1.0)
    caption = records.table(TUNED).caption
    assert "of 1 for sgd_constant and 3 for adaloss:" in caption


def test_what_diverged_is_chosen_only_if_all_did(records, cell):
    cell((90, 80), "diverged", lr=0.1)
    cell((50, 40), (50, 40), lr=1.0)
    assert records.table(TUNED).cells[1.0, "adaloss"].choice.values == (1.0,)
    majority = TUNED.model_copy(update={"na_if": "all"})
    assert records.table(majority).cells[1.0, "adaloss"].choice.values == (0.1,)


def test_values_without_a_result_are_no_range_and_are_counted_apart(records, cell):
    cell((80, 70), lr=0.1)
    for lr in (1.0, 10.0):
        cell("failed", lr=lr)
    table = records.table(TUNED)
    choice = table.cells[1.0, "adaloss"].choice
    assert (choice.values, choice.tried, choice.lost) == ((0.1,), 1, 2)
    assert not choice.is_at_edge
    assert "of 1 value (2 more without a result): adaloss 0.1." in table.caption


def test_where_all_diverged_the_cell_is_not_available(records, cell):
    cell("diverged", "diverged", lr=0.1)
    cell("diverged", "failed", lr=1.0)
    shown = records.table(TUNED).cells[1.0, "adaloss"]
    assert shown.status is CellStatus.NA
    assert shown.choice.values == ()
    assert "adaloss none." in records.table(TUNED).caption


def test_missing_trials_of_any_candidate_are_said(records, cell):
    cell((90, 80), (90, 80), lr=0.1)
    cell((50, 40), "missing", lr=1.0)
    caption = records.table(TUNED).caption
    assert caption.startswith("INCOMPLETE: 3 of 4 trials have ended.")


def test_failures_of_any_candidate_are_said(records, cell):
    cell((90, 80), (90, 80), lr=0.1)
    cell("failed", "diverged", lr=1.0)
    assert "Of 4 trials, 1 diverged, 1 failed (code: 1)." in records.table(TUNED).caption


def test_rows_stay_in_the_order_of_the_grid(records, cell):
    for lr in (0.1, 1.0):
        for b0 in (1.0, 0.1):
            cell((90 if (lr, b0) in ((1.0, 1.0), (0.1, 0.1)) else 50, 80), b0=b0, lr=lr)
    assert records.table(TUNED).row_values == (1.0, 0.1)


def test_a_field_that_does_not_apply_is_one_candidate(records, cell):
    for alpha in (0.1, 1.0, 10.0):
        cell((90, 80), optimizer="sgd_constant", alpha=alpha)
    table = records.table(TUNED.model_copy(update={"tune": ("alpha",)}))
    choice = table.cells[1.0, "sgd_constant"].choice
    assert (choice.tried, choice.is_at_edge) == (1, False)


def test_the_first_of_equal_candidates_is_chosen(records, cell):
    for lr in (1.0, 0.1):
        cell((90, 80), lr=lr)
    assert records.table(TUNED).cells[1.0, "adaloss"].choice.values == (1.0,)


def test_a_loss_is_chosen_by_the_validation_loss(records):
    for lr, loss, accuracy in ((0.1, 0.2, 50.0), (1.0, 0.4, 99.0)):
        trial = records.declare(lr=lr)
        last = epoch_metrics(accuracy, val_top1=accuracy, val_loss=loss, test_loss=loss + 1)
        records.end(trial, TrialState.COMPLETE, last=last, best_val=last)
    table = records.table(TUNED.model_copy(update={"metric": "test/loss"}))
    assert table.cells[1.0, "adaloss"].choice.values == (0.1,)
    assert "by the best mean validation loss" in table.caption


def test_several_fields_are_tuned_together(records, cell):
    for lr in (0.1, 1.0):
        for decay in (0.0, 0.1):
            cell((90 if (lr, decay) == (1.0, 0.0) else 50, 80), lr=lr, weight_decay=decay)
    table = records.table(TUNED.model_copy(update={"tune": ("lr", "weight_decay")}))
    choice = table.cells[1.0, "adaloss"].choice
    assert (choice.values, choice.tried) == ((1.0, 0.0), 4)
    assert "lr and weight_decay chosen for each cell" in table.caption
    assert "adaloss lr=1 weight_decay=0." in table.caption


def test_the_choice_is_in_the_csv(records, cell):
    for lr in (0.1, 1.0):
        cell((90 * lr, 80), lr=lr)
    frame = pd.read_csv(io.StringIO(render_csv([records.table(TUNED)])))
    assert frame.loc[0, "tuned"] == '{"lr": 1.0}'
    assert (frame.loc[0, "tried"], frame.loc[0, "at_edge"]) == (2, "lr upwards")


@pytest.mark.parametrize(
    ("tune", "message"),
    [(("speed",), "tables: tune: speed is not a field"), (("b0",), "must be different fields")],
)
def test_a_field_that_cannot_be_tuned_is_refused(records, cell, tune, message):
    cell((90, 80), lr=0.1)
    with pytest.raises(TableError, match=message):
        records.table(TUNED.model_copy(update={"tune": tune}))


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(values=st.lists(st.floats(0, 100), min_size=1, max_size=6, unique=True))
def test_no_test_value_changes_the_choice(records, cell, values):
    records.trials.clear()
    for number, value in enumerate(values):
        cell((value, 100 - value), lr=float(number + 1))
    frame = build_frame(records.trials, records.store)
    shown = records.table(TUNED, frame=frame).cells[1.0, "adaloss"]
    assert shown.choice.values == (float(values.index(max(values)) + 1),)
