"""The example in docs/ runs as it stands, on any sweep's results."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parent.parent.parent / "docs" / "example_analysis.py"


@pytest.mark.slow
def test_the_example_runs_on_the_results_of_a_sweep(records, ordinary_epoch, tmp_path):
    for optimizer in ("adaloss", "sgd_constant"):
        for b0 in (0.1, 1):
            records.cell([90.0, 91.0 + b0, 92.0], optimizer=optimizer, b0=b0)
    for trial in records.trials:
        records.store.open_trial(trial)
        for epoch in (1, 2):
            records.store.append_metrics(trial, ordinary_epoch(80.0 + epoch, epoch=epoch))
    command = [sys.executable, str(EXAMPLE), str(records.store.root)]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "Test loss (nats) after epoch 2, mean±standard error" in ran.stdout
    assert "holm_p" in ran.stdout
    assert (tmp_path / "example.pdf").read_bytes().startswith(b"%PDF")
