"""Records that are computed again agree to the bit, or it is told where they part and why."""

import math

import pytest
import torch
from epochs import changed_epoch
from verified_records import GRID, ONE, Records

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import DeviceMemory
from adaloss.tasks.images import training
from adaloss.tasks.seeding import named_generator
from runners.trials.in_process import execute_here
from runners.verify import verify as verification
from runners.verify.compare import about_equal, identical


def test_the_same_code_gives_every_bit_again_and_leaves_the_records_alone(audit, records, tmp_path):
    before = records.files()
    found = audit("--sample", "all")
    assert found.exit_code == 0, found.output
    assert "verified 8 of 8 finished trials (seed 0): 8 the same, 0 differ" in found.output
    assert found.output.count("bit for bit, 3 epochs, complete") == 6
    assert found.output.count("bit for bit, 0 epochs, diverged") == 2
    assert "not as recorded" not in found.output
    assert records.files() == before
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_last_bit_is_found_with_its_epoch_and_field_and_both_values(audit, records):
    true = records.store.read_metrics(records.one)[1]["val/loss"]
    altered = math.nextafter(true, math.inf)
    records.change_epoch(records.one, 2, val_loss=altered)
    found = audit("--sample", "all")
    assert found.exit_code == 4
    assert f"epoch 2, val/loss: recorded {altered}, now {true}" in found.output
    assert "7 the same, 1 differs" in found.output
    (line,) = [line for line in found.output.splitlines() if line.startswith("differs")]
    assert records.one.trial_id in line
    # Nothing on record explains it, and that is said.
    assert "are as recorded: check the records, the data set and the weights" in found.output


@pytest.mark.parametrize(
    ("name", "field"),
    [("last", "test_top1"), ("best_val", "test_loss")],
)
def test_a_result_that_does_not_repeat_its_history_is_found(audit, records, name, field):
    metrics = getattr(records.store.read_result(records.one), name)
    wrong = changed_epoch(metrics, **{field: 99.5})
    records.change_result(records.one, **{name: wrong})
    found = audit(*ONE)
    assert found.exit_code == 4
    metric = field.replace("_", "/")
    printed = f"at the end, {name} {metric}: recorded 99.5, now "
    assert f"{printed}{metrics[metric]}" in found.output


def test_an_epoch_that_is_not_on_record_is_a_difference(audit, records):
    history = records.store.read_metrics(records.one)
    records.store.keep_metrics(records.one, history[:2])
    found = audit(*ONE)
    assert found.exit_code == 4
    assert "at the end, epochs in metrics.jsonl: recorded 2, now 3" in found.output


def test_other_code_gives_other_numbers(audit, monkeypatch):
    monkeypatch.setattr(
        training, "named_generator", lambda seed, purpose: named_generator(seed + 1, purpose)
    )
    found = audit(*ONE)
    assert found.exit_code == 4
    assert "epoch 1, train/loss: recorded " in found.output
    assert "test/top1 after the last epoch: recorded " in found.output


def test_what_was_another_version_or_machine_explains_a_difference(audit, records):
    made = records.store.read_result(records.one).provenance
    records.change_epoch(records.one, 1, train_loss=2.5)
    records.change_provenance(
        records.one,
        code_version="0.0.1+gabc.dirty",
        python="3.9.1",
        packages=made.packages | {"torch": "1.0", "apex": "0.1"},
        device="another processor",
    )
    found = audit(*ONE)
    assert found.exit_code == 4
    assert f"code version 0.0.1+gabc.dirty, now {made.code_version}" in found.output
    assert f"Python 3.9.1, now {made.python}" in found.output
    assert f"torch 1.0, now {made.packages['torch']}" in found.output
    assert "apex 0.1, now none" in found.output
    assert f"device another processor, now {made.device}" in found.output
    assert "had uncommitted changes" in found.output
    assert "numpy" not in found.output
    assert "are as recorded" not in found.output


@pytest.mark.slow
def test_other_arguments_of_the_optimizer_are_told(audit, tmp_path, monkeypatch):
    folder = tmp_path / "named"
    folder.mkdir()
    (folder / "grid.yaml").write_text(GRID.replace("[adaloss, sgd_constant]", "adamw"))
    monkeypatch.chdir(folder)
    records = Records(folder / "grid.yaml")
    trial = records.trials[0]
    execute_here(trial, load_sweep(records.grid), records.store)
    assert "not as recorded" not in audit().output
    recorded = records.store.read_result(trial).optimizer
    assert "amsgrad=False" in recorded
    changed = recorded.replace("amsgrad=False", "amsgrad=True\x1b")
    records.change_result(trial, optimizer=changed)
    output = audit().output
    assert "not as recorded: the optimizer's arguments AdamW(" in output
    assert "amsgrad=True\\x1b" in output
    assert f"now {recorded}" in output
    records.change_result(trial, optimizer=None)
    assert "not as recorded" not in audit().output


