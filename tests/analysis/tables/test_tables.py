import math
import statistics
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaloss.errors import UserError
from adaloss.grid.tables.spec import TableSpec
from adaloss.optimizer_names import LOSS_OPTIMIZERS
from adaloss.records.result import TrialState
from analysis.frame.frame import build_frame
from analysis.tables.cells import UNDECLARED_CELL, CellStatus, cell_text, standard_deviation
from analysis.tables.tables import TableError

ACCURACIES = st.lists(st.floats(0, 100), min_size=2, max_size=8)


def test_a_cell_is_the_mean_and_sample_deviation_of_its_seeds(records):
    records.cell([90.0, 91.0, 95.0])
    cell = records.table().cells[1.0, "adaloss"]
    assert cell.mean == 92.0
    assert cell.std == math.sqrt((4 + 1 + 9) / 2)
    assert (cell.n, cell.expected, cell.status) == (3, 3, CellStatus.VALUE)


def test_one_seed_has_a_mean_and_no_deviation(records):
    records.cell([90.0])
    cell = records.table().cells[1.0, "adaloss"]
    assert (cell.mean, cell.std, cell.n) == (90.0, None, 1)


def test_only_complete_trials_are_averaged_and_every_trial_is_counted(records):
    records.cell([90.0, "diverged", "failed", "missing", "missing", 92.0])
    cell = records.table(TableSpec(na_if="all")).cells[1.0, "adaloss"]
    assert (cell.mean, cell.n, cell.expected) == (91.0, 2, 6)
    assert (cell.complete, cell.diverged, cell.failed, cell.missing) == (2, 1, 1, 2)


@given(values=ACCURACIES)
def test_the_deviation_is_numpys_and_no_order_changes_a_digit(values):
    assert standard_deviation(values) == pytest.approx(np.std(values, ddof=1), rel=1e-6, abs=1e-9)
    assert standard_deviation(values) == standard_deviation(sorted(values))


@given(values=ACCURACIES, shift=st.floats(-100, 100))
def test_the_deviation_does_not_see_a_shift(values, shift):
    moved = [value + shift for value in values]
    assert standard_deviation(moved) == pytest.approx(statistics.stdev(values), rel=1e-6, abs=1e-9)


def test_an_infinite_loss_has_no_deviation(records, ordinary_epoch):
    for seed, loss in enumerate((1.0, math.inf)):
        trial = records.declare(seed=seed)
        metrics = ordinary_epoch(90.0, val_loss=loss)
        records.end(trial, "complete", last=metrics)
    cell = records.table(metric="val/loss", goal="minimize").cells[1.0, "adaloss"]
    assert (cell.mean, cell.std, cell.n) == (math.inf, None, 2)


def test_infinities_of_both_signs_have_no_mean(records, ordinary_epoch):
    for seed, loss in enumerate((math.inf, -math.inf)):
        last = ordinary_epoch(90.0, val_loss=loss)
        records.end(records.declare(seed=seed), "complete", last=last)
    cell = records.table(metric="val/loss", goal="minimize").cells[1.0, "adaloss"]
    assert (cell.mean, cell.status) == (None, CellStatus.EMPTY)


@pytest.mark.parametrize(
    ("ends", "any_", "majority", "all_"),
    [
        ([90.0, 90.0, 90.0], "value", "value", "value"),
        ([90.0, 90.0, "diverged"], "na", "value", "value"),
        ([90.0, "diverged", "missing"], "na", "value", "value"),
        ([90.0, "diverged", "diverged"], "na", "na", "value"),
        (["diverged", "failed", "missing"], "na", "na", "na"),
        (["failed", "missing", "missing"], "failed", "failed", "failed"),
        (["missing", "missing"], "empty", "empty", "empty"),
    ],
)
def test_when_a_cell_is_not_available(records, ends, any_, majority, all_):
    records.cell(ends)
    expected = {"any": any_, "majority": majority, "all": all_}
    for na_if, status in expected.items():
        cell = records.table(TableSpec(na_if=na_if)).cells[1.0, "adaloss"]
        assert cell.status == status
        assert (cell.mean is None) == (status != "value")


def test_a_metric_that_an_optimizer_does_not_have_leaves_its_cell_empty(records, ordinary_epoch):
    trial = records.declare(optimizer="adagrad_norm_rowwise")
    metrics = ordinary_epoch(90.0, b=None)
    records.end(trial, "complete", last=metrics)
    cell = records.table(TableSpec(metric="b")).cells[1.0, "adagrad_norm_rowwise"]
    assert (cell.complete, cell.n, cell.status) == (1, 0, CellStatus.EMPTY)


