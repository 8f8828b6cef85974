"""What it takes to reach a target: the first epoch, its steps and seconds, or that it never is."""

import math
from dataclasses import replace

import pandas as pd
import pytest
from epochs import epoch_with
from hypothesis import given
from hypothesis import strategies as st

from adaloss.grid.tables.at import Reach, reach_of, valid_at
from adaloss.grid.tables.spec import TableSpec
from adaloss.records.result import TrialState
from adaloss.records.store import METRICS_FILE, ignore
from analysis.frame.frame import build_frame
from analysis.render.csv import render_csv
from analysis.render.render import FORMATS, render
from analysis.tables.cells import CellStatus
from analysis.tables.tables import TableError

AT = "reach val/top1 90"
SPEC = TableSpec(rows="b0", columns="optimizer", per=(), at=AT, provenance=False)
STEPS_PER_EPOCH, SECONDS = 10, 2.0


@pytest.fixture
def course(records):
    """Declare a trial with these validation accuracies, epoch by epoch."""

    def declare(val_top1, end="complete", **fields):
        trial = records.declare(**{"epochs": len(val_top1)} | fields)
        records.store.open_trial(trial)
        for number, value in enumerate(val_top1, start=1):
            metrics = epoch_with(
                epoch=number, step=number * STEPS_PER_EPOCH, seconds=SECONDS, train_loss=0.5,
                val_loss=1.0 / number, val_top1=value, val_top5=95.0, test_loss=0.7,
                test_top1=value - 1, test_top5=96.0, b=3.0, effective_lr=0.03,
                examples_per_second=100.0,
            )  # fmt: skip
            records.store.append_metrics(trial, metrics)
        if end == "diverged":
            records.diverge(trial)
        else:
            ended = {"last": metrics, "best_val": metrics, "epochs": len(val_top1)}
            records.end(trial, TrialState.COMPLETE, **ended)
        return trial

    return declare


def frame_of(records, *targets):
    return build_frame(records.trials, records.store, targets=map(reach_of, targets))


def table_of(records, spec=SPEC):
    return records.table(spec, frame=frame_of(records, spec.at))


def test_the_first_epoch_at_the_target_counts_with_its_steps_and_all_seconds_until_it(
    records, course
):
    course([50.0, 90.0, 80.0, 95.0])
    (row,) = frame_of(records, AT).to_dict("records")
    assert row[f"{AT}:epoch"] == 2
    assert row[f"{AT}:step"] == 2 * STEPS_PER_EPOCH
    assert row[f"{AT}:seconds"] == 2 * SECONDS
    assert row[f"{AT}:test/top1"] == 89.0
    assert row["last:test/top1"] == 94.0


def test_seconds_are_those_of_the_trial_alone(records, course):
    course([50.0, 91.0], seed=0)
    course([91.0, 50.0], seed=1)
    assert frame_of(records, AT)[f"{AT}:seconds"].tolist() == [2 * SECONDS, SECONDS]


def test_a_loss_reaches_its_target_from_above(records, course):
    course([50.0, 60.0, 70.0])
    at = "reach val/loss 0.5"
    assert frame_of(records, at)[f"{at}:epoch"].tolist() == [2]


def test_a_trial_that_never_reaches_the_target_has_the_worst_value(records, course):
    course([50.0, 60.0])
    (row,) = frame_of(records, AT).to_dict("records")
    assert row[f"{AT}:epoch"] == row[f"{AT}:seconds"] == row[f"{AT}:test/loss"] == math.inf
    assert row[f"{AT}:test/top1"] == -math.inf
    assert math.isnan(row[f"{AT}:b"])


def test_what_is_lost_of_a_history_may_have_reached_the_target(records, course):
    """Damaged before the target, gone, damaged after it, and a whole one that never gets there."""
    damaged, gone = course([50.0, 95.0], seed=0), course([50.0, 95.0], seed=1)
    later, never = course([95.0, 95.0], seed=2), course([50.0, 60.0], seed=3, b0=2)
    for trial in (damaged, later):
        path = metrics_of(records, trial)
        path.write_text(path.read_text().splitlines()[0] + "\n{}\n")
    metrics_of(records, gone).unlink()
    records.store = replace(records.store, unreadable=ignore)
    frame = frame_of(records, AT)
    epochs = dict(zip(frame["trial_id"], frame[f"{AT}:epoch"], strict=True))
    assert (epochs[later.trial_id], epochs[never.trial_id]) == (1, math.inf)
    assert math.isnan(epochs[damaged.trial_id])
    assert math.isnan(epochs[gone.trial_id])
    table = table_of(records)
    cell = table.cells[1.0, "adaloss"]
    assert (cell.status, cell.mean, cell.n, cell.expected) == (CellStatus.VALUE, 1.0, 1, 3)
    assert (
        "Of 4 complete trials shown, 1 reach validation top-1 accuracy ≥ 90 %; of 2 it is not "
        "known, because the history is damaged or missing." in table.caption
    )


