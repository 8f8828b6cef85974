"""Workers on processors allocate with the jemalloc that Ray brings along; the user may choose."""

import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest
from patience import PATIENCE

pytest.importorskip("ray")

from runners.on_ray import session
from runners.on_ray.allocator import USERS_OWN, VARIABLES, workers_with_jemalloc
from runners.worker_settings import WorkerSettings


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch):
    for name in ("RAY_ADDRESS", *USERS_OWN):
        monkeypatch.delenv(name, raising=False)


def settings(gpus):
    return WorkerSettings(
        data_root="", cpus=1, gpus=gpus, workers=1, retries=0, max_failed=None, timeout=None,
        checkpoint_interval=60, keep_checkpoints=False,
    )  # fmt: skip


def told():
    return {name: os.environ[name] for name in VARIABLES if name in os.environ}


def told_while_ray_starts(gpus):
    with session.allocator_for(settings(gpus)):
        return told()


def test_it_is_told_while_ray_starts_and_not_after():
    with workers_with_jemalloc():
        assert told() == VARIABLES
    assert not told()


@pytest.mark.parametrize("name", USERS_OWN)
def test_who_has_chosen_an_allocator_keeps_it(monkeypatch, name):
    monkeypatch.setenv(name, "")
    with workers_with_jemalloc():
        assert told() == ({name: ""} if name in VARIABLES else {})
    assert name in os.environ


@pytest.mark.parametrize(("gpus", "there"), [(0, 0), (0, 2), (None, 0)])
def test_on_processors(gpus, there):
    with patch.object(session, "visible_gpus", lambda: there):
        assert told_while_ray_starts(gpus) == VARIABLES


@pytest.mark.parametrize("gpus", [None, 0.5])
def test_with_gpus_it_is_the_systems(gpus):
    with patch.object(session, "visible_gpus", lambda: 2):
        assert not told_while_ray_starts(gpus)


def test_a_cluster_is_not_ours_to_tell(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    assert not told_while_ray_starts(0)


LOOKS_INTO_A_WORKER = """
import sys
from pathlib import Path

import ray
from ray._private.services import JEMALLOC_SO

from runners.on_ray.session import ray_running
from runners.timeline import Timeline
from runners.worker_settings import WorkerSettings

@ray.remote
def mapped():
    return Path("/proc/self/maps").read_text()

settings = WorkerSettings(
    data_root="", cpus=1, gpus=0, workers=1, retries=0, max_failed=None, timeout=None,
    checkpoint_interval=60, keep_checkpoints=False,
)
with ray_running(Path.cwd(), settings, Timeline()):
    print(JEMALLOC_SO in ray.get(mapped.remote()))
"""


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks into /proc")
@pytest.mark.parametrize("wanted", [True, False])
def test_a_worker_has_it_unless_the_user_says_no(monkeypatch, tmp_path, wanted):
    from ray._private.services import JEMALLOC_SO

    if JEMALLOC_SO is None:
        pytest.skip(f"Ray has no jemalloc for {sys.platform}")
    if not wanted:
        monkeypatch.setenv("RAY_LD_PRELOAD_ON_WORKERS", "0")
    run = subprocess.run(
        [sys.executable, "-c", LOOKS_INTO_A_WORKER],
        cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=True,
    )  # fmt: skip
    assert run.stdout.split() == [str(wanted)]
