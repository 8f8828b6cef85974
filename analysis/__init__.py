"""Tables, figures, statistics and a report from the records on disk.

The names below are the public interface. Each is imported on first use, so that the command line
need not wait for pandas.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adaloss.grid.tables.spec import TableSpec
    from analysis.frame.arrays import to_xarray
    from analysis.frame.loading import load, load_history
    from analysis.stats.frames.frames import stats_frames
    from analysis.tables.measure import Measure
    from analysis.tables.tables import compile_tables

__all__ = [
    "Measure",
    "TableSpec",
    "compile_tables",
    "load",
    "load_history",
    "stats_frames",
    "to_xarray",
]

MODULES = {
    "Measure": "analysis.tables.measure",
    "TableSpec": "adaloss.grid.tables.spec",
    "compile_tables": "analysis.tables.tables",
    "load": "analysis.frame.loading",
    "load_history": "analysis.frame.loading",
    "stats_frames": "analysis.stats.frames.frames",
    "to_xarray": "analysis.frame.arrays",
}


def __getattr__(name: str) -> Any:
    """Import the module that defines the name."""
    if name not in MODULES:
        raise AttributeError(f"module 'analysis' has no attribute {name!r}")
    return vars(import_module(MODULES[name]))[name]


def __dir__() -> list[str]:
    """The public names."""
    return __all__