def test_last_and_best_val_are_two_tables(records, ordinary_epoch):
    records.complete(records.declare(), 90.0, best_val=ordinary_epoch(91.5, epoch=1))
    last, best = records.tables(TableSpec(), TableSpec(at="best_val"))
    assert (last.at, last.cells[1.0, "adaloss"].mean) == ("last", 90.0)
    assert (best.at, best.cells[1.0, "adaloss"].mean) == ("best_val", 91.5)


def test_rows_columns_and_tables_stand_in_declared_order(records):
    for model in ("vit", "mlp"):
        for b0 in (10, 0.1):
            for optimizer in ("sgd_constant", "adaloss"):
                records.cell([90.0], model=model, b0=b0, optimizer=optimizer)
    vit, mlp = records.tables()
    assert (vit.title, mlp.title) == ("demo: vit", "demo: mlp")
    assert vit.row_values == (10.0, 0.1)
    assert vit.column_values == ("sgd_constant", "adaloss")
    assert set(vit.cells) == {(b0, name) for b0 in (10, 0.1) for name in vit.column_values}


def test_any_fields_can_be_the_axes(records):
    for model in ("vit", "mlp"):
        records.cell([90.0, 91.0], model=model)
    table = records.table(TableSpec(rows="seed", columns="model", per=None))
    assert table.title == "demo"
    assert {key: cell.mean for key, cell in table.cells.items()} == {
        (0, "vit"): 90.0,
        (0, "mlp"): 90.0,
        (1, "vit"): 91.0,
        (1, "mlp"): 91.0,
    }


@pytest.mark.parametrize(
    ("spec", "titles"),
    [
        (TableSpec(per="model"), ["demo: mlp", "demo: vit"]),
        (TableSpec(per="model", title="Mine"), ["Mine: mlp", "Mine: vit"]),
        (TableSpec(per="b0", columns="model", rows="optimizer"), ["demo: b0 = 1"]),
        (TableSpec(per="b0", columns="model", rows="optimizer", title="Mine"), ["Mine"]),
    ],
)
def test_titles(records, spec, titles):
    for model in ("mlp", "vit"):
        records.cell([90.0], model=model)
    assert [table.title for table in records.tables(spec)] == titles


def test_a_cell_that_the_sweep_excludes_is_no_missing_result(records):
    records.cell([90.0], optimizer="adaloss", b0=1)
    records.cell([90.0], optimizer="sgd_constant", b0=2)
    cells = records.table().cells
    assert cells[1.0, "sgd_constant"] == cells[2.0, "adaloss"] == UNDECLARED_CELL
    assert UNDECLARED_CELL.missing == 0


def test_a_cell_never_averages_over_anything_but_seeds(records):
    for lr in (0.1, 0.05):
        for epochs in (1, 2):
            records.cell([90.0, 91.0], lr=lr, epochs=epochs)
    with pytest.raises(TableError) as error:
        records.tables()
    assert str(error.value) == (
        "tables: the cell b0=1, optimizer=adaloss would average over lr (0.1, 0.05) and "
        "epochs (1, 2), not only over seeds; add lr and epochs to the table as its rows, "
        "columns or per"
    )
    records.tables(TableSpec(rows="lr", columns="epochs"))


def test_a_table_without_per_does_not_mix_models(records):
    for model in ("mlp", "vit"):
        records.cell([90.0], model=model)
    with pytest.raises(TableError, match=r"average over model \(mlp, vit\)"):
        records.tables(TableSpec(per=None))


def test_a_field_that_follows_from_the_cell_is_not_mixed(records):
    records.cell([90.0, 91.0], optimizer="adaloss", lr=0.1)
    records.cell([90.0, 91.0], optimizer="sgd_constant", lr=0.05)
    assert [cell.n for cell in records.table().cells.values()] == [2, 2]


def test_a_trial_declared_twice_by_a_field_that_does_not_apply_counts_once(records):
    for alpha in (0.5, 1.0):
        for seed, value in enumerate((90.0, 92.0)):
            trial = records.declare(optimizer="sgd_constant", alpha=alpha, seed=seed)
            if alpha == 1.0:
                records.complete(trial, value)
    cell = records.table().cells[1.0, "sgd_constant"]
    assert (cell.mean, cell.n, cell.expected) == (91.0, 2, 2)


