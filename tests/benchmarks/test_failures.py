"""A benchmark whose trials or programs fail has no figure, and says why."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from adaloss.tasks.images.fields import ImageTrial

NOWHERE = "nowhere:Net"


@pytest.fixture
def _without_ray(monkeypatch):
    """Trials run in this process."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "runners"))
    here = importlib.import_module("without_ray")
    monkeypatch.setitem(sys.modules, "runners.on_ray.trials", here)


@pytest.mark.usefixtures("_without_ray")
def test_failed_trials_have_no_overhead(load, tmp_path):
    trials = [
        ImageTrial(
            dataset="digits", model=NOWHERE, optimizer="adaloss",
            seed=seed, lr=1, epochs=1, batch_size=32,
        )
        for seed in range(3)
    ]  # fmt: skip
    with pytest.raises(SystemExit, match=r"seed0 failed: .*nowhere"):
        load("runner_overhead").runner_overhead(trials, 1, tmp_path)


@pytest.mark.usefixtures("_without_ray")
def test_a_mirror_of_failed_trials_takes_no_time(load, monkeypatch, tmp_path):
    tracking = load("tracking_overhead")
    monkeypatch.setattr(tracking, "GRID", tracking.GRID.replace("mlp", f"'{NOWHERE}'"))
    with pytest.raises(SystemExit, match="nowhere"):
        tracking.with_mirror(tracking.OFF, 2, tmp_path)


def test_a_script_says_why_it_failed(load, tmp_path, capfd):
    (tmp_path / "train.py").write_text("raise SystemExit('the disk is full')\n")
    with pytest.raises(subprocess.CalledProcessError):
        load("programs").by_hand(tmp_path, 0)
    assert "the disk is full" in capfd.readouterr().err
