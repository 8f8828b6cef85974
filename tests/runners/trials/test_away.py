"""Trials on a machine that does not see the results: their records arrive as they were written."""

import errno
import itertools
import os
import platform
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaloss.errors import DataError
from adaloss.execution import StorageError
from adaloss.records.places import Places
from adaloss.records.result import Failure, FailureKind
from adaloss.records.store import LOG_FILE, METRICS_FILE, Store
from adaloss.tasks.metrics import numbers
from runners.trials import away
from runners.trials.arrivals import Arrivals
from runners.trials.away import (
    FILES,
    KEPT,
    MARK,
    RECORDS,
    AwayRecords,
    Part,
    RecordGapError,
    folder_of_run,
    marked_results,
    parts_of,
    remove_old_records,
    store_of,
    write_parts,
)
from runners.trials.own_files import OWN
from runners.trials.worker import Worker

# A program may give its files any names.
OWN_NAMES = ["files/model", "files/.hydra/config.yaml", "files/checkpoint/index/.zarray"]
NAMES = ["trial.json", METRICS_FILE, LOG_FILE, "checkpoint.pt", *OWN_NAMES, "result.json"]
MODEL = """\
from torch import nn

def build(channels, image_size, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * image_size * image_size, classes))
"""
change = st.one_of(
    st.tuples(st.just("append"), st.sampled_from([METRICS_FILE, LOG_FILE]), st.binary(max_size=9)),
    st.tuples(st.just("replace"), st.sampled_from(NAMES), st.binary(max_size=9)),
    st.tuples(st.just("remove"), st.sampled_from(NAMES), st.just(b"")),
    st.tuples(st.sampled_from(["report", "move"]), st.just(""), st.just(b"")),
)


def contents(folder):
    """The files below a folder, without temporary ones."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    shown = [path for path in files if "files" in path.parts or not path.name.startswith(".")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in shown}


seconds = itertools.count(1)


def apply(folder, kind, name, content):
    """Change a file as a trial changes its own."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "append":
        with path.open("ab") as file:
            file.write(content)
    elif kind == "replace":
        temporary = path.with_name(f".{path.name}.1")
        temporary.write_bytes(content)
        temporary.replace(path)
    else:
        path.unlink(missing_ok=True)
    if path.exists():
        # A later time, also within one tick of the system's clock.
        os.utime(path, (next(seconds),) * 2)


