"""An unreadable record is never executed, followed, waited for or deleted."""

import json
import os
import re
import stat
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from epochs import epoch_with
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import adaloss
from adaloss.records.content import parsed_history, parsed_result, parsed_trial
from adaloss.records.file import CorruptRecordError, read_record
from adaloss.records.quarantine import set_unreadable_aside
from adaloss.records.result import Failure, FailureKind, TrialState
from adaloss.tasks.table import trial_from
from runners.planning import make_plan

RECORDS = ("result.json", "metrics.jsonl", "trial.json", "checkpoint.pt", "log.txt")


@pytest.fixture
def reported():
    return []


@pytest.fixture
def lenient(store, reported):
    """The store of the command line, which collects reports of unreadable records."""
    return replace(store, unreadable=reported.append)


@pytest.fixture
def finished(store, start, make_trial):
    """A trial with all of its records."""
    trial = make_trial()
    execution = start(trial, keep_checkpoints=True)
    while execution.advance() is not None:
        pass
    return trial


def replace_record(path, damage, tmp_path):
    """Put something else in the place of a record."""
    outside = tmp_path / "outside"
    path.unlink(missing_ok=True)
    match damage:
        case "a fifo":
            os.mkfifo(path)
        case "a folder":
            path.mkdir()
        case "a link out":
            outside.write_text("{}\n")
            path.symlink_to(outside)
        case "a link to nothing":
            path.symlink_to(tmp_path / "nowhere")
        case "five gigabytes":
            path.touch()
            os.truncate(path, 5 * 1024**3)
        case bytes():
            path.write_bytes(damage)


def names_in(folder):
    return {path.name for path in folder.iterdir()}


NOT_FILES = ("a fifo", "a folder", "a link out", "a link to nothing", "five gigabytes")
EXPECTED = {
    "a fifo": "not an ordinary file",
    "a folder": "a folder, not a file",
    "a link out": "a symbolic link",
    "a link to nothing": "a symbolic link",
    "five gigabytes": "larger than",
}
DAMAGED = {
    "nothing": b"",
    "half": b'{"trial_id": "x", "sta',
    "zeros": bytes(4096),
    "a list": b"[1]",
    "another schema": b'{"accuracy": 93.1}',
    "no text": b"\xff\xfe{",
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("damage", [*NOT_FILES, *DAMAGED.values()], ids=[*NOT_FILES, *DAMAGED])
def test_a_result_that_cannot_be_read_is_reported_and_missing(
    lenient, reported, finished, damage, tmp_path
):
    path = lenient.trial_folder(finished) / "result.json"
    replace_record(path, damage, tmp_path)
    assert lenient.read_result(finished) is None
    (error,) = reported
    assert error.path == path
    assert str(error).startswith(f"{path} cannot be read (")
    assert EXPECTED.get(damage, "not a trial's result") in str(error)
    assert str(error).endswith(
        "): counted as missing; `adaloss-sweep run` sets it aside and runs the trial again"
    )
    assert str(error).isprintable()


def test_by_default_the_error_is_raised(store, finished):
    (store.trial_folder(finished) / "result.json").write_text("{}")
    with pytest.raises(CorruptRecordError, match="not a trial's result: trial_id: Field required"):
        store.read_result(finished)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("trial_id", "0123456789ab", "the result of trial 0123456789ab, not "),
        ("epochs", 2**63, "impossible epochs"),
        ("seconds", "NaN", "impossible seconds"),
        ("seconds", -1, "impossible seconds"),
        ("memory", {"peak": -1, "total": 1}, "impossible memory"),
        ("state", "finished", "state: Input should be"),
        ("a\x1b[2J\u202ename", 1, r"a\x1b[2J\u202ename: Extra inputs"),
    ],
)
def test_a_result_that_no_trial_can_have_written_is_refused(
    lenient, reported, finished, field, value, expected
):
    path = lenient.trial_folder(finished) / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    assert lenient.read_result(finished) is None
    assert expected in str(reported[0])
    assert str(reported[0]).isprintable()


