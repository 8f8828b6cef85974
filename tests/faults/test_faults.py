"""One fault after the other, in real processes: named in a sentence, kept to itself, made good."""

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

# The machine counts as full once the half of this is taken beside what is now.
FOOD_BYTES = 6 * 10**9

FAULTY = '''\
"""Models that are what they should be once the file ``fault`` is gone."""

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
    def __init__(self, happens, channels, image_size, classes):
        super().__init__(nn.Flatten(), nn.Linear(channels * image_size**2, classes))
        self.happens = happens

    def forward(self, images):
        # Not where it is tried before the sweep, in a process that Python started.
        if FAULT.exists() and multiprocessing.parent_process() is None:
            self.happens()
        return super().forward(images)


def fail():
    raise ArithmeticError("the fault of the test")


def hang():
    """Long enough to be noticed; for ever would be a test that never fails."""
    time.sleep(40)
    FAULT.unlink(missing_ok=True)


def die_after_the_result():
    """Take the worker with it as soon as a result is on the disk, once."""
    FAULT.unlink()

    def wait_and_die():
        while not list(Path("results").glob("*/trials/faulty*/result.json")):
            time.sleep(0.0005)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=wait_and_die, daemon=True).start()


def eat():
    """More than there is, by the threshold of the test, until the worker is ended; once."""
    FAULT.unlink()
    food = bytearray(b"1") * FOOD_BYTES
    time.sleep(120)
    del food


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
    return Faulty(eat, **sizes)
'''.replace("FOOD_BYTES", f"{FOOD_BYTES}")


def with_models(grid_text, *functions, mlp=True):
    """One trial each of the mlp and of the faulty models."""
    models = ", ".join([*(["mlp"] if mlp else []), *(f'"faulty:{name}"' for name in functions)])
    return (
        grid_text.replace("model: mlp", f"model: [{models}]")
        .replace("[adaloss, sgd_constant]", "adaloss")
        .replace("seeds: 2", "seeds: 1")
    )


@pytest.fixture
def faults(tmp_path):
    """The user's module with the models, faulty until the returned file is removed."""
    (tmp_path / "faulty.py").write_text(FAULTY)
    (tmp_path / "fault").touch()
    return tmp_path / "fault"


def by_model(records):
    return {trial.model: records.store.read_result(trial) for trial in records.sweep.trials}


def disturbed(records, undisturbed):
    """The trials that are not complete with the numbers that they have without any fault."""
    return [
        name
        for name, trial in records.trials.items()
        if records.numbers(name) != (TrialState.COMPLETE, undisturbed(trial))
    ]


def begun(records):
    return lambda: any(records.store.trials_folder.glob("*/trial.json"))


def tidy(said):
    """Whether a person can read what was said: no traceback, and no screenful."""
    return "Traceback" not in said and "RayTaskError" not in said


def test_a_trial_that_raises_exits_or_crashes_fails_alone(
    sweep, grid_text, faults, command, undisturbed
):
    records = sweep(with_models(grid_text, "raises", "exits", "crashes"))
    run = command("run")
    assert run.code == FAILED, run.said
    assert tidy(run.said), run.said
    assert "ArithmeticError: the fault of the test" in run.said
    assert "adaloss-sweep retry" in run.said
    results = by_model(records)
    assert results["mlp"].state is TrialState.COMPLETE
    assert results["faulty:raises"].failure.kind is FailureKind.CODE
    assert "in forward" in results["faulty:raises"].failure.traceback
    for name in ("faulty:exits", "faulty:crashes"):
        assert results[name].failure.kind is FailureKind.WORKER_LOST
        line = next(line for line in run.said.splitlines() if name.replace(":", "_") in line)
        assert "worker lost: its worker died" in line

    faults.unlink()
    before = {name: entry for name, entry in records.finished().items() if not entry.failed}
    again = command("retry")
    assert again.code == COMPLETE, again.said
    assert not run_twice(before, records.finished())
    assert disturbed(records, undisturbed) == []


def test_a_trial_that_hangs_inside_an_epoch_is_ended(
    sweep, grid_text, faults, command, undisturbed
):
    text = with_models(grid_text, "hangs").replace("retries: 0", "retries: 0, timeout: 6s")
    records = sweep(text)
    run = command("run")
    assert run.code == FAILED, run.said
    assert faults.exists(), "the hang ended by itself"
    assert tidy(run.said), run.said
    results = by_model(records)
    assert results["mlp"].state is TrialState.COMPLETE
    assert results["faulty:hangs"].failure.kind is FailureKind.TIMEOUT
    assert "execution.timeout" in run.said

    faults.unlink()
    assert command("retry").code == COMPLETE
    assert disturbed(records, undisturbed) == []