def metrics_of(records, trial):
    return records.store.trial_folder(trial) / METRICS_FILE


def test_a_diverged_trial_has_no_value_even_after_the_target(records, course):
    course([95.0, 50.0], end="diverged")
    (row,) = frame_of(records, AT).to_dict("records")
    assert math.isnan(row[f"{AT}:epoch"])
    assert table_of(records).cells[1.0, "adaloss"].status is CellStatus.NA


def test_epochs_are_the_metric_unless_another_is_named(records, course):
    course([50.0, 95.0], seed=0)
    course([95.0, 95.0], seed=1)
    table = table_of(records)
    cell = table.cells[1.0, "adaloss"]
    assert (table.metric, cell.mean, cell.n) == ("epoch", 1.5, 2)
    assert table.caption.startswith("Epochs until validation top-1 accuracy ≥ 90 %, mean±")
    assert "Of 2 complete trials shown, 2 reach validation top-1 accuracy ≥ 90 %." in table.caption
    steps = table_of(records, SPEC.model_copy(update={"metric": "step"}))
    assert steps.cells[1.0, "adaloss"].mean == 1.5 * STEPS_PER_EPOCH
    seconds = table_of(records, SPEC.model_copy(update={"metric": "seconds"}))
    assert seconds.cells[1.0, "adaloss"].mean == 1.5 * SECONDS
    assert seconds.caption.startswith("Time (s) until validation")
    test = table_of(records, SPEC.model_copy(update={"metric": "test/top1"}))
    assert test.caption.startswith(
        "Test top-1 accuracy (%) at the first epoch with validation top-1 accuracy ≥ 90 %"
    )


def test_one_seed_that_never_reaches_it_leaves_no_mean_and_is_counted(records, course):
    course([50.0, 95.0], seed=0)
    course([50.0, 60.0], seed=1)
    course([50.0, 95.0], seed=0, optimizer="sgd_constant")
    course([50.0, 95.0], seed=1, optimizer="sgd_constant")
    table = table_of(records)
    cell = table.cells[1.0, "adaloss"]
    assert (cell.status, cell.mean, cell.n, cell.expected) == (CellStatus.UNREACHED, None, 1, 2)
    assert not cell.best
    assert table.cells[1.0, "sgd_constant"].best
    assert "not reached (k/n): only k of n seeds reach the target" in table.caption
    assert "Of 4 complete trials shown, 3 reach" in table.caption
    for form in set(FORMATS) - {"csv"}:
        assert "not reached (1/2)" in render([table], form)
    lines = pd.read_csv(pd.io.common.StringIO(render_csv([table])))
    assert lines["mean"].isna().tolist() == [True, False]
    assert lines["at"].tolist() == [AT, AT]
    assert lines["reached"].tolist() == [False, True]


def test_what_takes_least_is_chosen_and_a_target_on_test_is_not_tuned_on(records, course):
    for lr, accuracies in ((0.1, [50.0, 95.0, 99.0]), (1.0, [95.0, 60.0, 60.0])):
        course(accuracies, lr=lr)
    spec = SPEC.model_copy(update={"tune": ("lr",)})
    assert table_of(records, spec).cells[1.0, "adaloss"].choice.values == (1.0,)
    on_test = spec.model_copy(update={"at": "reach test/top1 90"})
    table = table_of(records, on_test)
    assert table.cells[1.0, "adaloss"].choice.values == (0.1,)
    assert "by the best mean validation top-1 accuracy (%)" in table.caption


def test_of_values_that_do_not_always_reach_it_the_one_that_does_most_often_is_chosen(
    records, course
):
    for seed in (0, 1):
        course([50.0, 60.0], lr=0.1, seed=seed)
        course([50.0, 95.0 if seed else 60.0], lr=1.0, seed=seed)
    spec = SPEC.model_copy(update={"tune": ("lr",)})
    cell = table_of(records, spec).cells[1.0, "adaloss"]
    assert (cell.choice.values, cell.n, cell.status) == ((1.0,), 1, CellStatus.UNREACHED)


def test_epochs_need_a_target(records, course):
    course([50.0])
    with pytest.raises(TableError, match="epoch is counted until a target is reached"):
        records.table(TableSpec(metric="epoch"))


@given(st.sampled_from(["test/loss", "train/loss"]), st.floats(-1e6, 1e6))
def test_a_target_is_the_same_as_text_and_as_a_mapping(metric, number):
    text = valid_at({"reach": {metric: number}})
    assert valid_at(text) == text
    assert reach_of(text) == Reach(metric, number)
