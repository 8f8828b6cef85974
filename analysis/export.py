"""Export the data: one row per trial, and one per recorded epoch."""

import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from adaloss.errors import UserError
from adaloss.optimizer_names import HYPERPARAMETER
from adaloss.records.store import Store
from adaloss.records.writing import replacing
from adaloss.tasks.metrics import COUNTED
from adaloss.tasks.table import common_task
from adaloss.tasks.task import Task
from adaloss.trial import Trial
from analysis.frame.column_types import (
    NUMBER,
    SEVERAL_TYPES,
    TEXT,
    parameter_type,
    schema_of,
    values_of,
    with_texts,
)
from analysis.frame.frame import (
    frame_columns,
    frame_of,
    history_names,
    history_of,
    hyperparameters_in,
    result_names,
    task_in,
)
from analysis.frame.index import indexed_rows
from analysis.frame.indexed_records import histories, outcomes
from analysis.render.csv import guarded
from analysis.tables.wording import value_text

# Written in parts, because a million epochs would take too much memory.
TRIALS_AT_A_TIME = 10_000
ROWS_OF_A_SHEET = 1_048_575


def export(trials: Sequence[Trial], store: Store, form: str, folder: Path) -> tuple[Path, Path]:
    """Write ``trials`` and ``history`` in a format of :data:`WRITERS`; return the two files.

    The columns are those of :func:`analysis.frame.frame.build_frame` and
    :func:`analysis.frame.frame.history_frame`. In Parquet, CSV and Excel ``pretrained`` and
    ``split_seed`` are text. CSV text that looks like a formula gets a leading apostrophe; JSON has
    null for NaN, and "Infinity" as text.
    """
    folder.mkdir(parents=True, exist_ok=True)
    distinct = tuple({trial.trial_id: trial for trial in trials}.values())
    task = common_task(distinct)
    results = indexed_rows(distinct, store, outcomes(task))
    epochs = indexed_rows(distinct, store, histories(task))
    own = own_types(distinct, task, results, epochs)
    hyperparameters = () if task.is_program else tuple(own)
    names = (*result_names(task, results), *hyperparameters)
    of_trials = (
        frame_of(distinct[part], results[part], task, hyperparameters)[list(names)]
        for part in parts(len(distinct))
    )
    of_epochs = (
        history_of(distinct[part], results[part], epochs[part], task)
        for part in parts(len(distinct))
    )
    in_history = (*task.field_names, "trial_id", "state", *history_names(task, epochs).values())
    return (
        write(of_trials, schema_of(names, own), folder / f"trials.{form}"),
        write(of_epochs, schema_of(in_history, own), folder / f"history.{form}"),
    )


def own_types(
    trials: Sequence[Trial], task: Task, results: pa.Table, epochs: pa.Table
) -> dict[str, pa.DataType]:
    """The types of a program's parameters and metrics, or of the optimizers' hyperparameters."""
    if not task.is_program:
        return {
            name: parameter_type([trial.value(name) for trial in trials])
            for name in hyperparameters_in(trials)
        }
    known = frame_columns(task)
    return {
        **{name: NUMBER for name in result_names(task, results) if name not in known},
        **{
            column: NUMBER
            for name, column in history_names(task, epochs).items()
            if name not in COUNTED
        },
        **{
            name: parameter_type([trial.values.get(name) for trial in trials])
            for name in task.cell_fields
        },
    }


def write(frames: Iterator[pd.DataFrame], schema: pa.Schema, path: Path) -> Path:
    """Write the frames as one file in the format of its suffix; return the file."""
    with replacing(path, durable=False) as temporary:
        WRITERS[path.suffix[1:]](frames, schema, temporary)
    return path


def parts(trials: int) -> Iterator[slice]:
    """Slices of some trials at a time; without trials one empty slice, for the columns."""
    for start in range(0, max(trials, 1), TRIALS_AT_A_TIME):
        yield slice(start, start + TRIALS_AT_A_TIME)


def write_parquet(frames: Iterator[pd.DataFrame], schema: pa.Schema, path: Path) -> None:
    """One Parquet file."""
    tables = (
        pa.Table.from_pandas(uniform(frame, schema), schema, preserve_index=False)
        for frame in frames
    )
    first = next(tables)
    # Opened here: Arrow refuses a path that is not UTF-8. The table's schema has the metadata from
    # which pandas restores the types of the columns.
    with (
        path.open("wb") as file,
        pq.ParquetWriter(file, first.schema, compression="zstd") as writer,
    ):
        for table in itertools.chain((first,), tables):
            writer.write_table(table)


def write_csv(frames: Iterator[pd.DataFrame], schema: pa.Schema, path: Path) -> None:
    """One CSV file under one header."""
    texts = [name for name in schema.names if schema.field(name).type == TEXT]
    with path.open("w", newline="", encoding="utf-8") as lines:
        for number, frame in enumerate(frames):
            safe = with_texts(uniform(frame, schema), texts, guarded)
            # A program's parameters and metrics have any names.
            header = [str(guarded(name)) for name in safe] if number == 0 else False
            safe.to_csv(lines, index=False, header=header, lineterminator="\n")


def write_jsonl(frames: Iterator[pd.DataFrame], schema: pa.Schema, path: Path) -> None:
    """One JSON object per line."""
    with path.open("w", encoding="utf-8") as lines:
        for frame in frames:
            columns = [values_of(frame, name) for name in schema.names]
            for row in zip(*columns, strict=True):
                record = dict(zip(schema.names, map(in_json, row), strict=True))
                lines.write(json.dumps(record) + "\n")


def write_xlsx(frames: Iterator[pd.DataFrame], schema: pa.Schema, path: Path) -> None:
    """One sheet of a workbook."""
    if find_spec("openpyxl") is None:
        raise UserError("xlsx needs openpyxl: install adaloss-sweep[excel], or openpyxl itself")
    texts = [name for name in schema.names if schema.field(name).type == TEXT]
    whole = pd.concat([with_texts(uniform(frame, schema), texts, guarded) for frame in frames])
    if len(whole) > ROWS_OF_A_SHEET:
        raise UserError(f"a sheet has {ROWS_OF_A_SHEET:,} rows at most, not {len(whole):,}")
    whole.columns = [str(guarded(name)) for name in whole]
    with path.open("wb") as file:
        whole.to_excel(file, engine="openpyxl", index=False)


def uniform(frame: pd.DataFrame, schema: pa.Schema) -> pd.DataFrame:
    """The frame with a single type in each column."""
    task = task_in(frame)
    own = task.cell_fields if task.is_program else filter(HYPERPARAMETER.match, schema.names)
    texts = [name for name in own if schema.field(name).type == TEXT]
    frame = with_texts(frame, texts, parameter_text)
    if task.is_program:
        return frame
    return with_texts(frame, [name for name in SEVERAL_TYPES if name in frame], value_text)


def parameter_text(value: Any) -> str | None:
    """The value of a parameter or hyperparameter in a column of text; None is a missing value."""
    return value if value is None or isinstance(value, str) else value_text(value)


def in_json(value: Any) -> Any:
    """The value for JSON: null for NaN, and text for infinite numbers, as in the records."""
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return None if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


WRITERS: Mapping[str, Callable[[Iterator[pd.DataFrame], pa.Schema, Path], None]] = {
    "parquet": write_parquet,
    "csv": write_csv,
    "jsonl": write_jsonl,
    "xlsx": write_xlsx,
}
