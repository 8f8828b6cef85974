"""Build frames from rows, without conversion of values and names."""

from collections.abc import Iterable, Sequence

import pandas as pd

NAMING = frozenset(
    {
        *("part", "scope", "row", "first", "second", "column", "statistic"),
        *("better", "better_side", "note"),
    }
)
"""Columns of objects; pandas would turn their None into NaN."""


def frame_of(rows: Iterable[Sequence[object]], columns: Sequence[str]) -> pd.DataFrame:
    """A frame of these rows under these columns."""
    listed = list(rows)
    data = {
        name: pd.Series([row[index] for row in listed], dtype="object" if name in NAMING else None)
        for index, name in enumerate(columns)
    }
    return pd.DataFrame(data, columns=list(columns))


def joined(parts: Iterable[tuple[str, pd.DataFrame]], columns: Sequence[str]) -> pd.DataFrame:
    """The parts' frames in one, with a column for the part."""
    rows = (
        (part, *row) for part, frame in parts for row in frame.itertuples(index=False, name=None)
    )
    return frame_of(rows, ("part", *columns))
