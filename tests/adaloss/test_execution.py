"""From records to a result: resume, divergence, failure; and the store they live in."""

import errno
import json
import os
import stat

import pytest
import torch
from epochs import changed_epoch

from adaloss.errors import DataError, WeightsError
from adaloss.records.result import FailureKind, SplitSizes, TrialState
from adaloss.records.store import CorruptRecordError
from adaloss.records.writing import replacing
from adaloss.tasks.failures import failure_kind
from adaloss.tasks.metrics import numbers


def run(execution):
    while execution.advance() is not None:
        pass
    return execution.result


def test_a_complete_trial_has_its_records(store, start, make_trial):
    trial = make_trial()
    result = run(start(trial))
    assert result.state is TrialState.COMPLETE
    assert store.read_result(trial) == result
    assert store.read_metrics(trial)[-1] == result.last
    names = {path.name for path in store.trial_folder(trial).iterdir()}
    assert names == {"trial.json", "metrics.jsonl", "result.json", "log.txt"}
    # Nothing that is not in the records.
    assert store.log_path(trial).read_text() == ""


def test_a_result_says_how_many_examples_it_is_of(store, start, make_trial):
    trial = make_trial(train_examples=100, epochs=1)
    result = run(start(trial))
    assert result.examples == SplitSizes(train=100, validation=269, test=359)
    # It diverges in its first epoch, and fails before it has data.
    assert run(start(make_trial(max_loss=1e-9))).examples is not None
    assert run(start(make_trial(dataset="imagefolder:gone", image_size=8))).examples is None


def test_a_result_from_before_examples_were_counted_is_read(store, start, make_trial):
    trial = make_trial(epochs=1)
    result = run(start(trial))
    path = store.trial_folder(trial) / "result.json"
    content = json.loads(path.read_text())
    del content["examples"]
    path.write_text(json.dumps(content))
    assert store.read_result(trial) == result.model_copy(update={"examples": None})


def test_a_result_of_an_impossible_number_of_examples_is_refused(store, start, make_trial):
    trial = make_trial(epochs=1)
    run(start(trial))
    path = store.trial_folder(trial) / "result.json"
    path.write_text(path.read_text().replace('"test": 359', '"test": -1'))
    with pytest.raises(CorruptRecordError, match="impossible examples"):
        store.read_result(trial)


def test_a_result_has_the_arguments_of_a_named_optimizer(store, start, make_trial):
    trial = make_trial(optimizer="adamw", lr=0.01, hyperparameters={"eps": 1e-6}, epochs=1)
    result = run(start(trial))
    assert result.optimizer.startswith("AdamW(lr=0.01, betas=(0.9, 0.999), eps=1e-06, ")
    assert f"optimizer adamw: {result.optimizer}\n" in store.log_path(trial).read_text()
    assert store.read_result(trial) == result
    both = run(start(make_trial(optimizer="muon", lr=0.01, epochs=1))).optimizer
    assert both.startswith("Muon(lr=0.01, ")
    assert " and AdamW(lr=0.01, " in both


def test_a_result_without_these_arguments_is_as_it_was_and_is_read(store, start, make_trial):
    trial = make_trial(epochs=1)
    run(start(trial))
    content = (store.trial_folder(trial) / "result.json").read_text()
    assert "optimizer" not in json.loads(content)
    named = make_trial(optimizer="adamw", lr=0.01, epochs=1)
    result = run(start(named))
    path = store.trial_folder(named) / "result.json"
    older = {
        key: value for key, value in json.loads(path.read_text()).items() if key != "optimizer"
    }
    path.write_text(json.dumps(older))
    assert store.read_result(named) == result.model_copy(update={"optimizer": None})
    path.write_text(json.dumps(older | {"optimizer": 5}))
    with pytest.raises(CorruptRecordError, match="optimizer: Input should be a valid string"):
        store.read_result(named)


def test_the_best_epoch_is_chosen_on_validation(store, start, make_trial):
    trial = make_trial(epochs=5)
    result = run(start(trial))
    history = store.read_metrics(trial)
    best = max(range(5), key=lambda index: (history[index]["val/top1"], -index))
    assert result.best_val == history[best]


def test_a_trial_goes_on_from_its_checkpoint(store, start, make_trial):
    trial = make_trial(epochs=4)
    interrupted = start(trial, checkpoint_interval=0.0)
    for _ in range(2):
        interrupted.advance()
    resumed = start(trial, checkpoint_interval=0.0)
    run(resumed)
    assert "starts after epoch 2" in store.log_path(trial).read_text()
    records = [numbers(metrics) for metrics in store.read_metrics(trial)]
    store.set_aside(trial)
    run(start(trial))
    assert records == [numbers(metrics) for metrics in store.read_metrics(trial)]
    assert not store.checkpoint_path(trial).exists()


def test_epochs_after_the_checkpoint_are_not_recorded_twice(store, start, make_trial):
    trial = make_trial(epochs=3)
    interrupted = start(trial)
    for _ in range(2):
        interrupted.advance()
    run(start(trial))
    assert [metrics.epoch for metrics in store.read_metrics(trial)] == [1, 2, 3]


