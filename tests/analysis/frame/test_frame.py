import math

import pandas as pd
import pytest

from adaloss.records.result import FailureKind
from adaloss.records.store import RESULT_FILE, CorruptRecordError
from adaloss.tasks.table import DEFAULT_TASK
from analysis.frame.column_types import STRING, values_of
from analysis.frame.frame import (
    build_frame,
    distinct_values,
    frame_columns,
    grouped,
    history_columns,
    history_frame,
)

METRIC_COLUMNS = [
    f"{at}:{name}" for at in ("last", "best_val") for name in DEFAULT_TASK.metric_names
]


def test_one_row_per_declared_trial_in_declared_order(records):
    for b0 in (10, 0.1, 1):
        records.declare(b0=b0)
    frame = records.frame()
    assert list(frame["b0"]) == [10, 0.1, 1]
    assert list(frame["trial_id"]) == [trial.trial_id for trial in records.trials]
    assert tuple(frame.columns) == frame_columns(DEFAULT_TASK)


def test_fields_stay_what_was_declared(records):
    records.declare(image_size=None, seed=2**62)
    records.declare(image_size=224, pretrained=True)
    frame = records.frame()
    for row, trial in zip(frame.to_dict("records"), records.trials, strict=True):
        for name in DEFAULT_TASK.field_names:
            assert row[name] == getattr(trial, name)
            assert type(row[name]) is type(getattr(trial, name))


def dtypes(frame):
    return {name: str(dtype) for name, dtype in frame.dtypes.items()}


def test_numbers_are_numbers_yes_and_no_booleans_and_texts_strings(records):
    records.complete(records.declare(), 90.0)
    records.fail(records.declare(seed=1))
    records.declare(seed=2)
    found = dtypes(records.frame())
    assert {found[name] for name in ("b0", "lr", "alpha", "c", "seconds", *METRIC_COLUMNS)} == {
        "float64"
    }
    assert {found[name] for name in ("seed", "epochs", "batch_size", "split_seed")} == {"int64"}
    assert {found[name] for name in ("image_size", "train_examples", "finished_epochs")} == {
        "Int64"
    }
    assert {found[name] for name in ("flip", "compile", "pretrained")} == {"bool"}
    assert found["deterministic"] == "boolean"
    assert [name for name, dtype in found.items() if dtype == "object"] == [
        "hyperparameters",
        "mean",
        "std",
    ]
    texts = {name for name, dtype in found.items() if dtype == str(STRING)}
    assert {"model", "state", "finished_at", "code_version", "failure_message"} <= texts


def test_a_columns_type_is_the_same_whatever_a_sweep_has_of_it(records):
    empty = dtypes(records.frame())
    records.complete(records.declare(image_size=8, deterministic=True), 90.0, provenance=None)
    full = dtypes(records.frame())
    records.declare(optimizer="sgd_constant", alpha=3)
    records.diverge(records.declare(seed=2), last=None)
    mixed = dtypes(records.frame())
    assert full == mixed
    # Of no trials at all it is not known which of their types these two have.
    assert empty == full | {"pretrained": "object", "split_seed": "object"}


def test_a_column_of_several_types_has_what_was_declared(records):
    for pretrained, split_seed in ((False, 0), ("w.pth", "trial")):
        records.declare(pretrained=pretrained, split_seed=split_seed, mean=(0.5,))
    frame = records.frame()
    assert frame["pretrained"].tolist() == [False, "w.pth"]
    assert frame["split_seed"].tolist() == [0, "trial"]
    assert frame["mean"].tolist() == [(0.5,), (0.5,)]


def test_a_number_of_more_than_63_bits_is_kept(records):
    records.declare(train_examples=10**30)
    records.declare(train_examples=None)
    assert values_of(records.frame(), "train_examples") == [10**30, None]


def test_the_values_of_a_column_are_those_that_were_declared(records):
    for size in (None, 64):
        records.declare(image_size=size, seed=2**62, deterministic=True)
    frame = records.frame()
    for name in DEFAULT_TASK.field_names:
        declared = [getattr(trial, name) for trial in records.trials]
        assert values_of(frame, name) == declared
        assert list(map(type, values_of(frame, name))) == list(map(type, declared))


def test_the_history_has_such_types_too(records, ordinary_epoch):
    trial = records.declare()
    records.store.open_trial(trial)
    records.store.append_metrics(trial, ordinary_epoch(80.0, epoch=1, b=None))
    found = dtypes(history_frame(records.trials, records.store))
    assert (found["epoch"], found["b0"], found["b"]) == ("int64", "float64", "float64")
    assert [name for name, dtype in found.items() if dtype == "object"] == [
        "hyperparameters",
        "mean",
        "std",
    ]


