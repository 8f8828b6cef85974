"""Two runs on the same results never work at once, and a dead run holds nothing."""

import os
import subprocess
import sys

import pytest

from runners.preflight.run_lock import AlreadyRunningError, only_run

HOLD = """\
import sys, time
from pathlib import Path
from adaloss.records.store import Store
from runners.preflight.run_lock import only_run
with only_run(Store(Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(store):
    """Another process that holds the results."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(store.root)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_the_second_run_is_told_who_is_at_work(store, other):
    with pytest.raises(AlreadyRunningError, match=f"process {other.pid} on "), only_run(store):
        pass


def test_a_run_that_was_killed_holds_nothing(store, other):
    other.kill()
    other.wait()
    with only_run(store):
        assert (store.root / "run.owner").read_text().startswith(f"process {os.getpid()} on ")
    assert not (store.root / "run.owner").exists()


def test_an_error_gives_the_results_back(store):
    with pytest.raises(ValueError, match="broken"), only_run(store):
        raise ValueError("broken")
    with only_run(store):
        assert (store.root / "run.owner").exists()


def test_the_command_ends_with_one_sentence(cli, grid, tmp_path):
    root = tmp_path / "results" / "small"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "held\n"
        code, _, errors = cli("run", grid)
        assert code == 2
        assert errors.startswith("adaloss-sweep: another run is using ")
        assert len(errors.splitlines()) == 1
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_single_trial_waits_its_turn_too(cli, grid, store, other):
    grid.write_text(grid.read_text().replace("name: small", "name: sweep"))
    code, _, errors = cli("trial", grid, "--only", "b0=1,optimizer=adaloss,seed=0")
    assert code == 2
    assert f"process {other.pid} on " in errors
    assert not list(store.trials_folder.glob("*"))
