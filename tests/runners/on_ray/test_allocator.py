"""Workers on processors allocate with the jemalloc that Ray brings along; the user may choose."""

import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest
from patience import PATIENCE

pytest.importorskip("ray")

from adaloss.records.places import NOWHERE
from runners.on_ray import session
from runners.on_ray.allocator import USER_VARIABLES, VARIABLES, workers_with_jemalloc
from runners.trials.machine import WorkerSettings
from runners.trials.timeline import Timeline


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch):
    for name in ("RAY_ADDRESS", *USER_VARIABLES):
        monkeypatch.delenv(name, raising=False)


def settings(gpus):
    return WorkerSettings(
        places=NOWHERE, cpus=1, gpus=gpus, workers=1, retries=0, max_failed=None, timeout=None,
        checkpoint_interval=60, keep_checkpoints=False,
    )  # fmt: skip


def allocator_variables():
    return {name: os.environ[name] for name in VARIABLES if name in os.environ}


def test_no_variable_is_set_after_a_start_that_failed():
    with pytest.raises(ConnectionError), workers_with_jemalloc():
        raise ConnectionError
    assert not allocator_variables()


def test_the_variables_are_set_only_while_ray_starts():
    with workers_with_jemalloc():
        assert allocator_variables() == VARIABLES
    assert not allocator_variables()


@pytest.mark.parametrize("name", USER_VARIABLES)
def test_who_has_chosen_an_allocator_keeps_it(monkeypatch, name):
    monkeypatch.setenv(name, "")
    with workers_with_jemalloc():
        assert allocator_variables() == ({name: ""} if name in VARIABLES else {})
    assert name in os.environ


@pytest.mark.parametrize(
    ("gpus", "nvidias", "amd", "alone"),
    [
        (0, 0, False, True),
        (0, 2, False, True),
        (None, 0, False, True),
        (None, 2, False, False),
        (None, 0, True, False),
        # Ray knows of GPUs that are not looked for here.
        (0.5, 0, False, False),
        (0.5, 2, False, False),
    ],
)
def test_trials_run_uses_only_cpus_where_none_may_have_a_gpu(tmp_path, gpus, nvidias, amd, alone):
    device = tmp_path if amd else tmp_path / "none"
    with (
        patch.object(session, "visible_gpus", lambda: nvidias),
        patch.object(session, "AMD_DEVICE", device),
    ):
        assert session.uses_only_cpus(settings(gpus)) is alone


@pytest.mark.parametrize("alone", [True, False])
def test_workers_with_gpus_have_the_systems_allocator(monkeypatch, tmp_path, alone):
    as_ray_starts = []

    def start(*arguments):
        as_ray_starts.append(allocator_variables())
        raise session.RayStartError("enough")

    monkeypatch.setattr(session, "uses_only_cpus", lambda _: alone)
    monkeypatch.setattr(session, "start_ray_with_retry", start)
    with (
        pytest.raises(session.RayStartError, match="enough"),
        session.ray_running(tmp_path, settings(0), Timeline()),
    ):
        pytest.fail("started")
    assert as_ray_starts == [VARIABLES if alone else {}]


def test_on_a_cluster_there_may_be_gpus(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    assert not session.uses_only_cpus(settings(0))


LOOKS_INTO_A_WORKER = """
import os
from pathlib import Path

import ray
from ray._private.services import JEMALLOC_SO

from adaloss.records.places import NOWHERE
from runners.on_ray.session import ray_running
from runners.trials.timeline import Timeline
from runners.trials.machine import WorkerSettings

@ray.remote
def worker():
    return Path("/proc/self/maps").read_text(), os.environ.get("MALLOC_CONF")

settings = WorkerSettings(
    places=NOWHERE, cpus=1, gpus=0, workers=1, retries=0, max_failed=None, timeout=None,
    checkpoint_interval=60, keep_checkpoints=False,
)
with ray_running(Path.cwd(), settings, Timeline()):
    maps, conf = ray.get(worker.remote())
    print(os.path.realpath(JEMALLOC_SO) in maps, conf, os.environ.get("MALLOC_CONF"))
"""


@pytest.mark.slow
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
    conf = VARIABLES["MALLOC_CONF"] if wanted else None
    assert run.stdout.split() == [str(wanted), str(conf), "None"]


@pytest.mark.slow
def test_its_numbers_are_those_of_the_systems_allocator(command_in, grid, tmp_path):
    text = grid.read_text().replace("mlp", "small_cnn").replace("seeds: 2", "seeds: 1")
    grid.write_text(f"{text}execution: {{max_concurrent: 1}}\n")
    command = command_in(tmp_path)
    run = command("run", grid.name, "--wandb", "disabled", "--no-figures")
    assert run.returncode == 0, run.stderr
    # This one trains in the command's own process.
    verified = command("verify", grid.name, "--sample", "all")
    assert "4 the same, 0 differ" in verified.stdout + verified.stderr