@pytest.mark.parametrize(("goal", "best"), [("maximize", "adaloss"), ("minimize", "sgd_constant")])
def test_the_best_of_a_row_follows_the_goal(records, goal, best):
    records.cell([90.0], optimizer="adaloss")
    records.cell([80.0], optimizer="sgd_constant")
    cells = records.table(goal=goal).cells
    assert [column for (_, column), cell in cells.items() if cell.best] == [best]


def test_a_spec_with_a_metric_of_its_own_is_judged_by_that_metric(records, ordinary_epoch):
    for optimizer, loss in (("adaloss", 0.9), ("sgd_constant", 0.3)):
        trial = records.declare(optimizer=optimizer)
        records.end(trial, "complete", last=ordinary_epoch(90.0, test_loss=loss))
    loss, b = records.tables(TableSpec(metric="test/loss"), TableSpec(metric="b"))
    assert [column for (_, column), cell in loss.cells.items() if cell.best] == ["sgd_constant"]
    assert not any(cell.best for cell in b.cells.values())


@pytest.mark.parametrize(("decimals", "ties"), [(2, 1), (1, 2)])
def test_means_that_look_equal_are_all_best(records, decimals, ties):
    records.cell([90.52], optimizer="adaloss")
    records.cell([90.48], optimizer="sgd_constant")
    cells = records.table(TableSpec(decimals=decimals)).cells
    assert sum(cell.best for cell in cells.values()) == ties


def test_a_cell_without_a_value_is_never_best(eventful):
    for key, cell in eventful.table().cells.items():
        assert not (cell.best and cell.status is not CellStatus.VALUE), key


def test_one_column_has_no_best(records):
    records.cell([90.0])
    assert not records.table().cells[1.0, "adaloss"].best


def test_marking_the_best_changes_nothing_else(eventful):
    higher = eventful.table().cells
    lower = eventful.table(goal="minimize").cells
    for key, cell in higher.items():
        assert replace(cell, best=False) == replace(lower[key], best=False)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (TableSpec(rows="speed"), "tables: rows: speed is not a field of a trial; the fields are"),
        (TableSpec(per="modell"), "tables: per: modell is not a field of a trial"),
        (TableSpec(rows="model"), "must be different fields, not model, optimizer, model"),
        (TableSpec(metric="top1"), "tables: metric: there is no top1; the metrics are train/loss"),
    ],
)
def test_names_that_do_not_exist_are_refused(records, spec, message):
    records.cell([90.0])
    with pytest.raises(UserError, match=message):
        records.tables(spec)


def test_no_trials_make_no_tables(records):
    assert records.tables(TableSpec(), TableSpec(per=None)) == ()


def test_a_table_is_one_per_combination_of_several_fields(records):
    for model in ("mlp", "vit"):
        for lr in (0.1, 0.2):
            records.cell([90.0], model=model, lr=lr)
    tables = records.tables(TableSpec(per=("model", "lr")))
    assert [table.part for table in tables] == [
        "mlp, lr = 0.1",
        "mlp, lr = 0.2",
        "vit, lr = 0.1",
        "vit, lr = 0.2",
    ]
    assert tables[2].part_values == {"model": "vit", "lr": 0.1}


def test_a_table_of_seeds_has_one_trial_in_each_cell(records):
    for model, values in (("mlp", [90.0, 91.0]), ("vit", [80.0, "diverged"])):
        records.cell(values, model=model)
    table = records.table(TableSpec(rows="seed", columns="model", per=None))
    assert table.row_values == (0, 1)
    assert [cell.mean for cell in table.cells.values()] == [90.0, 80.0, 91.0, None]
    assert table.caption.startswith(
        "Test top-1 accuracy (%) after the last epoch (2), one trial each."
    )


def test_any_two_fields_can_be_the_axes(records):
    for alpha in (0.5, 1.0):
        for c in (0.0, 0.1):
            records.cell([80 + alpha + c], alpha=alpha, c=c)
    table = records.table(TableSpec(rows="alpha", columns="c"))
    assert {key: cell.mean for key, cell in table.cells.items()} == {
        (alpha, c): 80 + alpha + c for alpha in (0.5, 1.0) for c in (0.0, 0.1)
    }


def test_only_and_exclude_choose_the_cells(records):
    for optimizer in ("adaloss", "sgd_constant", "sgd_decay_sqrt"):
        for b0 in (1, 10):
            records.cell([90.0], optimizer=optimizer, b0=b0)
    table = records.table(
        TableSpec(
            only={"b0": (1.0, 10.0), "optimizer": ("adaloss", "sgd_constant")},
            exclude=({"optimizer": ("adaloss",), "b0": (10.0,)},),
        )
    )
    assert table.column_values == ("adaloss", "sgd_constant")
    assert table.cells[10.0, "adaloss"] == UNDECLARED_CELL
    assert table.cells[10.0, "sgd_constant"].n == 1


