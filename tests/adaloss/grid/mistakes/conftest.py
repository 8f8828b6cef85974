"""Grids with mistakes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from adaloss.grid.sweep import GridError, load_sweep


@pytest.fixture
def problem_lines(tmp_path: Path) -> Callable[[str | bytes], list[str]]:
    """The problems of a grid with this text, as ``line: message`` lines."""

    def load_and_catch(text: str | bytes) -> list[str]:
        path = tmp_path / "grid.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(GridError) as caught:
            load_sweep(path)
        lines = str(caught.value).splitlines()
        assert len(lines) == len(caught.value.problems)
        assert all(line.startswith(f"{path}:") for line in lines)
        return [line.removeprefix(f"{path}:") for line in lines]

    return load_and_catch
