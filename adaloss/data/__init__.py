"""Data sets: found or fetched, split by class, and turned into normalised batches."""

from adaloss.data.raw import DataError, RawDataset
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