def test_a_worker_that_dies_after_its_result_does_not_run_the_trial_twice(
    sweep, grid_text, faults, command, undisturbed
):
    records = sweep(with_models(grid_text, "dies", mlp=False).replace("retries: 0", "retries: 2"))
    run = command("run")
    assert run.code == COMPLETE, run.said
    assert not faults.exists()
    assert records.started_again() == []
    assert disturbed(records, undisturbed) == []


@pytest.fixture
def full_soon(monkeypatch):
    """Ray counts the machine's memory as full when something takes ``FOOD_BYTES``."""
    fields = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    total, available = (
        1024 * int(fields[name].split()[0]) for name in ("MemTotal", "MemAvailable")
    )
    if available < 2 * FOOD_BYTES:
        pytest.skip("too little memory is free here to take some away")
    threshold = (total - available + FOOD_BYTES / 2) / total
    monkeypatch.setenv("RAY_memory_usage_threshold", f"{threshold:.4f}")
    monkeypatch.setenv("RAY_memory_monitor_refresh_ms", "100")


@pytest.mark.usefixtures("full_soon")
def test_a_worker_that_ray_ends_for_lack_of_memory_ends_no_sweep(
    sweep, grid_text, faults, command, undisturbed
):
    records = sweep(with_models(grid_text, "eats").replace("retries: 0", "retries: 2"))
    run = command("run")
    assert run.code == COMPLETE, run.said
    assert tidy(run.said), run.said
    assert "the machine was running out of memory" in run.said
    assert "alone, in 2 s (retry 1 of 2)" in run.said
    assert disturbed(records, undisturbed) == []


def mounted(folder, *options):
    """A small file system of its own in the folder, until the context ends."""

    @contextlib.contextmanager
    def context():
        folder.mkdir()
        arguments = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)]
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
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
def test_a_disk_without_room_is_named_at_once(sweep, grid_text, command, tmp_path):
    sweep(grid_text)
    with mounted(tmp_path / "results", "size=64k"):
        run = command("run")
    assert run.code == USER_ERROR, run.said
    assert "disk: no room" in run.said
    assert tidy(run.said), run.said


def fill(path):
    """Write a file until there is no room for more."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


@pytest.mark.usefixtures("root")
def test_a_disk_that_fills_up_is_named_and_made_good(
    sweep, grid_text, begin, command, undisturbed, tmp_path
):
    records = sweep(grid_text.replace("epochs: 3", "epochs: 200"))
    filler = tmp_path / "results" / "filler"
    with mounted(tmp_path / "results", "size=64m"):
        with begin("run") as run:
            assert run.wait_until(begun(records))
            fill(filler)
            ended = run.end(PATIENCE)
        assert ended.code in (USER_ERROR, INCOMPLETE, FAILED), ended.said
        assert "No space left on device" in ended.said
        assert "make room" in ended.said
        assert tidy(ended.said), ended.said
        for name in records.finished():
            assert records.numbers(name)[1] == undisturbed(records.trials[name])

        filler.unlink()
        again = command("run")
        assert again.code == COMPLETE, again.said
        assert disturbed(records, undisturbed) == []


@pytest.mark.usefixtures("root")
def test_a_storage_that_cannot_be_written_is_named_at_once(sweep, grid_text, command, tmp_path):
    sweep(grid_text)
    with mounted(tmp_path / "results", "ro"):
        run = command("run")
    assert run.code == USER_ERROR, run.said
    assert re.search("read-only|cannot be written", run.said, re.IGNORECASE)
    assert "results" in run.said
    assert tidy(run.said), run.said


def execute(records, start, *names):
    """Run these trials here, to their end."""
    for name in names:
        execution = start(records.trials[name])
        while execution.advance() is not None:
            pass


def interrupt(records, start, name):
    """A trial as its worker's death leaves it after two epochs, the second in its checkpoint."""
    execution = start(records.trials[name], checkpoint_interval=0.0)
    execution.advance()
    execution.advance()