def test_what_a_killed_worker_left_half_written_is_removed_at_the_next_start(
    store, start, make_trial
):
    trial = make_trial()
    folder = store.open_trial(trial)
    written = [
        replacing(folder / name, durable=True)
        for name in ("checkpoint.pt", "metrics.jsonl", "result.json")
    ]
    for file in written:
        file.__enter__().write_text("half")
    store.stack_path(trial).touch()
    assert len(list(folder.glob(".*"))) == 4
    # A file of the user's own stays.
    (folder / ".notes").touch()
    start(trial)
    assert [path.name for path in folder.glob(".*")] == [".notes"]


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"\x80\x04."])
def test_an_unreadable_checkpoint_means_starting_over(store, start, make_trial, content):
    trial = make_trial()
    store.open_trial(trial)
    store.checkpoint_path(trial).write_bytes(content)
    assert run(start(trial)).state is TrialState.COMPLETE
    assert "starts over" in store.log_path(trial).read_text()


@pytest.mark.parametrize("name", ["Momo", "MomoAdam"])
def test_a_state_that_a_checkpoint_has_only_in_part_means_starting_over(
    store, start, make_trial, name
):
    trial = make_trial(optimizer=f"momo:{name}", lr=0.01, epochs=3)
    interrupted = start(trial, checkpoint_interval=0.0)
    for _ in range(2):
        interrupted.advance()
    run(start(trial))
    log = store.log_path(trial).read_text()
    assert f"the state_dict of momo:{name} is not its whole state" in log
    assert "starts after epoch 0" in log
    records = [numbers(metrics) for metrics in store.read_metrics(trial)]
    store.set_aside(trial)
    run(start(trial))
    assert records == [numbers(metrics) for metrics in store.read_metrics(trial)]


def test_divergence_is_a_result(store, start, make_trial):
    result = run(start(make_trial(max_loss=0.001)))
    assert result.state is TrialState.DIVERGED
    assert result.divergence.step == 1
    assert store.read_metrics(make_trial(max_loss=0.001)) == ()


def test_an_error_is_a_result_with_its_traceback(start, make_trial):
    result = run(start(make_trial(model="no_such_model")))
    assert result.state is TrialState.FAILED
    assert result.failure.kind is FailureKind.CODE
    assert "Traceback" in result.failure.traceback


def test_a_trial_past_its_time_has_failed(start, make_trial):
    result = run(start(make_trial(), timeout=0.0))
    assert result.failure.kind is FailureKind.TIMEOUT


def test_a_result_set_aside_is_kept(store, start, make_trial):
    trial = make_trial()
    run(start(trial))
    attempt = store.set_aside(trial)
    assert store.read_result(trial) is None
    assert (attempt / "result.json").exists()


def test_a_line_cut_short_is_not_a_record(store, start, make_trial):
    trial = make_trial(epochs=3)
    interrupted = start(trial)
    for _ in range(2):
        interrupted.advance()
    path = store.trial_folder(trial) / "metrics.jsonl"
    path.write_text(path.read_text()[:-20])
    assert [metrics.epoch for metrics in store.read_metrics(trial)] == [1]


@pytest.mark.parametrize("content", ["", "{}", "[", json.dumps({"trial_id": "x"})])
def test_a_corrupt_result_is_named(store, start, make_trial, content):
    trial = make_trial()
    store.open_trial(trial)
    path = store.trial_folder(trial) / "result.json"
    path.write_text(content)
    with pytest.raises(CorruptRecordError, match=r"result\.json"):
        store.read_result(trial)


def test_nan_survives_the_disk(store, start, make_trial):
    trial = make_trial()
    metrics = changed_epoch(start(trial).advance(), val_loss=float("nan"))
    store.append_metrics(trial, metrics)
    assert store.read_metrics(trial)[-1]["val/loss"] != store.read_metrics(trial)[-1]["val/loss"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "result.json"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError), replacing(path, durable=True) as temporary:
        temporary.write_text("half \ud800")
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.json"]
    assert path.read_text() == "old"


def test_records_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        with replacing(tmp_path / "result.json", durable=True) as temporary:
            temporary.write_text("{}")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "result.json").stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), "out of memory"),
        (MemoryError(), "out of memory"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory"),
            "out of memory",
        ),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"), "out of memory"),
        (RuntimeError("CUDA error: out of memory"), "out of memory"),
        (
            RuntimeError("unable to mmap 8 bytes from file <a.pt>: Cannot allocate memory (12)"),
            "out of memory",
        ),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "out of memory"),
        (OSError(errno.ENOENT, "No such file or directory"), "code"),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), "code"),
        (DataError("dataset cifar100: not found"), "data"),
        (WeightsError("the weights file is missing"), "data"),
        (ValueError("wrong"), "code"),
    ],
    ids=str,
)
def test_a_failure_has_its_kind(error, kind):
    assert failure_kind(error) == kind


def test_memory_that_torch_really_lacks_is_out_of_memory():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert failure_kind(caught.value) == "out of memory"


def test_a_gpu_that_torch_cannot_use_is_said(start, make_trial, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    execution = start(make_trial(), device="cuda")
    assert execution.advance() is None
    assert "resources: {gpu: 0}" in execution.result.failure.message
