"""Faults in real processes: each is reported in a sentence, affects one trial, and is repaired."""

import contextlib
import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from ledger import run_twice
from patience import PATIENCE

from adaloss.records.result import FailureKind, TrialState

pytestmark = pytest.mark.slow

COMPLETE, USER_ERROR, INCOMPLETE, FAILED = 0, 2, 3, 4

# Ray regards the memory as full after half of these bytes have been allocated.
ALLOCATED_BYTES = 6 * 10**9

FAULTY = '''\
"""Models that fail as long as the file ``fault`` exists."""

import ctypes
import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path

from torch import nn

FAULT = Path(__file__).with_name("fault")


class Faulty(nn.Sequential):
    def __init__(self, fault, channels, image_size, classes):
        super().__init__(nn.Flatten(), nn.Linear(channels * image_size**2, classes))
        self.fault = fault

    def forward(self, images):
        # The check before the sweep runs in a child process of multiprocessing and has no fault.
        if FAULT.exists() and multiprocessing.parent_process() is None:
            self.fault()
        return super().forward(images)


def fail():
    raise ArithmeticError("the fault of the test")


def hang():
    """Sleep longer than the timeout, but not forever, so that the test can fail."""
    time.sleep(40)
    FAULT.unlink(missing_ok=True)


def die_after_the_result():
    """Kill the worker once, as soon as a result is on the disk."""
    FAULT.unlink()

    def wait_and_die():
        while not list(Path("results").glob("*/trials/faulty*/result.json")):
            time.sleep(0.0005)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=wait_and_die, daemon=True).start()


def allocate():
    """Exceed the test's memory threshold once, until the worker is killed."""
    FAULT.unlink()
    memory = bytearray(b"1") * ALLOCATED_BYTES
    time.sleep(120)
    del memory


def raises(**sizes):
    return Faulty(fail, **sizes)


def exits(**sizes):
    return Faulty(lambda: os._exit(7), **sizes)


def crashes(**sizes):
    return Faulty(lambda: ctypes.string_at(0), **sizes)


def hangs(**sizes):
    return Faulty(hang, **sizes)


def dies(**sizes):
    return Faulty(die_after_the_result, **sizes)


def eats(**sizes):
    return Faulty(allocate, **sizes)
'''.replace("ALLOCATED_BYTES", f"{ALLOCATED_BYTES}")


def with_models(grid_text, *functions, mlp=True):
    """The grid with one trial of the mlp and of each faulty model."""
    models = ", ".join([*(["mlp"] if mlp else []), *(f'"faulty:{name}"' for name in functions)])
    return (
        grid_text.replace("model: mlp", f"model: [{models}]")
        .replace("[adaloss, sgd_constant]", "adaloss")
        .replace("seeds: 2", "seeds: 1")
    )


@pytest.fixture
def faults(tmp_path):
    """The user's module with models that fail until the returned file is removed."""
    (tmp_path / "faulty.py").write_text(FAULTY)
    (tmp_path / "fault").touch()
    return tmp_path / "fault"


def by_model(records):
    return {trial.model: records.store.read_result(trial) for trial in records.sweep.trials}


def differing_trials(records, undisturbed):
    """The trials that are incomplete, or whose numbers differ from those without a fault."""
    return [
        name
        for name, trial in records.trials.items()
        if records.numbers(name) != (TrialState.COMPLETE, undisturbed(trial))
    ]


def has_begun(records):
    return lambda: any(records.store.trials_folder.glob("*/trial.json"))


def is_readable(output):
    """Whether the output has no traceback."""
    return "Traceback" not in output and "RayTaskError" not in output


def test_a_trial_that_raises_exits_or_crashes_affects_no_other_trial(
    sweep, grid_text, faults, command, undisturbed
):
    records = sweep(with_models(grid_text, "raises", "exits", "crashes"))
    run = command("run")
    assert run.code == FAILED, run.output
    assert is_readable(run.output), run.output
    assert "ArithmeticError: the fault of the test" in run.output
    assert "adaloss-sweep retry" in run.output
    results = by_model(records)
    assert results["mlp"].state is TrialState.COMPLETE
    assert results["faulty:raises"].failure.kind is FailureKind.CODE
    assert "in forward" in results["faulty:raises"].failure.traceback
    for name in ("faulty:exits", "faulty:crashes"):
        assert results[name].failure.kind is FailureKind.WORKER_LOST
        line = next(line for line in run.output.splitlines() if name.replace(":", "_") in line)
        assert "worker lost: its worker died" in line

    faults.unlink()
    before = {name: entry for name, entry in records.finished().items() if not entry.failed}
    again = command("retry")
    assert again.code == COMPLETE, again.output
    assert not run_twice(before, records.finished())
    assert differing_trials(records, undisturbed) == []