def test_choosing_no_cell_at_all_is_refused(records):
    records.cell([90.0])
    with pytest.raises(TableError, match="leave no cell"):
        records.tables(TableSpec(only={"b0": (7.0,)}))
    with pytest.raises(TableError, match="speed is not a field of a trial"):
        records.tables(TableSpec(only={"speed": (7.0,)}))


def test_a_transposed_table_has_the_same_cells_the_other_way_round(eventful):
    table = eventful.table()
    turned = eventful.table(TableSpec(transpose=True))
    assert (turned.row_field, turned.column_field) == ("optimizer", "b0")
    assert {(column, row): cell for (row, column), cell in turned.cells.items()} == table.cells
    assert "Bold: the highest of the column." in turned.caption
    assert turned.corner == "optimizer / b0"


def test_the_metric_after_an_epoch_comes_from_the_history(records, ordinary_epoch):
    for seed, ends in enumerate((TrialState.COMPLETE, TrialState.COMPLETE, TrialState.DIVERGED)):
        trial = records.declare(seed=seed, b0=1 + (ends is TrialState.DIVERGED))
        records.store.open_trial(trial)
        for epoch in (1, 2):
            metrics = ordinary_epoch(80.0 + 2 * seed + epoch, epoch=epoch)
            records.store.append_metrics(trial, metrics)
        records.end(trial, ends, last=metrics)
    frame = build_frame(records.trials, records.store, epochs=[1])
    table = records.table(TableSpec(at="epoch 1"), frame=frame)
    assert table.cells[1.0, "adaloss"].mean == 82.0
    assert table.cells[2.0, "adaloss"].status is CellStatus.NA
    assert table.caption.startswith("Test top-1 accuracy (%) after epoch 1, ")


def test_an_epoch_that_no_trial_has_is_refused(records):
    records.cell([90.0])
    with pytest.raises(TableError, match="there is no epoch 3: the trials have 2"):
        records.tables(TableSpec(at="epoch 3"))


@pytest.mark.parametrize(
    ("spread", "shown", "words"),
    [
        ("std", "90.00±2.00", "mean±standard deviation (ddof = 1)"),
        ("sem", "90.00±1.15", "mean±standard error (standard deviation / √n)"),
        ("ci95", "90.00±4.97", "mean±half of its 95 % confidence interval (Student's t"),
    ],
)
def test_what_stands_behind_the_plus_minus(records, spread, shown, words):
    # ci95: 4.3027 (t of 2 degrees of freedom, 97.5 %) times 2 / √3.
    records.cell([88.0, 90.0, 92.0])
    table = records.table(TableSpec(spread=spread))
    assert cell_text(table.cells[1.0, "adaloss"], table.style).plain == shown
    assert words in table.caption


def test_the_number_of_seeds_can_be_told_always(eventful):
    table = eventful.table(TableSpec(show_n="always"))
    assert cell_text(table.cells[0.1, "adaloss"], table.style).plain == "91.00±1.00 (3/3)"
    assert "(k/n): k of n seeds have a value." in table.caption


def test_the_second_best_is_marked_where_one_is_best_alone(records):
    means = {1: (90.0, 92.0, 91.0), 2: (90.0, 90.0, 91.0), 3: (90.0, 91.0, 91.0)}
    for b0, values in means.items():
        for optimizer, value in zip(LOSS_OPTIMIZERS, values, strict=False):
            records.cell([value], optimizer=optimizer, b0=b0)
    cells = records.table(TableSpec(mark="best_and_second")).cells
    second = [key for key, cell in cells.items() if cell.second]
    assert second == [
        (1.0, LOSS_OPTIMIZERS[2]),
        (2.0, LOSS_OPTIMIZERS[0]),
        (2.0, LOSS_OPTIMIZERS[1]),
    ]
    assert not any(cell.second for cell in records.table().cells.values())


def test_nothing_needs_to_stand_out(records):
    for optimizer in ("adaloss", "sgd_constant"):
        records.cell([90.0], optimizer=optimizer)
    table = records.table(TableSpec(mark="none"))
    assert not any(cell.best for cell in table.cells.values())
    assert "Bold" not in table.caption