def test_a_file_without_permission_is_unreadable(lenient, reported, finished, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    assert lenient.read_result(finished) is None
    assert "(Permission denied)" in str(reported[0])


def test_too_many_open_files_do_not_make_a_record_unreadable(lenient, finished, monkeypatch):
    def refuse(*_, **__):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(OSError, match="Too many open files"):
        lenient.read_result(finished)


def test_a_damaged_history_ends_before_the_damage_and_the_result_is_read(
    lenient, reported, finished
):
    path = lenient.trial_folder(finished) / "metrics.jsonl"
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + b"\0\0\0\n" + second)
    assert [metrics.epoch for metrics in lenient.read_metrics(finished)] == [1]
    assert lenient.read_result(finished).state is TrialState.COMPLETE
    (error,) = reported
    assert str(error).startswith(f"{path} cannot be read (line 2: ")
    assert str(error).endswith("): the epochs before this line are used")


@pytest.mark.parametrize("left", [0, 1, 1.5], ids=["none", "one", "half of the second"])
def test_epochs_of_the_result_that_are_not_there_are_reported(lenient, reported, finished, left):
    path = lenient.trial_folder(finished) / "metrics.jsonl"
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first[: len(first) * min(1, int(left))] + second[: -20 if left > 1 else 0])
    assert len(lenient.read_metrics(finished)) == int(left)
    (error,) = reported
    assert str(error) == (
        f"{path} cannot be read (it has {int(left)} of the 2 epochs of the trial's result): those "
        "that are there are used"
    )
    path.unlink()
    assert lenient.read_metrics(finished) == ()
    assert "it has 0 of the 2 epochs" in str(reported[1])


def test_epochs_that_a_retry_moves_meanwhile_are_not_missed(
    lenient, reported, finished, monkeypatch
):
    read = type(lenient).read_history

    def moved_first(store, trial):
        if store.read_result(trial) is not None:
            store.set_aside(trial)
        return read(store, trial)

    monkeypatch.setattr(type(lenient), "read_history", moved_first)
    assert lenient.read_metrics(finished) == ()
    assert reported == []


def test_a_trial_that_failed_or_has_no_result_may_have_any_number_of_epochs(
    store, reported, lenient, finished
):
    result = store.read_result(finished)
    (store.trial_folder(finished) / "metrics.jsonl").write_text("")
    failure = Failure(kind=FailureKind.WORKER_LOST, message="gone")
    store.write_result(
        finished, result.model_copy(update={"state": TrialState.FAILED, "failure": failure})
    )
    assert lenient.read_metrics(finished) == ()
    (store.trial_folder(finished) / "result.json").unlink()
    assert lenient.read_metrics(finished) == ()
    assert reported == []


@pytest.mark.parametrize("damage", NOT_FILES)
def test_a_history_that_is_not_a_file_has_no_epochs(lenient, reported, finished, damage, tmp_path):
    replace_record(lenient.trial_folder(finished) / "metrics.jsonl", damage, tmp_path)
    assert lenient.read_metrics(finished) == ()
    assert EXPECTED[damage] in str(reported[0])


def test_a_finished_trial_with_a_damaged_history_is_not_changed(store, finished):
    (store.trial_folder(finished) / "metrics.jsonl").write_text("{}\n")
    before = names_in(store.trial_folder(finished))
    plan = make_plan("sweep", [finished], store)
    assert set_unreadable_aside(plan.missing, store) == []
    assert names_in(store.trial_folder(finished)) == before


@pytest.mark.parametrize("damage", [*NOT_FILES, b"{}"], ids=str)
def test_an_unreadable_result_is_set_aside_with_its_attempt(store, finished, damage, tmp_path):
    folder = store.trial_folder(finished)
    replace_record(folder / "result.json", damage, tmp_path)
    (moved,) = set_unreadable_aside([finished], store)
    assert moved.folder == folder / "quarantine" / "1"
    kept = {"result.json", "metrics.jsonl", "checkpoint.pt", "log.txt"}
    assert names_in(moved.folder) == kept
    assert names_in(folder) == {"trial.json", "quarantine"}
    assert store.read_result(finished) is None
    assert str(moved).startswith(
        f"set aside, {finished.readable_name} ({finished.trial_id}) runs again: result.json ("
    )
    assert set_unreadable_aside([finished], store) == []


def test_the_target_of_a_link_is_not_moved(store, finished, tmp_path):
    replace_record(store.trial_folder(finished) / "result.json", "a link out", tmp_path)
    set_unreadable_aside([finished], store)
    assert (tmp_path / "outside").read_text() == "{}\n"


