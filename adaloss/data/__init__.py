"""Data sets: found or fetched, split by class, and turned into normalised batches.

Names are imported when they are first asked for: how large the parts are needs no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adaloss.data.data_error import DataError
    from adaloss.data.raw import RawDataset
    from adaloss.data.splits import (
        Examples,
        Splits,
        SplitsSpec,
        check_readable,
        fetch_and_prepare,
        load_splits,
        spec_of,
    )

__all__ = [
    "DataError",
    "Examples",
    "RawDataset",
    "Splits",
    "SplitsSpec",
    "check_readable",
    "fetch_and_prepare",
    "load_splits",
    "spec_of",
]

HOMES = {"DataError": "data_error", "RawDataset": "raw"}


def __getattr__(name: str) -> Any:
    """Import what is asked for from its module."""
    if name not in __all__:
        raise AttributeError(f"module 'adaloss.data' has no attribute {name!r}")
    return getattr(import_module(f"adaloss.data.{HOMES.get(name, 'splits')}"), name)