def test_a_complete_trial_has_its_last_and_its_best_validation_epoch(records, ordinary_epoch):
    trial = records.declare()
    records.complete(trial, 90.0, best_val=ordinary_epoch(91.5, epoch=1, b=None))
    row = records.frame().iloc[0]
    assert row["state"] == "complete"
    assert (row["last:test/top1"], row["best_val:test/top1"]) == (90.0, 91.5)
    assert (row["last:b"], row["last:val/loss"]) == (3.0, 0.6)
    assert math.isnan(row["best_val:b"])
    assert (row["finished_epochs"], row["seconds"]) == (2, 2.5)
    assert row["finished_at"] == "2026-03-01T12:00:00+00:00"
    assert row["code_version"] == "v1"
    assert pd.isna(row["failure_kind"])


@pytest.mark.parametrize("end", ["diverge", "fail"])
def test_what_a_trial_measured_before_it_diverged_or_failed_is_no_result(
    records, ordinary_epoch, end
):
    trial = records.declare()
    reached = ordinary_epoch(89.0, epoch=1)
    {"diverge": records.diverge, "fail": records.fail}[end](trial, last=reached, best_val=reached)
    frame = records.frame()
    assert frame[METRIC_COLUMNS].isna().all(axis=None)
    assert frame["seconds"].tolist() == [2.5]


def test_a_failure_is_told(records):
    records.fail(records.declare(), FailureKind.OUT_OF_MEMORY, "CUDA out of memory")
    row = records.frame().iloc[0]
    assert row["state"] == "failed"
    assert (row["failure_kind"], row["failure_message"]) == ("out of memory", "CUDA out of memory")


def test_a_trial_without_a_result_is_missing(records):
    records.declare()
    frame = records.frame()
    assert frame["state"].tolist() == ["missing"]
    assert frame[[*METRIC_COLUMNS, "seconds"]].isna().all(axis=None)
    assert values_of(frame, "finished_at") == [None]


def test_declared_trials_that_are_one_by_identity_share_the_result(records):
    first = records.declare(optimizer="sgd_constant", alpha=0.5)
    second = records.declare(optimizer="sgd_constant", alpha=2.0)
    assert first.trial_id == second.trial_id
    records.complete(first, 90.0)
    assert records.frame()["last:test/top1"].tolist() == [90.0, 90.0]


def test_a_result_without_provenance_has_no_code_version(records):
    records.complete(records.declare(), 90.0, provenance=None)
    assert values_of(records.frame(), "code_version") == [None]


def test_no_trials_make_an_empty_frame_with_all_columns(records):
    assert tuple(records.frame().columns) == frame_columns(DEFAULT_TASK)
    assert records.frame().empty


def test_a_corrupt_record_is_not_passed_over(records):
    trial = records.declare()
    records.complete(trial, 90.0)
    (records.store.trial_folder(trial) / RESULT_FILE).write_text("{")
    with pytest.raises(CorruptRecordError, match=RESULT_FILE):
        records.frame()


def test_the_history_has_one_row_per_recorded_epoch(records, ordinary_epoch):
    complete, diverged, _ = (records.declare(seed=seed) for seed in range(3))
    for trial, epochs in ((complete, 2), (diverged, 1)):
        records.store.open_trial(trial)
        for epoch in range(1, epochs + 1):
            metrics = ordinary_epoch(80.0 + epoch, epoch=epoch, step=10 * epoch, b=None)
            records.store.append_metrics(trial, metrics)
    records.complete(complete, 82.0)
    records.diverge(diverged)
    history = history_frame(records.trials, records.store)
    assert tuple(history.columns) == history_columns(DEFAULT_TASK)
    assert history[["seed", "epoch", "step", "state", "test/top1"]].values.tolist() == [
        [0, 1, 10, "complete", 81.0],
        [0, 2, 20, "complete", 82.0],
        [1, 1, 10, "diverged", 81.0],
    ]
    assert history["b"].isna().all()


def test_distinct_values_leave_out_what_cannot_change_the_numbers(records):
    records.declare(optimizer="sgd_constant", alpha=3, c=7)
    records.declare(optimizer="adaloss", alpha=2, c=1)
    records.declare(optimizer="sgd_decay_sqrt", alpha=1, c=9)
    frame = records.frame()
    assert distinct_values(frame, "alpha") == (2.0, 1.0)
    assert distinct_values(frame, "c") == (1.0,)
    assert distinct_values(frame, "optimizer") == ("sgd_constant", "adaloss", "sgd_decay_sqrt")


def test_groups_keep_none_and_the_declared_order(records):
    for size in (None, 64, None):
        records.declare(image_size=size)
    frame = records.frame()
    groups = grouped(frame, ("image_size", "model"))
    assert {key: list(rows.index) for key, rows in groups.items()} == {
        (None, "mlp"): [0, 2],
        (64, "mlp"): [1],
    }
    assert list(groups) == [(None, "mlp"), (64, "mlp")]
    assert list(grouped(frame, ())) == [()]
    assert grouped(build_frame([], records.store), ()) == {}
