"""The benchmarks as modules."""

import importlib
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def load(monkeypatch):
    """A function that imports a benchmark by its name; all of them are removed afterwards."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    before = set(sys.modules)
    yield importlib.import_module
    for name in {path.stem for path in BENCHMARKS.glob("*.py")} - before:
        sys.modules.pop(name, None)


@pytest.fixture
def refused(load, monkeypatch, capsys):
    """A function that runs a benchmark with options that it refuses; returns its last line."""

    def last_line(name, *options):
        benchmark = load(name)
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *options])
        with pytest.raises(SystemExit) as end:
            benchmark.main()
        assert end.value.code == 2
        return capsys.readouterr().err.splitlines()[-1]

    return last_line