def cut(path):
    """Lose the second half of a file, as in a power cut."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_records_that_became_unreadable_are_set_aside_and_made_anew(
    sweep, grid_text, start, command, undisturbed
):
    records = sweep(grid_text.replace("seeds: 2", "seeds: 4"))
    cut_result, empty_result, cut_checkpoint, empty_checkpoint, cut_metrics, *fine = records.trials
    execute(records, start, cut_result, empty_result, *fine)
    for name in (cut_checkpoint, empty_checkpoint, cut_metrics):
        interrupt(records, start, name)
    cut(records.folder(cut_result) / "result.json")
    (records.folder(empty_result) / "result.json").write_bytes(b"")
    cut(records.folder(cut_checkpoint) / "checkpoint.pt")
    (records.folder(empty_checkpoint) / "checkpoint.pt").write_bytes(b"")
    cut(records.folder(cut_metrics) / "metrics.jsonl")
    before = {name: entry for name, entry in records.finished().items() if name in fine}

    run = command("run")
    assert run.code == COMPLETE, run.said
    assert tidy(run.said), run.said
    for name in (cut_result, empty_result):
        assert name in run.said
        assert "quarantine" in run.said
        assert list(records.folder(name).glob("quarantine/**/result.json*"))
    assert not run_twice(before, records.finished())
    assert disturbed(records, undisturbed) == []


def test_epochs_of_a_finished_trial_that_became_unreadable_are_named(
    sweep, grid_text, start, command, undisturbed
):
    records = sweep(grid_text)
    broken, *_ = records.trials
    execute(records, start, *records.trials)
    path = records.folder(broken) / "metrics.jsonl"
    path.write_text("not a record\n" + path.read_text())
    run = command("run")
    assert broken in run.said
    assert tidy(run.said), run.said
    assert run.code in (COMPLETE, USER_ERROR), run.said


def test_a_second_run_on_the_same_records_is_refused(sweep, grid_text, begin, command, undisturbed):
    records = sweep(grid_text.replace("epochs: 3", "epochs: 200"))
    with begin("run") as first:
        assert first.wait_until(begun(records))
        second = command("run")
        still_running = first.running
        ended = first.end(PATIENCE)
    assert ended.code == COMPLETE, ended.said
    assert still_running, "the second was to run beside the first"
    assert second.code == USER_ERROR, second.said
    assert str(first.process.pid) in second.said
    assert socket.gethostname() in second.said
    assert len(second.said.strip().splitlines()) == 1, second.said
    assert records.started_again() == []
    assert disturbed(records, undisturbed) == []
    # The end of the first is the end of the refusal.
    assert command("run").code == COMPLETE


def test_a_run_that_was_killed_does_not_lock_anybody_out(sweep, grid_text, begin, command):
    sweep(grid_text.replace("seeds: 2", "seeds: 1"))
    with begin("run") as first:
        # Where the run holds what is to keep others out, whenever that is.
        first.wait_until(lambda: bool(list(first.folder.glob("results/sweep/*"))))
        first.process.send_signal(signal.SIGKILL)
        first.end(PATIENCE)
    run = command("run")
    assert run.code == COMPLETE, run.said


def test_a_grid_that_is_edited_while_it_runs_counts_for_the_next_run(
    sweep, grid_text, begin, command, undisturbed, tmp_path
):
    records = sweep(grid_text)
    with begin("run") as first:
        assert first.wait_until(begun(records))
        (tmp_path / "grid.yaml").write_text(grid_text.replace("seeds: 2", "seeds: 3"))
        ended = first.end(PATIENCE)
    assert ended.code == COMPLETE, ended.said
    assert "4 of 4 trials are done" in ended.said
    assert (records.store.root / "grid.yaml").read_text() == grid_text
    before = records.finished()
    again = command("run")
    assert again.code == COMPLETE, again.said
    assert "6 of 6 trials are done" in again.said
    assert "2 ran now" in again.said
    assert not run_twice(before, records.finished())
    assert disturbed(records, undisturbed) == []


def test_records_of_another_code_version_stay_and_the_table_says_so(
    sweep, grid_text, start, command
):
    records = sweep(grid_text)
    first, second, *_ = records.trials
    execute(records, start, first, second)
    before = records.finished()
    run = command("run")
    assert run.code == COMPLETE, run.said
    assert "2 ran now" in run.said
    assert records.finished() | before == records.finished()
    table = (records.store.tables_folder / "tables.md").read_text()
    assert "Mixes 2 code versions" in table
    assert "test" in table.partition("Mixes 2 code versions")[2]
