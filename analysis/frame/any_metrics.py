"""Index the metrics of programs, which may record any: names beside values, then columns again.

The schema of an index must not depend on what was recorded, or a metric that a later trial has
would make all earlier records be read again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from adaloss.grid.tables.at import LAST
from adaloss.records.result import EpochMetrics
from adaloss.tasks.metric import SECONDS

NAMES, VALUES = "names", "values"
"""The metrics of a row, and their values; of a history each is a list, with null where missing."""
VALUE_COLUMNS = (
    (NAMES, pa.list_(pa.string())),
    (VALUES, pa.list_(pa.float64())),
)
COURSE_COLUMNS = (
    (NAMES, pa.list_(pa.string())),
    (VALUES, pa.list_(pa.list_(pa.float64()))),
)


def values_row(metrics: EpochMetrics | None) -> dict[str, Any]:
    """The columns of one epoch's metrics."""
    values = metrics.values | {SECONDS.name: metrics.seconds} if metrics else {}
    return {NAMES: list(values), VALUES: list(values.values())}


def course_row(epochs: Sequence[EpochMetrics]) -> dict[str, Any]:
    """The columns of the metrics of all epochs."""
    names = list(dict.fromkeys(name for epoch in epochs for name in epoch.values))
    values = [[epoch.values.get(name) for epoch in epochs] for name in names]
    return {NAMES: names, VALUES: values}


def result_columns(rows: pa.Table, wanted: Iterable[str] = ()) -> pa.Table:
    """The rows with a column ``last:NAME`` for each metric of any of them, and for ``wanted``."""
    owner, names, values = entries(rows)
    numbers = values.to_numpy(zero_copy_only=False)
    columns = {SECONDS.name: np.full(len(rows), np.nan)}
    for name, at in positions_of(names):
        column = np.full(len(rows), np.nan)
        column[owner[at]] = numbers[at]
        columns[name] = column
    for name in wanted:
        columns.setdefault(name, np.full(len(rows), np.nan))
    kept = rows.drop_columns([NAMES, VALUES])
    for name, column in seconds_last(columns).items():
        kept = kept.append_column(f"{LAST}:{name}", pa.array(column))
    return kept


def course_columns(rows: pa.Table) -> pa.Table:
    """The rows' ``epoch`` and ``step``, a list for each metric of any of them, and ``seconds``."""
    sizes = pc.fill_null(pc.list_value_length(rows["epoch"]), 0).to_numpy().astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    owner, names, courses = entries(rows)
    numbers = pc.list_flatten(courses).to_numpy(zero_copy_only=False)
    from_here = np.concatenate([[0], np.cumsum(sizes[owner])])
    columns = {name: rows[name] for name in ("epoch", "step")}
    for name, at in positions_of(names):
        column = np.full(offsets[-1], np.nan)
        lengths = sizes[owner[at]]
        column[ranges(offsets[owner[at]], lengths)] = numbers[ranges(from_here[at], lengths)]
        columns[name] = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(column))
    return pa.table(columns | {SECONDS.name: rows[SECONDS.name]})


def entries(rows: pa.Table) -> tuple[np.ndarray, pa.Array, pa.Array]:
    """The row, the name and the value of each metric of each row."""
    whole = rows[NAMES].combine_chunks()
    owner = pc.list_parent_indices(whole).to_numpy(zero_copy_only=False)
    return owner, pc.list_flatten(whole), pc.list_flatten(rows[VALUES].combine_chunks())


def positions_of(names: pa.Array) -> Iterator[tuple[str, np.ndarray]]:
    """Each name with its positions, in order of first appearance."""
    distinct = pc.unique(names)
    if not len(distinct):
        return
    codes = pc.index_in(names, value_set=distinct).to_numpy(zero_copy_only=False)
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(distinct)))
    yield from zip(distinct.to_pylist(), np.split(order, ends[:-1]), strict=True)


def ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The numbers from each start, as many as its length."""
    before = np.concatenate([[0], np.cumsum(lengths)])
    return np.repeat(starts - before[:-1], lengths) + np.arange(before[-1])


def seconds_last(columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The columns in order, with the seconds at the end, as in the records."""
    others = {name: column for name, column in columns.items() if name != SECONDS.name}
    return others | {SECONDS.name: columns[SECONDS.name]}
