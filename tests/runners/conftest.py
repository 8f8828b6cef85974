"""A small sweep on disk, and the command line on it as a user runs it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

GRID = """\
name: small
parameters:
  dataset: digits
  model: mlp
  optimizer: [adaloss, sgd_constant]
  b0: [0.01, 1]
  lr: 1
  epochs: 2
  batch_size: 128
seeds: 2
"""

# Not a real one: 40 hexadecimal characters is what W&B takes for a key.
KEY = "0123456789abcdef" * 2 + "01234567"

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    path = tmp_path / "grid.yaml"
    path.write_text(GRID)
    return path


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """``adaloss-sweep`` in a process of its own, in a folder of its own."""

    def run(*arguments: str, timeout: float = 400) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-m", "runners", *map(str, arguments)]
        environment = {key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"}
        return subprocess.run(
            program, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=timeout
        )

    return run


@pytest.fixture(autouse=True)
def nobody_is_logged_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No W&B account, settings or home of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("CONFIG", "CACHE", "DATA"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(tmp_path / "home" / name.lower()))
