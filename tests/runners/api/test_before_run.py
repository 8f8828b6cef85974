"""The lock of a run: whoever has it is alone with the records."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from adaloss.grid.sweep import load_sweep
from adaloss.records.store import Store
from runners.api.before_run import locked, set_aside
from runners.on_ray.processes import MARK, mark_of


@pytest.mark.skipif(not Path("/proc").exists(), reason="only Linux shows the processes")
def test_workers_of_a_killed_run_have_ended_when_it_is_taken(grid, tmp_path):
    store = Store(tmp_path / "results" / "small")
    worker = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"],
        env=os.environ | {MARK: mark_of(store.root)},
    )
    try:
        with locked(load_sweep(grid), store, pytest.fail):
            assert worker.poll() is not None
    finally:
        worker.kill()
        worker.wait()


def test_what_was_set_aside_is_put_back_unless_the_trial_began_again(finished, grid):
    first, second, *_ = load_sweep(grid).trials
    before = finished.read_result(first)

    def begin_and_fail():
        with set_aside((first, second), finished):
            finished.append_metrics(second, before.last)
            raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        begin_and_fail()
    assert finished.read_result(first) == before
    assert len(finished.read_metrics(first)) == 2
    assert not finished.trial_folder(first).joinpath("attempts", "1").exists()
    assert finished.read_result(second) is None
    assert finished.trial_folder(second).joinpath("attempts", "1", "result.json").exists()