@pytest.mark.slow
@given(changes=st.lists(change, max_size=20))
def test_whatever_a_trial_writes_arrives_and_moves_with_it(changes, make_trial):
    trial = make_trial()
    with tempfile.TemporaryDirectory() as name:
        driver = Store(Path(name, "results"))
        records = AwayRecords(Store(Path(name, "machine0")), trial)
        records.begin(())
        for number, (kind, file, content) in enumerate(changes):
            here = records.store.trial_folder(trial)
            if kind in ("append", "replace", "remove"):
                apply(here, kind, file, content)
            else:
                write_parts(driver.trial_folder(trial), records.changes())
                assert contents(driver.trial_folder(trial)) == contents(here)
            if kind == "move":
                # What was not reported is lost, and the trial goes on from what was.
                records = AwayRecords(Store(Path(name, f"machine{number + 1}")), trial)
                records.begin(parts_of(driver, trial))
                there = records.store.trial_folder(trial)
                assert contents(there) == contents(driver.trial_folder(trial))
                assert records.changes() == []


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A function that makes this process one on another machine."""

    def on(name):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))

    return on


@pytest.fixture
def configuration(store, make_trial, tmp_path):
    store.root.mkdir(parents=True)
    return {
        "trial": make_trial(epochs=4).model_dump_json(),
        "store": str(store.root),
        MARK: "a mark that is not there",
        "share": {"cpu": 1, "gpu": 0.0},
        "execution": {
            "places": Places(data_root=tmp_path / "data"),
            "device": "cpu",
            "threads": 1,
            "timeout": None,
            "checkpoint_interval": 0.0,
            "keep_checkpoints": False,
        },
    }


def run(worker, configuration, arrivals, trial):
    """All reports of a trial, which the driver has received."""
    reports = []
    while not reports or not reports[-1].get("done"):
        reports.append(worker.step(configuration))
        arrivals.write(trial, reports[-1])
    return reports


def lines(store, trial):
    """The epochs that are recorded, without what a clock says."""
    return [numbers(metrics) for metrics in store.read_metrics(trial)]


def test_a_worker_knows_by_the_mark_whether_it_sees_the_results(store):
    store.root.mkdir(parents=True)
    with marked_results(store) as mark:
        assert store_of({"store": str(store.root), MARK: mark}) == store
        there = store_of({"store": "/not/here", MARK: mark})
        assert there.root.parent == away.away_folder()
        assert store_of({"store": "/not/here", MARK: "of another run"}) != there
    assert list(store.root.iterdir()) == []
    assert store_of({"store": "/not/here"}) == Store(Path("/not/here"))


def test_the_records_are_those_of_a_worker_that_sees_the_results(
    store, configuration, make_trial, tmp_path, elsewhere
):
    elsewhere("machine1")
    trial = make_trial(epochs=4)
    last = run(Worker(), configuration, Arrivals(store), trial)[-1]
    assert FILES not in last, "Tune keeps the report"
    seen = Store(tmp_path / "seen")
    seen.root.mkdir()
    with marked_results(seen) as mark:
        here = configuration | {"store": str(seen.root), MARK: mark}
        worker = Worker()
        worker.execution = worker.prepare(here)
        assert worker.execution.claim is not None, "other machines see this folder as well"
        while not worker.step(here).get("done"):
            assert worker.away is None
    assert lines(store, trial) == lines(seen, trial) != []
    ours, theirs = store.read_result(trial), seen.read_result(trial)
    assert numbers(ours.last) == numbers(theirs.last)
    assert contents(store.root).keys() == contents(seen.root).keys()
    assert contents(tmp_path / "machine1") == {}, "nothing is left on the machine"


def test_a_model_of_the_users_own_is_the_one_that_was_sent(
    store, configuration, make_trial, tmp_path, elsewhere
):
    elsewhere("machine1")
    trial = make_trial(model="sent_along:build", epochs=1)
    places = Places(data_root=tmp_path / "data", own=(tmp_path / "not here",))
    own = configuration | {
        "trial": trial.model_dump_json(),
        "execution": configuration["execution"] | {"places": places},
        OWN: {"sent_along.py": MODEL.encode()},
    }
    run(Worker(), own, Arrivals(store), trial)
    result = store.read_result(trial)
    assert result.state == "complete", result.failure
    assert list(result.fingerprint.model) == ["sent_along.py"]


def test_a_trial_continues_on_a_third_machine(
    store, configuration, make_trial, tmp_path, elsewhere, monkeypatch
):
    trial, arrivals = make_trial(epochs=4), Arrivals(store)
    elsewhere("machine1")
    monkeypatch.setattr("runners.trials.worker.SECONDS_PER_REPORT", 0.0)
    worker = Worker()
    for _ in range(3):
        arrivals.write(trial, worker.step(configuration))
    elsewhere("machine2")
    records = parts_of(store, trial)
    assert store.checkpoint_path(trial).name in [part.name for part in records]
    arrivals.trial_starts(trial)
    run(Worker(), configuration | {RECORDS: records}, arrivals, trial)
    assert [metrics.epoch for metrics in store.read_metrics(trial)] == [1, 2, 3, 4]
    assert "starts after epoch 2" in store.log_path(trial).read_text()
    undisturbed = Store(tmp_path / "undisturbed")
    elsewhere("machine3")
    run(Worker(), configuration, Arrivals(undisturbed), trial)
    assert lines(store, trial) == lines(undisturbed, trial)


def test_who_had_the_trial_and_sees_the_results_writes_nothing_more(
    store, configuration, make_trial, elsewhere
):
    trial, arrivals = make_trial(epochs=4), Arrivals(store)
    with marked_results(store) as mark:
        cut_off = Worker()
        cut_off.execution = cut_off.prepare(configuration | {MARK: mark})
        assert cut_off.execution.advance() is not None
    partial = store.trial_folder(trial) / ".checkpoint.pt.225-dcf7240a"
    partial.write_bytes(b"of a worker that was killed")
    elsewhere("machine1")
    arrivals.trial_starts(trial)
    run(Worker(), configuration | {RECORDS: parts_of(store, trial)}, arrivals, trial)
    before = contents(store.root)
    with pytest.raises(StorageError, match="was started again"):
        list(iter(cut_off.execution.advance, None))
    assert contents(store.root) == before
    assert not [path for path in before if ".claim" in path]
    assert not partial.exists()


def test_a_checkpoint_too_large_to_send_stays_and_is_used_where_it_is(
    store, configuration, make_trial, elsewhere, monkeypatch
):
    trial, arrivals = make_trial(epochs=4), Arrivals(store)
    elsewhere("machine1")
    monkeypatch.setattr(away, "MOST_BYTES", 2000)
    monkeypatch.setattr("runners.trials.worker.SECONDS_PER_REPORT", 0.0)
    worker = Worker()
    _, first, second = reports = [worker.step(configuration) for _ in range(3)]
    (note,) = first[KEPT]
    assert "checkpoint.pt is larger" in note
    assert KEPT not in second, "it is said once"
    for report in reports:
        arrivals.write(trial, report)
    assert not store.checkpoint_path(trial).exists()
    # Another worker of the machine finds it; one of another machine starts over.
    for machine, continued in (("machine1", True), ("machine2", False)):
        elsewhere(machine)
        again = Worker()
        for _ in range(2):
            again.step(configuration | {RECORDS: parts_of(store, trial)})
        log = again.away.store.log_path(trial).read_text()
        assert ("starts after epoch 2" in log) is continued


@pytest.mark.parametrize("large", ["files/checkpoint", "files/checkpoint/model/weights"])
def test_so_does_a_programs_own(store, make_trial, monkeypatch, tmp_path, large):
    monkeypatch.setattr(away, "MOST_BYTES", 10)
    trial = make_trial()
    here = AwayRecords(Store(tmp_path / "machine1"), trial)
    folder = here.store.trial_folder(trial)
    for name, content in ((METRICS_FILE, b"{}\n"), (large, b"a large model"), ("files/x", b"x")):
        apply(folder, "replace", name, content)
    if "/model/" in large:
        apply(folder, "replace", "files/checkpoint/config", b"small")
    write_parts(store.trial_folder(trial), here.changes())
    # Half of a checkpoint would be worse than none.
    assert contents(store.trial_folder(trial)) == {METRICS_FILE: b"{}\n", "files/x": b"x"}
    whole = contents(folder)
    # Its worker dies, and the trial starts on the same machine again.
    apply(folder, "replace", "files/y", b"not sent")
    again = AwayRecords(here.store, trial)
    again.begin(parts_of(store, trial))
    assert contents(folder) == whole
    assert again.changes() == []
    assert again.kept == {large}


def test_an_older_checkpoint_that_arrives_is_not_mixed_with_a_newer_one(
    store, make_trial, monkeypatch
):
    monkeypatch.setattr(away, "MOST_BYTES", 10)
    records, folder = AwayRecords(store, make_trial()), store.trial_folder(make_trial())
    apply(folder, "replace", "files/checkpoint/weights", b"a large model")
    apply(folder, "replace", "files/checkpoint/epoch", b"5")
    records.begin([Part(f"files/checkpoint/{name}", 0, b"4") for name in ("weights", "epoch")])
    assert (folder / "files/checkpoint/weights").read_bytes() == b"a large model"
    assert (folder / "files/checkpoint/epoch").read_bytes() == b"5"


def test_a_file_too_large_to_send_is_not_removed(store, make_trial, monkeypatch):
    monkeypatch.setattr(away, "MOST_BYTES", 10)
    records = AwayRecords(store, make_trial())
    folder = store.trial_folder(make_trial())
    apply(folder, "replace", "files/model", b"a large model")
    (note,) = records.report(ended=True)[KEPT]
    assert str(folder / "files" / "model") in note
    assert (folder / "files" / "model").exists()


def test_the_result_comes_last_and_an_epoch_before_its_checkpoint(store, make_trial):
    folder = store.trial_folder(make_trial())
    for name in sorted(NAMES, key=len):
        apply(folder, "replace", name, b"content")
    names = [part.name for part in AwayRecords(store, make_trial()).changes()]
    assert names[-1] == "result.json"
    assert names.index(METRICS_FILE) < names.index("checkpoint.pt")


def test_only_what_a_log_has_gained_is_sent_again(store, make_trial):
    records = AwayRecords(store, make_trial())
    folder = store.trial_folder(make_trial())
    apply(folder, "append", LOG_FILE, b"first\n")
    assert records.changes() == [Part(LOG_FILE, 0, b"first\n")]
    apply(folder, "append", LOG_FILE, b"second\n")
    assert records.changes() == [Part(LOG_FILE, 6, b"second\n")]


def test_a_gap_is_an_error_and_nothing_of_the_trial_is_written_until_it_starts_again(
    store, make_trial
):
    trial, arrivals = make_trial(), Arrivals(store)
    with pytest.raises((RecordGapError, FileNotFoundError)):
        write_parts(store.trial_folder(trial), [Part(LOG_FILE, 3, b"rest")])
    arrivals.write(trial, {FILES: [Part(LOG_FILE, 0, b"ab"), Part(LOG_FILE, 3, b"rest")]})
    failure = arrivals.failures[trial.trial_id]
    assert failure.kind is FailureKind.WORKER_LOST
    assert "has not arrived" in failure.message
    arrivals.write(trial, {FILES: [Part("result.json", 0, b"{}")]})
    assert not (store.trial_folder(trial) / "result.json").exists()
    arrivals.trial_starts(trial)
    arrivals.write(trial, {FILES: [Part("result.json", 0, b"{}")]})
    assert (store.trial_folder(trial) / "result.json").exists()


def test_a_full_disk_of_the_driver_is_the_trials_failure(store, make_trial, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("runners.trials.arrivals.write_parts", full)
    arrivals = Arrivals(store)
    arrivals.write(make_trial(), {FILES: []})
    assert "No space left" in arrivals.failures[make_trial().trial_id].message


def test_a_checkpoint_that_the_grid_keeps_stays_if_it_is_too_large_to_send(
    store, configuration, make_trial, elsewhere, monkeypatch
):
    elsewhere("machine1")
    monkeypatch.setattr(away, "MOST_BYTES", 2000)
    configuration["execution"]["keep_checkpoints"] = True
    trial = make_trial(epochs=4)
    reports = run(Worker(), configuration, Arrivals(store), trial)
    (note,) = (note for report in reports for note in report.get(KEPT, ()))
    kept = Path(note.partition(" in ")[2].partition(", for 7 days")[0])
    assert kept.name == "checkpoint.pt"
    assert kept.exists()
    assert store.read_result(trial).state == "complete"


def test_a_run_that_goes_on_for_weeks_keeps_its_records(store, make_trial, elsewhere):
    elsewhere("machine1")
    records = AwayRecords(Store(folder_of_run("a mark")), make_trial())
    apply(records.store.trial_folder(make_trial()), "append", LOG_FILE, b"a line")
    os.utime(records.store.root, (0, 0))
    records.report(ended=False)
    remove_old_records()
    assert records.store.log_path(make_trial()).read_bytes() == b"a line"


def test_a_pipe_among_the_records_stops_nobody(store, make_trial):
    folder = store.trial_folder(make_trial())
    folder.mkdir(parents=True)
    os.mkfifo(folder / METRICS_FILE)
    (folder / LOG_FILE).symlink_to("/etc/hostname")
    assert parts_of(store, make_trial()) == []


def test_a_machine_without_the_data_leaves_the_trial_to_others(
    store, configuration, make_trial, elsewhere, monkeypatch
):
    def unreachable(*_):
        raise DataError("cifar10 cannot be downloaded: no network")

    elsewhere("machine1")
    worker = Worker()
    trial = make_trial(dataset="cifar10")
    monkeypatch.setattr(worker.code_of(trial), "fetch", unreachable)
    report = worker.step(configuration | {"trial": trial.model_dump_json()})
    failure = Failure.model_validate_json(report["broken"])
    assert failure.kind is FailureKind.WORKER_LOST
    assert f"{platform.node()}: cifar10 cannot be downloaded" in failure.message


def test_data_is_fetched_once_for_all_trials_of_a_kind(configuration, make_trial, elsewhere):
    elsewhere("machine1")
    worker, fetched = Worker(), []
    for seed, dataset in ((0, "cifar10"), (1, "cifar10"), (0, "cifar100")):
        trial = make_trial(dataset=dataset, seed=seed)
        worker.code_of(trial).fetch = lambda trials, _: fetched.extend(trials)
        worker.places_here(trial, configuration)
    assert [trial.dataset for trial in fetched] == ["cifar10", "cifar100"]


def test_the_epochs_that_arrived_are_on_the_disk_before_their_result(tmp_path, monkeypatch):
    order = []
    for module in ("store", "writing"):
        monkeypatch.setattr(
            f"adaloss.records.{module}.synchronise", lambda path: order.append(path.name)
        )
    write_parts(tmp_path, [Part(METRICS_FILE, 0, b"{}\n"), Part("result.json", 0, b"{}")])
    epochs, result, folder = order
    assert (epochs, folder) == (METRICS_FILE, tmp_path.name)
    assert result.startswith(".result.json.")


def test_what_earlier_sweeps_left_is_removed_after_a_week(elsewhere):
    elsewhere("machine")
    old, new = (away.away_folder() / name for name in ("old", "new"))
    for folder in (old, new):
        folder.mkdir(parents=True)
    week = away.DAYS_TO_KEEP * 24 * 3600
    os.utime(old, (time.time() - week - 60,) * 2)
    remove_old_records()
    assert [path.name for path in away.away_folder().iterdir()] == ["new"]