def test_a_trial_that_hangs_inside_an_epoch_is_ended(
    sweep, grid_text, faults, command, undisturbed
):
    text = with_models(grid_text, "hangs").replace("retries: 0", "retries: 0, timeout: 6s")
    records = sweep(text)
    run = command("run")
    assert run.code == FAILED, run.output
    assert faults.exists(), "the model stopped hanging before the timeout"
    assert is_readable(run.output), run.output
    results = by_model(records)
    assert results["mlp"].state is TrialState.COMPLETE
    assert results["faulty:hangs"].failure.kind is FailureKind.TIMEOUT
    assert "execution.timeout" in run.output

    faults.unlink()
    assert command("retry").code == COMPLETE
    assert differing_trials(records, undisturbed) == []


def test_a_worker_that_dies_after_its_result_does_not_run_the_trial_twice(
    sweep, grid_text, faults, command, undisturbed
):
    records = sweep(with_models(grid_text, "dies", mlp=False).replace("retries: 0", "retries: 2"))
    run = command("run")
    assert run.code == COMPLETE, run.output
    assert not faults.exists()
    assert records.started_again() == []
    assert differing_trials(records, undisturbed) == []


@pytest.fixture
def low_memory_threshold(monkeypatch):
    """Ray regards the memory as full when a process allocates ``ALLOCATED_BYTES``."""
    fields = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    total, available = (
        1024 * int(fields[name].split()[0]) for name in ("MemTotal", "MemAvailable")
    )
    if available < 2 * ALLOCATED_BYTES:
        pytest.skip("this machine has too little free memory")
    threshold = (total - available + ALLOCATED_BYTES / 2) / total
    monkeypatch.setenv("RAY_memory_usage_threshold", f"{threshold:.4f}")
    monkeypatch.setenv("RAY_memory_monitor_refresh_ms", "100")


@pytest.mark.usefixtures("low_memory_threshold")
def test_the_sweep_continues_after_ray_kills_a_worker_for_lack_of_memory(
    sweep, grid_text, faults, command, undisturbed
):
    records = sweep(with_models(grid_text, "eats").replace("retries: 0", "retries: 2"))
    run = command("run")
    assert run.code == COMPLETE, run.output
    assert is_readable(run.output), run.output
    assert "the machine was running out of memory" in run.output
    assert "alone, in 2 s (retry 1 of 2)" in run.output
    assert differing_trials(records, undisturbed) == []


def mounted(folder, *options):
    """Mount a small file system in the folder, until the context ends."""

    @contextlib.contextmanager
    def context():
        folder.mkdir()
        arguments = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)]
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no file system can be mounted: {done.stderr.strip()}")
        try:
            yield
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)

    return context()


@pytest.fixture
def root():
    if os.geteuid():
        pytest.skip("only root can mount a file system")


@pytest.mark.usefixtures("root")
def test_a_full_disk_is_reported_before_the_sweep(sweep, grid_text, command, tmp_path):
    sweep(grid_text)
    with mounted(tmp_path / "results", "size=64k"):
        run = command("run")
    assert run.code == USER_ERROR, run.output
    assert "disk: no room" in run.output
    assert is_readable(run.output), run.output


def fill(path):
    """Write a file until the disk is full."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


@pytest.mark.usefixtures("root")
def test_a_disk_that_fills_up_is_reported_and_the_sweep_continues(
    sweep, grid_text, begin, command, undisturbed, tmp_path
):
    records = sweep(grid_text.replace("epochs: 3", "epochs: 200"))
    filler = tmp_path / "results" / "filler"
    with mounted(tmp_path / "results", "size=64m"):
        with begin("run") as run:
            assert run.wait_until(has_begun(records))
            fill(filler)
            ended = run.end(PATIENCE)
        assert ended.code in (USER_ERROR, INCOMPLETE, FAILED), ended.output
        assert "No space left on device" in ended.output
        assert "make room" in ended.output or "free some space" in ended.output
        assert is_readable(ended.output), ended.output
        for name in records.finished():
            assert records.numbers(name)[1] == undisturbed(records.trials[name])

        filler.unlink()
        again = command("run")
        assert again.code == COMPLETE, again.output
        assert differing_trials(records, undisturbed) == []


@pytest.mark.usefixtures("root")
def test_a_read_only_storage_is_reported_before_the_sweep(sweep, grid_text, command, tmp_path):
    sweep(grid_text)
    with mounted(tmp_path / "results", "ro"):
        run = command("run")
    assert run.code == USER_ERROR, run.output
    assert re.search("read-only|cannot be written", run.output, re.IGNORECASE)
    assert "results" in run.output
    assert is_readable(run.output), run.output


def execute(records, start, *names):
    """Run these trials in this process until they end."""
    for name in names:
        execution = start(records.trials[name])
        while execution.advance() is not None:
            pass


def interrupt(records, start, name):
    """Leave a trial as if its worker had died after two epochs and a checkpoint of the second."""
    execution = start(records.trials[name], checkpoint_interval=0.0)
    execution.advance()
    execution.advance()


def cut(path):
    """Remove the second half of a file, as a power cut may do."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_unreadable_records_are_quarantined_and_computed_again(
    sweep, grid_text, start, command, undisturbed
):
    records = sweep(grid_text.replace("seeds: 2", "seeds: 4"))
    cut_result, empty_result, cut_checkpoint, empty_checkpoint, cut_metrics, *intact = (
        records.trials
    )
    execute(records, start, cut_result, empty_result, *intact)
    for name in (cut_checkpoint, empty_checkpoint, cut_metrics):
        interrupt(records, start, name)
    cut(records.folder(cut_result) / "result.json")
    (records.folder(empty_result) / "result.json").write_bytes(b"")
    cut(records.folder(cut_checkpoint) / "checkpoint.pt")
    (records.folder(empty_checkpoint) / "checkpoint.pt").write_bytes(b"")
    cut(records.folder(cut_metrics) / "metrics.jsonl")
    before = {name: entry for name, entry in records.finished().items() if name in intact}

    run = command("run")
    assert run.code == COMPLETE, run.output
    assert is_readable(run.output), run.output
    for name in (cut_result, empty_result):
        assert name in run.output
        assert "quarantine" in run.output
        assert list(records.folder(name).glob("quarantine/**/result.json*"))
    assert not run_twice(before, records.finished())
    assert differing_trials(records, undisturbed) == []


