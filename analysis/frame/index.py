"""An index of the records as columns, so that unchanged records need not be read again.

A row is used only while its record's file has the same inode, size and modification time; other
records are read, and the index is rewritten. If the index cannot be read or written, all records
are read.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from adaloss.records.file import CorruptRecordError
from adaloss.records.store import Store
from adaloss.records.writing import replacing
from adaloss.trial import Trial

VERSION = b"1"
STAMP = pa.schema([("trial_id", pa.string()), *((n, pa.int64()) for n in ("i", "s", "t"))])

Stamp = tuple[int, int, int]
NO_STAMP: Stamp = (0, 0, 0)


def as_it_is(rows: pa.Table) -> pa.Table:
    """The rows themselves."""
    return rows


@dataclass(frozen=True)
class Indexed:
    """One kind of record: its file in a trial's folder, its columns, and how to read it.

    ``read`` returns a trial's row by column name, None if the trial has no such record. ``shown``
    makes the rows that readers get from those of the index.
    """

    name: str
    record: str
    columns: pa.Schema
    read: Callable[[Store, Trial], Mapping[str, Any] | None]
    shown: Callable[[pa.Table], pa.Table] = as_it_is

    @property
    def schema(self) -> pa.Schema:
        """The columns of the index: the identity of the file, then the record's own."""
        fields = [*STAMP, *self.columns]
        return pa.schema(fields, metadata={b"version": VERSION})

    def path(self, store: Store) -> Path:
        """The file of a sweep's index."""
        return store.root / "index" / f"{self.name}.parquet"


def indexed_rows(trials: Sequence[Trial], store: Store, kind: Indexed) -> pa.Table:
    """The record of each trial as a row, in the order of ``trials``; null without a record.

    A record that cannot be read is reported to ``store.unreadable`` each time, because it is never
    in the index; its row has the part that can be read.
    """
    distinct = {trial.trial_id: trial for trial in trials}
    stamps = dict(stamps_of(distinct, store, kind.record))
    known = load(store, kind)
    is_current = [
        trial_id not in distinct or stamps.get(trial_id) == stamp
        for trial_id, stamp in stamped_rows(known)
    ]
    kept = known if all(is_current) else known.filter(pa.array(is_current))
    there = set(kept["trial_id"].to_pylist())
    read = [trial for key, trial in distinct.items() if key in stamps and key not in there]
    whole, damaged = rows_of(read, stamps, store, kind)
    current = pa.concat_tables([kept, pa.Table.from_pylist(whole, schema=kind.schema)])
    if whole or len(kept) < len(known):
        save(current, store, kind)
    if damaged:
        current = pa.concat_tables([current, pa.Table.from_pylist(damaged, schema=kind.schema)])
    place = {trial_id: row for row, trial_id in enumerate(current["trial_id"].to_pylist())}
    rows = pa.array([place.get(trial.trial_id) for trial in trials], pa.int64())
    return kind.shown(current.take(rows))


def rows_of(
    trials: Sequence[Trial], stamps: Mapping[str, Stamp], store: Store, kind: Indexed
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of records that were read completely, and of those that were not."""
    problems: list[CorruptRecordError] = []
    reading = replace(store, unreadable=problems.append)
    whole: list[dict[str, Any]] = []
    damaged: list[dict[str, Any]] = []
    for trial in trials:
        row = row_of(kind.read(reading, trial), trial.trial_id, stamps)
        (damaged if problems else whole).append(row)
        for problem in problems:
            store.unreadable(problem)
        problems.clear()
    return whole, damaged


def stamps_of(
    trials: Mapping[str, Trial], store: Store, record: str
) -> Iterator[tuple[str, Stamp]]:
    """The identity of each trial's record file, by trial id; trials without one are omitted."""
    # Text, not Path, which would take seconds for a hundred thousand trials.
    parent = str(store.trials_folder)
    try:
        folders = set(os.listdir(parent))  # noqa: PTH208
    except FileNotFoundError:
        return
    for trial_id, trial in trials.items():
        name = store.folder_name(trial)
        if name not in folders:
            continue
        try:
            status = os.lstat(f"{parent}/{name}/{record}")
        except FileNotFoundError:
            continue
        except OSError:
            # Reading the record will report the problem.
            yield trial_id, NO_STAMP
            continue
        yield trial_id, (status.st_ino, status.st_size, status.st_mtime_ns)


def stamped_rows(known: pa.Table) -> Iterator[tuple[str, Stamp]]:
    """The trial id and the file identity of each row."""
    ids, *stamp = (known[name].to_pylist() for name in STAMP.names)
    return zip(ids, zip(*stamp, strict=True), strict=True)


def row_of(
    record: Mapping[str, Any] | None, trial_id: str, stamps: Mapping[str, Stamp]
) -> dict[str, Any]:
    """A row of the index."""
    stamp = dict(zip(STAMP.names, (trial_id, *stamps[trial_id]), strict=True))
    return stamp | dict(record or {})


def load(store: Store, kind: Indexed) -> pa.Table:
    """The stored index, empty if there is none of this version."""
    try:
        # Opened here: Arrow refuses a path that is not UTF-8. Not read_table, which imports all of
        # pyarrow.dataset.
        with kind.path(store).open("rb") as file:
            table = pq.ParquetFile(file).read()
    except (OSError, pa.ArrowException):
        return kind.schema.empty_table()
    if not table.schema.equals(kind.schema, check_metadata=False):
        return kind.schema.empty_table()
    written = (table.schema.metadata or {}).get(b"version")
    return table if written == VERSION else kind.schema.empty_table()


def save(table: pa.Table, store: Store, kind: Indexed) -> None:
    """Write the index, unless the folder is read-only."""
    path = kind.path(store)
    try:
        path.parent.mkdir(exist_ok=True)
        with replacing(path, durable=False) as temporary, temporary.open("wb") as file:
            pq.write_table(table, file, compression="zstd")
    except OSError:
        return
