"""GPUs are counted as Ray counts them, and asked for only where they are."""

import shutil
import subprocess
from pathlib import Path

import pytest
from findings_of_checks import FINE, REFUSED

from adaloss.grid.sweep import load_sweep
from adaloss.records.store import Store
from runners.preflight import checks
from runners.preflight.machine import gpus
from runners.preflight.planned import Planned

pytestmark = pytest.mark.usefixtures("a_machine_of_its_own")

DRIVER = """
int nvmlInit_v2(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 4; return 0; }
int nvmlShutdown(void) { return 0; }
"""


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    """A library that answers as NVIDIA's driver does on a machine with four GPUs."""
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler to make a driver's double with")
    folder = tmp_path_factory.mktemp("driver")
    (folder / "driver.c").write_text(DRIVER)
    library = folder / "libdouble.so"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-o", str(library), str(folder / "driver.c")], check=True
    )
    return str(library)


@pytest.mark.parametrize(
    ("visible", "count"), [(None, 4), ("0,2", 2), ("", 0), ("-1", 0), ("0,1,2,3,4,5", 4)]
)
def test_gpus_are_counted_as_ray_counts_them(driver, monkeypatch, visible, count):
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpus.visible_gpus(driver) == count


def test_without_a_driver_there_are_no_gpus():
    assert gpus.visible_gpus("libthereisnone.so.1") == 0


@pytest.mark.parametrize(
    ("wanted", "there", "level"),
    [("auto", 0, FINE), (0.0, 0, FINE), (0.5, 0, REFUSED), (2.0, 1, REFUSED), (2.0, 2, FINE)],
)
def test_a_gpu_that_does_not_exist_is_refused(wanted, there, level, monkeypatch):
    monkeypatch.setattr(gpus, "AMD_DEVICE", Path("/nowhere"))
    monkeypatch.setattr(gpus, "version", lambda _: "2.15.0")
    finding = gpus.gpu_request(wanted, there)
    assert finding.level is level
    if level is REFUSED:
        assert f"a trial asks for {wanted:g}, and this machine has {there}" in finding.found


def test_a_cluster_counts_its_own_gpus(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    finding = gpus.gpu_request(8.0, 0)
    assert (finding.level, "Ray counts" in finding.found) == (FINE, True)


def test_a_torch_for_processors_cannot_use_a_gpu(monkeypatch):
    monkeypatch.setattr(gpus, "version", lambda _: "2.15.0+cpu")
    assert gpus.gpu_request("auto", 1).level is REFUSED
    assert gpus.gpu_request(0.0, 1).level is FINE
    assert gpus.gpu_request("auto", 0).level is FINE


def test_a_script_needs_no_torch_to_use_a_gpu(monkeypatch, tmp_path):
    monkeypatch.setattr(gpus, "version", lambda _: "2.15.0+cpu")
    monkeypatch.setattr(checks, "visible_gpus", lambda: 1)
    for program, level in (("train.py", FINE), ("train.py:train", REFUSED)):
        (tmp_path / "train.py").write_text("def train(trial): ...\n")
        (tmp_path / "grid.yaml").write_text(
            f"name: own\nprogram: {program}\nmetric: {{name: loss}}\nparameters: {{lr: [1]}}\n"
        )
        sweep = load_sweep(tmp_path / "grid.yaml")
        store = Store(tmp_path / "results" / "own")
        planned = Planned(sweep=sweep, trials=sweep.trials, store=store, mode="disabled")
        (found,) = [each for each in checks.sweep_findings(planned) if each.about == gpus.ABOUT]
        assert found.level is level