def test_unreadable_epochs_of_a_finished_trial_are_reported(
    sweep, grid_text, start, command, undisturbed
):
    records = sweep(grid_text)
    damaged, *_ = records.trials
    execute(records, start, *records.trials)
    path = records.folder(damaged) / "metrics.jsonl"
    path.write_text("not a record\n" + path.read_text())
    run = command("run")
    assert damaged in run.output
    assert is_readable(run.output), run.output
    assert run.code in (COMPLETE, USER_ERROR), run.output


def test_a_second_run_on_the_same_records_is_refused(sweep, grid_text, begin, command, undisturbed):
    records = sweep(grid_text.replace("epochs: 3", "epochs: 200"))
    with begin("run") as first:
        assert first.wait_until(has_begun(records))
        second = command("run")
        still_running = first.running
        ended = first.end(PATIENCE)
    assert ended.code == COMPLETE, ended.output
    assert still_running, "the second run must start during the first"
    assert second.code == USER_ERROR, second.output
    assert str(first.process.pid) in second.output
    assert socket.gethostname() in second.output
    assert len(second.output.strip().splitlines()) == 1, second.output
    assert records.started_again() == []
    assert differing_trials(records, undisturbed) == []
    # A run after the end of the first is not refused.
    assert command("run").code == COMPLETE


def test_a_killed_run_does_not_hold_the_lock(sweep, grid_text, begin, command):
    sweep(grid_text.replace("seeds: 2", "seeds: 1"))
    with begin("run") as first:
        # Kill the run as soon as it may hold the lock.
        first.wait_until(lambda: bool(list(first.folder.glob("results/sweep/*"))))
        first.process.send_signal(signal.SIGKILL)
        first.end(PATIENCE)
    run = command("run")
    assert run.code == COMPLETE, run.output


def test_a_grid_that_is_edited_during_a_run_affects_only_the_next_run(
    sweep, grid_text, begin, command, undisturbed, tmp_path
):
    records = sweep(grid_text)
    with begin("run") as first:
        assert first.wait_until(has_begun(records))
        (tmp_path / "grid.yaml").write_text(grid_text.replace("seeds: 2", "seeds: 3"))
        ended = first.end(PATIENCE)
    assert ended.code == COMPLETE, ended.output
    assert "4 of 4 trials are done" in ended.output
    assert (records.store.root / "grid.yaml").read_text() == grid_text
    before = records.finished()
    again = command("run")
    assert again.code == COMPLETE, again.output
    assert "6 of 6 trials are done" in again.output
    assert "2 ran now" in again.output
    assert not run_twice(before, records.finished())
    assert differing_trials(records, undisturbed) == []


def test_records_of_another_code_version_are_kept_and_the_table_reports_it(
    sweep, grid_text, start, command
):
    records = sweep(grid_text)
    first, second, *_ = records.trials
    execute(records, start, first, second)
    before = records.finished()
    run = command("run")
    assert run.code == COMPLETE, run.output
    assert "2 ran now" in run.output
    assert records.finished() | before == records.finished()
    table = (records.store.tables_folder / "tables.md").read_text()
    assert "Mixes 2 code versions" in table
    assert "test" in table.partition("Mixes 2 code versions")[2]
