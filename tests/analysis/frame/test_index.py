"""The index saves reading; it never changes what is read."""

import os
import shutil
from dataclasses import replace

import pandas as pd
import pytest

from adaloss.records.store import METRICS_FILE, RESULT_FILE, CorruptRecordError, Store
from analysis.frame.frame import build_frame, history_frame


@pytest.fixture
def reads(monkeypatch):
    """The trials whose results were read from their files."""
    read = []
    honest = Store.read_result

    def counting(store, trial):
        read.append(trial.trial_id)
        return honest(store, trial)

    monkeypatch.setattr(Store, "read_result", counting)
    return read


def index_files(records):
    return sorted(path.name for path in (records.store.root / "index").glob("*"))


def test_a_record_is_read_once(eventful, reads):
    first = eventful.frame()
    assert len(reads) == len(set(reads)) == 19
    pd.testing.assert_frame_equal(eventful.frame(), first)
    assert len(reads) == 19


def test_a_record_that_has_changed_is_read_again_and_no_other(eventful, reads):
    eventful.frame()
    reads.clear()
    trial = eventful.trials[0]
    eventful.complete(trial, 12.5)
    frame = eventful.frame()
    assert reads == [trial.trial_id]
    assert frame.loc[0, "last:test/top1"] == 12.5


def test_a_record_rewritten_within_the_clocks_grain_is_read_again(records, reads):
    trial = records.declare()
    records.complete(trial, 90.0)
    records.frame()
    path = records.store.trial_folder(trial) / RESULT_FILE
    times = path.stat()
    records.complete(trial, 91.0)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert records.frame().loc[0, "last:test/top1"] == 91.0


def test_a_record_that_is_gone_is_missing(eventful):
    eventful.frame()
    eventful.store.set_aside(eventful.trials[0])
    assert eventful.frame().loc[0, "state"] == "missing"
    assert eventful.frame().loc[1, "state"] == "complete"


def test_trials_that_are_not_asked_for_stay_in_the_index(eventful, reads):
    eventful.frame()
    reads.clear()
    build_frame(eventful.trials[:1], eventful.store)
    eventful.frame()
    assert reads == []


@pytest.mark.parametrize("damage", ["nothing at all", "no parquet", "another table", "a version"])
def test_an_index_that_cannot_be_used_is_made_anew(eventful, reads, damage):
    whole = eventful.frame()
    path = eventful.store.root / "index" / "results.parquet"
    if damage == "nothing at all":
        shutil.rmtree(path.parent)
    elif damage == "no parquet":
        path.write_bytes(path.read_bytes()[:100])
    elif damage == "another table":
        pd.DataFrame({"trial_id": ["x"]}).to_parquet(path)
    else:
        pd.read_parquet(path).to_parquet(path)
    reads.clear()
    pd.testing.assert_frame_equal(eventful.frame(), whole)
    assert len(reads) == 19
    reads.clear()
    eventful.frame()
    assert reads == []


def test_an_index_cannot_hide_a_record_that_cannot_be_read(records):
    trial = records.declare()
    records.complete(trial, 90.0)
    records.frame()
    (records.store.trial_folder(trial) / RESULT_FILE).write_text("{}")
    with pytest.raises(CorruptRecordError, match=r"result\.json"):
        records.frame()


def test_a_result_that_cannot_be_read_is_missing_and_said_every_time(eventful, reads):
    trial, folder = eventful.trials[0], eventful.store.trial_folder(eventful.trials[0])
    eventful.frame()
    (folder / RESULT_FILE).write_text("{}")
    message = []
    listening = replace(eventful.store, unreadable=message.append)
    for times in (1, 2):
        reads.clear()
        frame = build_frame(eventful.trials, listening)
        assert frame["state"].tolist()[:2] == ["missing", "complete"]
        assert [error.path for error in message] == [folder / RESULT_FILE] * times
        assert reads == [trial.trial_id]


def test_a_result_that_cannot_be_read_does_not_write_the_index_anew(eventful, monkeypatch):
    (eventful.store.trial_folder(eventful.trials[0]) / RESULT_FILE).write_text("{}")
    listening = replace(eventful.store, unreadable=[].append)
    build_frame(eventful.trials, listening)
    monkeypatch.setattr("analysis.frame.index.save", lambda *_: pytest.fail("written"))
    build_frame(eventful.trials, listening)


def test_a_folder_that_is_none_is_said(records):
    trial = records.declare()
    records.store.trials_folder.mkdir(parents=True)
    records.store.trial_folder(trial).write_text("")
    message = []
    frame = build_frame(records.trials, replace(records.store, unreadable=message.append))
    assert frame["state"].tolist() == ["missing"]
    assert "(the path of its folder is not a folder)" in str(message[0])


def test_of_a_damaged_history_the_epochs_before_the_damage_are_there(records, ordinary_epoch):
    first, second = records.declare(seed=0), records.declare(seed=1)
    for trial in (first, second):
        records.store.open_trial(trial)
        records.store.append_metrics(trial, ordinary_epoch(80.0, epoch=1))
    path = records.store.trial_folder(first) / METRICS_FILE
    path.write_text(path.read_text() + "{}\n" + path.read_text())
    message = []
    listening = replace(records.store, unreadable=message.append)
    for times in (1, 2):
        history = history_frame(records.trials, listening)
        assert list(zip(history["seed"], history["epoch"], strict=True)) == [(0, 1), (1, 1)]
        assert [error.path for error in message] == [path] * times


def test_results_that_may_only_be_read_are_read(eventful, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "read-only file system")

    monkeypatch.setattr("analysis.frame.index.replacing", refuse)
    assert len(eventful.frame()) == 24
    assert index_files(eventful) == []


def test_an_epoch_that_is_added_is_in_the_history(records, ordinary_epoch):
    trial = records.declare()
    records.store.open_trial(trial)
    for epoch in (1, 2):
        records.store.append_metrics(trial, ordinary_epoch(80.0, epoch=epoch))
        history = history_frame(records.trials, records.store)
        assert list(history["epoch"]) == list(range(1, epoch + 1))
    assert index_files(records) == ["history.parquet"]


def test_a_sweep_without_a_record_has_no_index(records):
    records.declare()
    assert list(records.frame()["state"]) == ["missing"]
    assert index_files(records) == []