@pytest.mark.parametrize("name", RECORDS)
def test_a_pipe_in_place_of_a_record_does_not_stop_a_trial(store, start, finished, name, tmp_path):
    store.set_aside(finished)
    replace_record(store.trial_folder(finished) / name, "a fifo", tmp_path)
    (moved,) = set_unreadable_aside([finished], store)
    assert list(moved.why) == [name]
    execution = start(finished)
    while execution.advance() is not None:
        pass
    assert store.read_result(finished).state is TrialState.COMPLETE
    assert stat.S_ISFIFO((moved.folder / name).stat().st_mode)


def test_each_quarantine_has_its_own_number(store, finished):
    for number in (1, 2, 3):
        (store.trial_folder(finished) / "result.json").write_text("{}")
        (moved,) = set_unreadable_aside([finished], store)
        assert moved.folder.name == str(number)


def test_a_quarantine_that_leads_out_of_the_storage_is_not_used(store, finished, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    folder = store.trial_folder(finished)
    (folder / "quarantine").symlink_to(tmp_path / "elsewhere")
    (folder / "result.json").write_text("{}")
    (moved,) = set_unreadable_aside([finished], store)
    assert moved.folder == folder / "quarantine_" / "1"
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("what", ["a fifo", "a link out", b"text"])
def test_anything_in_place_of_a_trials_folder_is_moved(store, make_trial, what, tmp_path):
    trial = make_trial()
    store.trials_folder.mkdir(parents=True)
    replace_record(store.trial_folder(trial), what, tmp_path)
    (moved,) = set_unreadable_aside([trial], store)
    assert store.trial_folder(trial).is_dir()
    assert os.path.lexists(moved.folder / "folder")
    assert set_unreadable_aside([trial], store) == []


def test_a_folder_that_is_a_link_is_not_followed(lenient, reported, finished, tmp_path):
    folder = lenient.trial_folder(finished)
    folder.rename(tmp_path / "moved")
    folder.symlink_to(tmp_path / "moved")
    assert lenient.read_result(finished) is None
    assert reported
    set_unreadable_aside([finished], lenient)
    assert (tmp_path / "moved" / "result.json").exists()
    assert not folder.is_symlink()


def test_a_checkpoint_resumes_from_the_epochs_before_the_damage(store, start, make_trial):
    trial = make_trial(epochs=3)
    interrupted = start(trial, checkpoint_interval=0.0)
    interrupted.advance()
    with (store.trial_folder(trial) / "metrics.jsonl").open("a") as lines:
        lines.write("{}\n")
    (moved,) = set_unreadable_aside([trial], store)
    assert list(moved.why) == ["metrics.jsonl"]
    assert (moved.folder / "metrics.jsonl").read_text().endswith("{}\n")
    start(trial).advance()
    assert "starts after epoch 1" in store.log_path(trial).read_text()


@pytest.mark.parametrize("content", [b"", b"[1]", b"[" * 100_000, b'{"lr": 1}'])
def test_a_damaged_trial_json_is_rewritten(store, make_trial, content):
    trial = make_trial()
    path = store.open_trial(trial) / "trial.json"
    right = path.read_bytes()
    path.write_bytes(content)
    (moved,) = set_unreadable_aside([trial], store)
    assert list(moved.why) == ["trial.json"]
    assert path.read_bytes() == right
    assert (moved.folder / "trial.json").read_bytes() == content


def test_a_trial_json_of_another_trial_is_rewritten(store, make_trial):
    trial, other = make_trial(), make_trial(seed=1)
    path = store.open_trial(trial) / "trial.json"
    path.write_bytes((store.open_trial(other) / "trial.json").read_bytes())
    (moved,) = set_unreadable_aside([trial, other], store)
    assert moved.why == {"trial.json": f"describes another trial, {other.trial_id}"}
    assert json.loads(path.read_text())["trial_id"] == trial.trial_id


def test_no_folder_is_made_for_a_trial_without_one(store, make_trial):
    assert set_unreadable_aside([make_trial()], store) == []
    assert not store.root.exists()


def test_a_failure_with_any_text_can_be_recorded(store, start, make_trial):
    trial = make_trial()
    execution = start(trial)
    failure = Failure(kind=FailureKind.CODE, message="\ud800\0", traceback="x" * 10_000_000)
    execution.finish(TrialState.FAILED, failure=failure)
    recorded = store.read_result(trial).failure
    assert recorded.message == "\\ud800\0"
    assert len(recorded.traceback) < 60_000


class Payload:
    """An object whose pickle creates a folder when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


def test_a_program_in_a_checkpoint_is_not_run(store, start, make_trial, tmp_path):
    trial = make_trial()
    store.open_trial(trial)
    torch.save({"epoch": Payload(tmp_path / "run")}, store.checkpoint_path(trial))
    execution = start(trial)
    while execution.advance() is not None:
        pass
    assert not (tmp_path / "run").exists()
    assert execution.result.state is TrialState.COMPLETE
    # Loading without weights_only runs it.
    torch.save({"epoch": Payload(tmp_path / "run")}, store.checkpoint_path(trial))
    torch.load(store.checkpoint_path(trial), weights_only=False)
    assert (tmp_path / "run").exists()


FUZZED = settings(
    max_examples=200,
    deadline=2_000,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
EPOCH = epoch_with(epoch=1, step=1, seconds=0.5).line()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@st.composite
def records(draw, whole):
    """A valid record with some fields and some bytes changed."""
    names = st.sampled_from([*whole, "trial_id", "x"])
    content = json.dumps(whole | draw(st.dictionaries(names, JSON, max_size=2))).encode()
    start = draw(st.integers(0, len(content)))
    cut = content[start + draw(st.integers(0, 3)) :]
    return draw(st.sampled_from([content, content[:start] + draw(st.binary(max_size=4)) + cut]))


TRIAL = {
    "dataset": "digits",
    "model": "mlp",
    "optimizer": "adaloss",
    "seed": 0,
    "lr": 0.1,
    "epochs": 1,
    "batch_size": 8,
    "mean": [0.5],
}
OF_TRIAL = trial_from(TRIAL)
RESULT = {
    "trial_id": OF_TRIAL.trial_id,
    "state": "complete",
    "epochs": 1,
    "last": EPOCH,
    "seconds": 1.0,
    "memory": {"peak": 1, "total": 2},
    "finished_at": "2026-01-01T00:00:00+00:00",
}


@pytest.mark.slow
@FUZZED
@given(records(RESULT) | records(EPOCH) | records(TRIAL) | st.binary(max_size=40))
def test_any_content_is_a_record_or_an_error(tmp_path, content):
    path = tmp_path / "record"
    path.write_bytes(content)
    assert read_record(path, 1024**2) == content
    for read in (lambda: parsed_result(content, path, OF_TRIAL),
                 lambda: parsed_trial(content, path)):  # fmt: skip
        try:
            read()
        except CorruptRecordError as error:
            message = str(error)
        else:
            message = ""
        assert message.isprintable()
        assert len(message) < 1_000
    parsed_history(content + b"\n", path, OF_TRIAL)


@pytest.mark.parametrize(
    ("whole", "read"),
    [
        (RESULT, lambda content, path: parsed_result(content, path, OF_TRIAL)),
        (TRIAL, parsed_trial),
        (EPOCH, lambda content, path: parsed_history(content + b"\n", path, OF_TRIAL).epochs[0]),
    ],
)
def test_the_records_that_are_fuzzed_are_valid(whole, read, tmp_path):
    assert read(json.dumps(whole).encode(), tmp_path)


def test_nothing_else_is_ever_unpickled():
    root = Path(adaloss.__file__).parent.parent
    packages = ("adaloss", "analysis", "runners")
    lines = [
        line
        for package in packages
        for path in (root / package).rglob("*.py")
        for line in path.read_text().splitlines()
    ]
    loads = [line for line in lines if "torch.load(" in line]
    assert len(loads) >= 2
    assert all("weights_only=True" in line for line in loads)
    unpickling = r"pickle\.loads?\(|Unpickler|import (cloudpickle|dill|joblib|shelve|marshal)"
    found = [line for line in lines if re.search(unpickling, line)]
    # It has Ray send a function by its code, and loads nothing.
    assert found == ["from ray import cloudpickle"]


def test_the_started_trials_are_those_with_a_folder(store, make_trial):
    trials = [make_trial(seed=seed) for seed in range(3)]
    assert store.started(trials) == []
    store.open_trial(trials[1])
    assert store.started(trials) == [trials[1]]


def test_a_file_in_place_of_the_folder_of_trials_is_no_reason_to_read_none(store, make_trial):
    store.root.mkdir(parents=True)
    store.trials_folder.touch()
    assert store.started([make_trial()]) == [make_trial()]
    with pytest.raises(CorruptRecordError, match="not a folder"):
        store.read_result(make_trial())
