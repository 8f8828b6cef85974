"""Ray that cannot start: one sentence with what to do, exit code 2, and nothing left running."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from patience import PATIENCE

from adaloss.records.places import NOWHERE
from runners.on_ray.end_message import KILLED

USER_ERROR = 2


def refused(run):
    """What is said of a run that is the user's to mend, in its last line."""
    assert run.returncode == USER_ERROR, run.stderr
    assert "Traceback" not in run.stderr
    return run.stderr.splitlines()[-1]


@pytest.fixture
def run(grid, command, tmp_path, monkeypatch):
    """``adaloss-sweep run`` with these variables."""

    def start(before=(), **variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))
        words = ("run", grid, "--wandb", "disabled", "--no-figures")
        if not before and "RAY_ADDRESS" not in variables:
            return command(*words)
        return subprocess.run(
            [*before, sys.executable, "-m", "runners", *words],
            cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip

    return start


@pytest.fixture
def short_folder():
    """A folder with a path that leaves room for Ray's sockets in it."""
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.0.0.1:1", "Connection refused"),
        # Without a network it is a temporary failure.
        ("nowhere.invalid:6379", "(not known|Temporary failure in name resolution)"),
        ("nonsense", "Invalid address format"),
    ],
)
def test_a_cluster_that_cannot_be_joined(run, address, why):
    printed = refused(run(RAY_ADDRESS=address))
    assert f"Ray cannot join the cluster at RAY_ADDRESS {address}: " in printed
    assert re.search(why, printed)
    assert "unset it to run on this machine" in printed


def test_a_folder_that_ray_cannot_make_its_own_in(run, short_folder):
    (short_folder / "ray").touch()
    printed = refused(run(RAY_TMPDIR=short_folder))
    assert "Ray does not start: " in printed
    assert f"Ray writes its files to {short_folder / 'ray'}" in printed
    assert "set RAY_TMPDIR to another short path" in printed


def test_a_path_too_long_for_a_socket(run, tmp_path):
    printed = refused(run(RAY_TMPDIR=tmp_path / ("long" * 30)))
    assert "the limit for sockets is 10" in printed
    assert "set RAY_TMPDIR to a folder with a short path" in printed


FULL = 'mount -t tmpfs -o size=400m,nr_inodes=6 tmpfs "$RAY_TMPDIR" && exec "$@"'


@pytest.mark.slow
def test_a_disk_that_is_full(run, short_folder):
    own_mounts = ["unshare", "--map-root-user", "--mount"]
    if not shutil.which("unshare") or subprocess.run([*own_mounts, "true"], check=False).returncode:
        pytest.skip("this machine gives its users no file systems of their own")
    printed = refused(run([*own_mounts, "sh", "-c", FULL, "sh"], RAY_TMPDIR=short_folder))
    assert "Ray does not start: [Errno 28] No space left on device" in printed
    assert "make sure that there is space" in printed


@pytest.mark.slow
def test_a_client_address_is_refused_with_what_to_give_instead(run):
    printed = refused(run(RAY_ADDRESS="ray://127.0.0.1:10001"))
    assert "sweeps do not support" in printed
    assert "host:6379" in printed


@pytest.fixture
def slow_starts(monkeypatch):
    """Let Ray's next so many starts take too long, as when one of its servers has died."""
    from runners.on_ray import session

    def let(number, why="The current node timed out during startup. It may be busy."):
        tried = []

        def init(**options):
            tried.append(options)
            if len(tried) <= number:
                raise RuntimeError(why)

        monkeypatch.delenv("RAY_ADDRESS", raising=False)
        monkeypatch.setattr(session.ray, "init", init)
        monkeypatch.setattr(session.ray, "shutdown", lambda: None)
        return tried

    return let


def settings():
    from runners.trials.machine import WorkerSettings

    return WorkerSettings(
        places=NOWHERE, cpus=1, gpus=0, workers=1, retries=0, max_failed=None, timeout=None,
        checkpoint_interval=60, keep_checkpoints=False,
    )  # fmt: skip


def started(interrupts=()):
    from runners.on_ray.processes import RayProcesses
    from runners.on_ray.session import start_ray_with_retry

    start_ray_with_retry(settings(), RayProcesses(b"no process has this mark"), interrupts)


@pytest.mark.parametrize(
    "why", ["The current node timed out during startup.", "Timed out waiting for file gcs_port"]
)
def test_a_start_that_takes_too_long_is_tried_once_more(slow_starts, why):
    tried = slow_starts(1, why)
    started()
    assert len(tried) == 2


def test_there_is_no_second_start_for_who_wants_to_stop(slow_starts):
    tried = slow_starts(1)
    started(interrupts=[2])
    assert len(tried) == 1


def test_a_second_start_that_takes_too_long_is_told(slow_starts):
    from runners.on_ray.session import RayStartError

    tried = slow_starts(9)
    with pytest.raises(RayStartError, match="Ray does not start: The current node timed out"):
        started()
    assert len(tried) == 2


def test_a_ctrl_c_as_ray_ends_waits_until_it_has(slow_starts, monkeypatch, tmp_path):
    from runners.on_ray import session
    from runners.trials.timeline import Timeline

    slow_starts(0)
    steps = []

    def shutdown():
        for step in range(3):
            os.kill(os.getpid(), signal.SIGINT)
            steps.append(step)

    monkeypatch.setattr(session.ray, "shutdown", shutdown)
    with pytest.raises(KeyboardInterrupt), session.ray_running(tmp_path, settings(), Timeline()):
        pass
    assert steps == [0, 1, 2]


RAYLET_DIES = """
import os, signal, sys
import ray._private.worker as worker
from runners.on_ray.processes import RayProcesses
from runners.cli.app import main

join = worker.connect

def join_the_dead(*given, **named):
    mark = f"ADALOSS_SWEEP_RAY={os.environ['ADALOSS_SWEEP_RAY']}".encode()
    raylet = RayProcesses(mark).servers()["raylet"]
    os.kill(int(raylet.name), signal.SIGKILL)
    return join(*given, **named)

worker.connect = join_the_dead
main()
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds the raylet in /proc")
def test_a_raylet_that_dies_as_the_command_joins_it_is_told_of(grid, tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", RAYLET_DIES, "run", grid, "--wandb", "disabled", "--no-figures"],
        cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    # The code is Ray's, which ends this process from C++.
    assert run.returncode == 1, run.stderr
    assert run.stderr.splitlines()[-1] == KILLED
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("gpus", [0, 1])
def test_tune_is_adapted_to_trials_that_use_only_cpus(slow_starts, monkeypatch, tmp_path, gpus):
    from runners.on_ray import session
    from runners.trials.timeline import Timeline

    slow_starts(0)
    calls = []

    def adapted_tune(**options):
        calls.append(options)
        return nullcontext()

    monkeypatch.setattr(session, "adapted_tune", adapted_tune)
    with session.ray_running(tmp_path, replace(settings(), gpus=gpus), Timeline()):
        pass
    assert calls == [{"on_cluster": False, "only_cpus": gpus == 0}]
