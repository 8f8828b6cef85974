"""Python's functions where a user calls them: in the folder of the grid, without a mirror."""

from pathlib import Path

import pytest

from adaloss.records.store import Store


@pytest.fixture(autouse=True)
def in_the_users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")


@pytest.fixture
def finished(finished: Store, grid: Path) -> Store:
    """The small sweep on record, with the copy of its grid."""
    finished.write_text(finished.grid_path, grid.read_text())
    return finished
