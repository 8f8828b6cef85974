"""A sweep whose results are at s3://…: run on one machine, read and continued on another."""

import json
import subprocess
import sys

import pytest
from fsspec.core import url_to_fs
from patience import until

import analysis

pytestmark = pytest.mark.slow


@pytest.fixture
def on_machine(command, tmp_path, monkeypatch):
    """The command on a machine of this name, which has nothing but the grid."""
    monkeypatch.setenv("WANDB_MODE", "disabled")

    def use(name):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))
        return command

    return use


def test_a_sweep_is_begun_here_and_finished_there(bucket, on_machine, grid):
    here = on_machine("here")
    begun = here("run", grid, "--storage", f"{bucket}/all", "--limit", "3", "--no-figures")
    assert begun.returncode == 3, begun.stderr
    assert f"Results: {bucket}/all/small" in begun.stderr
    assert f"--storage {bucket}/all" in begun.stderr

    there = on_machine("there")
    plan = there("plan", grid, "--storage", f"{bucket}/all", "--json")
    assert json.loads(plan.stdout)["missing"] == 5
    ended = there("run", grid, "--storage", f"{bucket}/all")
    assert ended.returncode == 0, ended.stderr
    assert "8 of 8 trials are done" in ended.stderr
    assert "0 failed); 5 ran now" in ended.stderr

    here = on_machine("here")
    table = here("table", f"{bucket}/all/small")
    assert table.returncode == 0, table.stderr
    assert table.stdout.split("Code version")[0] in ended.stdout
    status = on_machine("third")("status", grid, "--storage", f"{bucket}/all", "--json")
    assert json.loads(status.stdout)["missing"] == 0
    assert set(analysis.load(f"{bucket}/all/small")["state"]) <= {"complete", "diverged"}


def test_what_is_wrong_with_a_storage_is_said(bucket, on_machine, grid, monkeypatch):
    here = on_machine("here")
    absent = here("status", "s3://no-such-bucket/x")
    assert absent.returncode == 2
    assert "s3://no-such-bucket/x" in absent.stderr
    assert "Traceback" not in absent.stderr
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    unreachable = here("run", grid, "--storage", f"{bucket}/all")
    assert unreachable.returncode == 2
    assert f"{bucket}/all/small cannot be used: " in unreachable.stderr
    assert "check the address, the credentials and the network" in unreachable.stderr
    assert "Traceback" not in unreachable.stderr


def test_two_runs_do_not_write_to_the_same_results(bucket, on_machine, grid):
    """The second waits for a sign of life of the first, gets one, and starts nothing."""
    on_machine("here")
    grid.write_text(grid.read_text().replace("epochs: 2", "epochs: 2000"))
    words = ("run", str(grid), "--storage", f"{bucket}/all", "--no-figures")
    first = subprocess.Popen(
        [sys.executable, "-m", "adaloss_sweep", *words],
        stderr=subprocess.PIPE, text=True, cwd=grid.parent,
    )  # fmt: skip
    system, path = url_to_fs(f"{bucket}/all/small/.lease.json")

    def is_held():
        system.invalidate_cache()
        return system.exists(path)

    try:
        until(is_held)
        second = on_machine("there")("run", grid, "--storage", f"{bucket}/all")
        assert second.returncode == 2, second.stderr
        assert "is in use by process" in second.stderr
    finally:
        first.terminate()
        first.communicate()
