"""What is looked at before a sweep starts: refused with all the reasons, or told, or fine."""

import subprocess
import sys
from pathlib import Path

import pytest
from findings_of_checks import REFUSED, about

from runners.preflight.checks import PreflightError, machine_findings, preflight, sweep_findings
from runners.preflight.finding import with_level

pytestmark = pytest.mark.usefixtures("a_machine_of_its_own")


def test_a_sweep_that_can_work_is_started_without_a_word(planned):
    printed = []
    preflight(planned(), printed.append)
    assert printed == []


def test_a_sweep_is_refused_with_all_reasons_at_once(planned, tmp_path):
    (tmp_path / "results").write_text("a file")
    impossible = planned(
        ("dataset: digits", "dataset: imagefolder:pets\n  image_size: 8\n  pretrained: gone.pth"),
        extra="resources: {cpu: 4096, gpu: 64}\n",
    )
    with pytest.raises(PreflightError) as refusal:
        preflight(impossible, print)
    message = str(refusal.value)
    for reason in (
        "nothing was started",
        "resources.cpu is 4096",
        "a trial asks for 64, and this machine has",
        f"results: {tmp_path / 'results' / 'small'} cannot be used: creating a folder failed",
        f"imagefolder:pets: there is no folder {tmp_path / 'pets'}",
        f"gone.pth is missing: there is no file {tmp_path / 'gone.pth'}",
    ):
        assert reason in message
    assert (tmp_path / "results").read_text() == "a file"


def test_a_warning_is_said_and_the_sweep_goes_on(planned, monkeypatch):
    monkeypatch.setattr("runners.preflight.checks.available_memory", lambda: 700_000_000)
    printed = []
    preflight(planned(), printed.append)
    (line,) = printed
    assert line.startswith("warning: memory: ")
    assert "700.0 MB are free" in line


def test_nothing_heavy_is_imported_and_no_time_is_lost():
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from adaloss.records.store import Store\n"
        "from adaloss.grid.sweep import load_sweep, resolve_grid\n"
        "from runners.preflight.planned import Planned\n"
        "from runners.preflight.checks import sweep_findings\n"
        "sweep = load_sweep(resolve_grid('paper'))\n"
        "planned = Planned(sweep=sweep, trials=sweep.trials, store=Store(Path('nowhere')),"
        " mode='auto')\n"
        "print(len(list(sweep_findings(planned))))\n"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    message = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    count, names = message.stdout.splitlines()
    assert int(count) > 10
    assert not {"torch", "ray", "wandb", "timm", "huggingface_hub", "pandas"} & set(names.split())
    assert not Path("nowhere").exists()


def test_a_clusters_machine_is_not_this_one(planned, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    findings = list(sweep_findings(planned(extra="resources: {cpu: 4096, gpu: 64}\n")))
    assert with_level(findings, REFUSED) == ()
    assert about(findings, "memory") == []
    assert "10.0.0.1:6379" in about(machine_findings(Path("results"), "disabled"), "Ray")[0].found
