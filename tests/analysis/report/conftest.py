"""Grids of reports."""

import re

import pytest
from read_reports import GRID

from adaloss.grid.sweep import load_sweep


@pytest.fixture
def declared(tmp_path):
    """A function that loads a grid; its lines may be changed."""

    def load(text=GRID, **changes):
        for old, new in changes.items():
            text = re.sub(rf"(?m)^( *){old}: .*$", rf"\g<1>{old}: {new}", text)
        path = tmp_path / "demo.yaml"
        path.write_text(text)
        return load_sweep(path)

    return load