def test_a_version_that_made_no_difference_is_told_as_well(audit, records):
    records.change_provenance(records.one, python="3.9.1")
    found = audit(*ONE)
    assert found.exit_code == 0
    assert "not as recorded: Python 3.9.1, now" in found.output


@pytest.mark.slow
def test_threads_are_those_on_record_as_far_as_there_are_processors(audit, records, monkeypatch):
    monkeypatch.setattr(verification, "cpus_of_this_machine", lambda: 3)
    records.change_provenance(records.one, threads=64)
    assert "threads 64, now 3" in audit(*ONE).output
    assert torch.get_num_threads() == 3
    records.change_provenance(records.one, threads=2)
    assert "threads" not in audit(*ONE).output.replace("machine and threads", "")
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize(("field", "wrong"), [("step", 7), ("loss", 5e8)])
def test_where_a_trial_diverged_is_compared(audit, records, field, wrong):
    trial = records.trial(b0=0.001, optimizer="sgd_constant", seed=1)
    divergence = records.store.read_result(trial).divergence
    records.change_result(trial, divergence=divergence.model_copy(update={field: wrong}))
    found = audit("--only", "b0=0.001,optimizer=sgd_constant,seed=1")
    assert found.exit_code == 4
    printed = f"at the end, divergence {field}: recorded {wrong}, now {getattr(divergence, field)}"
    assert printed in found.output


def test_a_trial_that_fails_now_differs(audit, records, monkeypatch):
    def broken(*arguments, **named):
        raise RuntimeError("no such kernel")

    monkeypatch.setattr("adaloss.tasks.steps.optimizer_of", broken)
    found = audit(*ONE)
    assert found.exit_code == 4
    assert (
        "at the end, state: recorded complete, now failed (code: RuntimeError: no such kernel)"
        in found.output
    )


def on_a_gpu(records, **values):
    """The record says that it was made on a GPU."""
    records.change_result(records.one, memory=DeviceMemory(peak=1, total=2))
    history = records.store.read_metrics(records.one)
    last = changed_epoch(history[-1], **values)
    records.change_epoch(records.one, len(history), **values)
    best = max((*history[:-1], last), key=lambda metrics: metrics["val/top1"])
    records.change_result(records.one, last=last, best_val=best)


@pytest.mark.parametrize(("apart", "code"), [(0.9, 0), (1.1, 4)])
def test_a_record_of_a_gpu_is_held_to_a_stated_tolerance(audit, records, monkeypatch, apart, code):
    # Where there is a GPU its own numbers would be a part of the difference.
    monkeypatch.setattr("runners.calibrate.device_here", lambda: "cpu")
    metrics = records.store.read_metrics(records.one)[-1]
    on_a_gpu(records, test_top1=metrics["test/top1"] - 2.0 * apart)
    found = audit(*ONE)
    assert found.exit_code == code, found.output
    assert "accuracies within 2 percentage points" in found.output
    assert ("within the tolerance, 3 epochs" in found.output) == (code == 0)
    assert ("epoch 3, test/top1: recorded" in found.output) == (code == 4)


def test_what_agrees_to_the_bit_and_what_about():
    assert identical("val/loss", math.nan, math.nan)
    assert not identical("val/loss", 0.0, -0.0)
    assert about_equal("train/loss", 2.0, 2.09)
    assert not about_equal("train/loss", 2.0, 2.2)
    assert about_equal("train/loss", 0.001, 0.009)
    assert not about_equal("effective_lr", 0.001, 0.009)
    assert about_equal("val/top5", 97.0, 98.9)
    assert not about_equal("val/top5", 97.0, 99.1)
    assert not about_equal("step", 10, 11)
    assert not about_equal("b", None, 1.0)
    assert not about_equal("val/loss", math.nan, 1.0)


def test_deterministic_on_a_gpu_is_bit_for_bit(records):
    result = records.store.read_result(records.one)
    on_gpu = result.model_copy(update={"memory": DeviceMemory(peak=1, total=2)})
    deterministic = records.one.model_copy(update={"deterministic": True})
    assert verification.bit_for_bit(records.one, result, "cpu")
    assert not verification.bit_for_bit(records.one, on_gpu, "cuda")
    assert verification.bit_for_bit(deterministic, on_gpu, "cuda")
    # Not even then does a processor give the bits of a GPU.
    assert not verification.bit_for_bit(deterministic, on_gpu, "cpu")
