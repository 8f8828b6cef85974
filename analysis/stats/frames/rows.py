"""Frames from rows: numbers as numbers, what names something as the object that it is."""

from collections.abc import Iterable, Sequence

import pandas as pd

NAMING = frozenset(
    {"part", "scope", "row", "first", "second", "column", "statistic", "better", "note"}
)
"""Columns of values and words; pandas' own choice would turn their None into NaN."""


def frame_of(rows: Iterable[Sequence[object]], columns: Sequence[str]) -> pd.DataFrame:
    """A frame of these rows under these columns."""
    listed = list(rows)
    data = {
        name: pd.Series([row[index] for row in listed], dtype="object" if name in NAMING else None)
        for index, name in enumerate(columns)
    }
    return pd.DataFrame(data, columns=list(columns))


def joined(parts: Iterable[tuple[str, pd.DataFrame]], columns: Sequence[str]) -> pd.DataFrame:
    """The parts' frames below each other, each row after its part's name."""
    rows = (
        (part, *row) for part, frame in parts for row in frame.itertuples(index=False, name=None)
    )
    return frame_of(rows, ("part", *columns))
