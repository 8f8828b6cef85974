"""Grids written as text."""

from collections.abc import Callable
from pathlib import Path

import pytest

from adaloss.grid.sweep import Sweep, load_sweep


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Sweep]:
    """A function that loads the text of a grid."""

    def load_text(text: str, name: str = "grid.yaml") -> Sweep:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return load_sweep(path)

    return load_text
