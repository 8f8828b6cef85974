"""The data itself, in every format the same."""

import json
import math

import pandas as pd
import pytest

from adaloss.errors import UserError
from adaloss.records.store import Store
from adaloss.tasks.table import DEFAULT_TASK, FIELD_NAMES, trial_from
from analysis.export import WRITERS, export
from analysis.frame.column_types import FIELD_TYPES, SEVERAL_TYPES, STRING
from analysis.frame.frame import frame_columns, history_columns, history_frame

READ = {
    "parquet": pd.read_parquet,
    "csv": pd.read_csv,
    "xlsx": pd.read_excel,
    "jsonl": lambda path: pd.DataFrame(map(json.loads, path.read_text().splitlines())),
}


@pytest.fixture
def recorded(eventful, ordinary_epoch):
    """The eventful sweep, with two epochs on record of its first trial."""
    trial = eventful.trials[0]
    for epoch in (1, 2):
        metrics = ordinary_epoch(80.1 + epoch, epoch=epoch, val_loss=math.inf, b=None)
        eventful.store.append_metrics(trial, metrics)
    return eventful


def test_without_openpyxl_a_sentence_says_what_to_install(records, monkeypatch, tmp_path):
    monkeypatch.setattr("analysis.export.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"install adaloss-sweep\[excel\]"):
        export(records.trials, records.store, "xlsx", tmp_path)


def test_a_sheet_that_is_too_long_is_refused(recorded, monkeypatch, tmp_path):
    monkeypatch.setattr("analysis.export.ROWS_OF_A_SHEET", 1)
    with pytest.raises(UserError, match="1 rows at most"):
        export(recorded.trials, recorded.store, "xlsx", tmp_path)


@pytest.mark.parametrize("form", WRITERS)
def test_one_row_per_trial_and_one_per_epoch(recorded, form, tmp_path):
    trials, history = map(READ[form], export(recorded.trials, recorded.store, form, tmp_path))
    assert tuple(trials.columns) == frame_columns(DEFAULT_TASK)
    assert tuple(history.columns) == history_columns(DEFAULT_TASK)
    frame = recorded.frame()
    assert list(trials["trial_id"]) == list(frame["trial_id"])
    assert list(trials["state"]) == list(frame["state"])
    numbers = pd.to_numeric(trials["last:test/top1"])
    pd.testing.assert_series_equal(numbers, frame["last:test/top1"])
    assert list(trials["b0"]) == list(frame["b0"])
    assert list(history["epoch"]) == [1, 2]
    assert list(history["test/top1"]) == [81.1, 82.1]
    assert history["b"].isna().all()
    assert [float(loss) for loss in history["val/loss"]] == [math.inf, math.inf]


def test_a_trial_declared_twice_is_one_row(records, tmp_path):
    for alpha in (1, 2):
        records.declare(optimizer="sgd_constant", alpha=alpha)
    path, _ = export(records.trials, records.store, "csv", tmp_path)
    assert len(pd.read_csv(path)) == 1


def test_every_field_has_a_type_in_parquet():
    assert set(FIELD_TYPES) == set(FIELD_NAMES)


def test_fields_of_several_types_are_text_in_parquet(records, tmp_path):
    records.declare(pretrained=True, split_seed="trial", mean=(0.5,), image_size=32)
    records.declare(pretrained="w.pth", split_seed=3, seed=1)
    path, _ = export(records.trials, records.store, "parquet", tmp_path)
    read = pd.read_parquet(path)
    assert list(read["pretrained"]) == ["true", "w.pth"]
    assert list(read["split_seed"]) == ["trial", "3"]
    assert [list(value) if value is not None else None for value in read["mean"]] == [[0.5], None]


def test_a_parquet_file_has_the_frames_types(recorded, tmp_path):
    trials, history = export(recorded.trials, recorded.store, "parquet", tmp_path)
    frame, epochs = recorded.frame(), history_frame(recorded.trials, recorded.store)
    for path, expected in ((trials, frame), (history, epochs)):
        # Texts become what this pandas makes of texts: objects up to 2.3.
        wanted = expected.drop(columns=list(SEVERAL_TYPES)).select_dtypes(exclude=[STRING])
        read = pd.read_parquet(path)[wanted.columns]
        pd.testing.assert_series_equal(read.dtypes, wanted.dtypes)


def test_text_in_a_csv_file_is_no_formula(records, tmp_path):
    records.fail(records.declare(), message="=HYPERLINK(1)\nsecond line")
    path, _ = export(records.trials, records.store, "csv", tmp_path)
    assert pd.read_csv(path)["failure_message"][0] == "'=HYPERLINK(1) second line"


def test_no_records_are_empty_files_with_columns(records, tmp_path):
    records.declare()
    _, history = export(records.trials, records.store, "parquet", tmp_path)
    assert tuple(pd.read_parquet(history).columns) == history_columns(DEFAULT_TASK)


def test_many_trials_are_written_some_at_a_time(records, monkeypatch, tmp_path):
    records.cell([90.0, 91.0, 92.0, 93.0, 94.0])
    monkeypatch.setattr("analysis.export.TRIALS_AT_A_TIME", 2)
    for form in WRITERS:
        path, _ = export(records.trials, records.store, form, tmp_path)
        assert list(READ[form](path)["last:test/top1"]) == [90.0, 91.0, 92.0, 93.0, 94.0]


@pytest.mark.parametrize("form", WRITERS)
def test_every_part_has_the_hyperparameters_of_all_trials(records, monkeypatch, tmp_path, form):
    records.declare(optimizer="sgd_constant")
    records.declare(optimizer="adamw", hyperparameters={"eps": 0.5, "mode": "=1"})
    records.declare(optimizer="adamw", hyperparameters={"eps": 1, "mode": 3})
    monkeypatch.setattr("analysis.export.TRIALS_AT_A_TIME", 1)
    path, _ = export(records.trials, records.store, form, tmp_path)
    trials = READ[form](path)
    own = ("optimizer.eps", "optimizer.mode")
    assert tuple(trials.columns) == (*frame_columns(DEFAULT_TASK), *own)
    assert list(trials["epochs"]) == [2, 2, 2]
    assert list(trials["optimizer.eps"].dropna()) == [0.5, 1]
    formula = "'=1" if form in ("csv", "xlsx") else "=1"
    assert list(map(str, trials["optimizer.mode"].dropna())) == [formula, "3"]


def test_a_task_with_other_fields_is_exported_with_these(tmp_path):
    store, fields = Store(tmp_path / "sweep"), {"optimizer": "adam", "seed": 0, "lr": 0.1}
    trial = trial_from({"task": "linear_regression", "epochs": 1, "batch_size": 1, **fields})
    for form in WRITERS:
        trials, _ = export([trial], store, form, tmp_path)
        assert trials.exists()
    header = (tmp_path / "trials.csv").read_text().splitlines()[0].split(",")
    assert {"task", "dimensions", "last:distance"} <= set(header)
    assert not {"dataset", "pretrained"} & set(header)
