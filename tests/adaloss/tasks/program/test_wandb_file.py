import math
from pathlib import Path
from typing import Any

import pytest
from wandb.proto import wandb_internal_pb2 as pb
from wandb_logs import history, log_of

from adaloss.tasks.program import wandb_records
from adaloss.tasks.program.row import Row
from adaloss.tasks.program.wandb_file import (
    BLOCK,
    FolderReader,
    HistoryReader,
    WandbFileError,
)


def summary(*, removed: tuple[str, ...] = (), **values: str) -> Any:
    update = [pb.SummaryItem(key=key, value_json=text) for key, text in values.items()]
    remove = [pb.SummaryItem(key=key) for key in removed]
    return pb.Record(summary=pb.SummaryRecord(update=update, remove=remove))


def reader_of(folder: Path, *records: Any) -> HistoryReader:
    path = folder / "run-a.wandb"
    path.write_bytes(log_of(*records))
    return HistoryReader(path)


def test_the_numbers_of_the_fields_are_those_of_wandb() -> None:
    numbers = {
        (message.DESCRIPTOR.name, field): message.DESCRIPTOR.fields_by_name[field].number
        for message, names in [
            (pb.Record, ["history", "summary", "exit"]),
            (pb.HistoryRecord, ["item", "step"]),
            (pb.HistoryStep, ["num"]),
            (pb.SummaryRecord, ["update", "remove"]),
            (pb.HistoryItem, ["key", "nested_key", "value_json"]),
            (pb.SummaryItem, ["key", "nested_key", "value_json"]),
            (pb.RunExitRecord, ["exit_code"]),
        ]
        for field in names
    }
    keys = [wandb_records.KEY, wandb_records.NESTED_KEY, wandb_records.VALUE_JSON]
    assert list(numbers.values()) == [
        *(wandb_records.HISTORY, wandb_records.SUMMARY, wandb_records.EXIT),
        *(wandb_records.HISTORY_ITEM, wandb_records.HISTORY_STEP, wandb_records.STEP_NUMBER),
        *(wandb_records.SUMMARY_UPDATE, wandb_records.SUMMARY_REMOVE),
        *keys,
        *keys,
        wandb_records.EXIT_CODE,
    ]


def test_a_file_cut_off_anywhere_is_continued_later(tmp_path: Path) -> None:
    records = [
        history(0, loss="0.5", _runtime="3"),
        history(1, text='"%s"' % ("x" * 150), loss="0.25", other="-1"),
        history(2**40, loss="NaN"),
    ]
    log = log_of(*records)
    whole = reader_of(tmp_path, *records).new_rows()
    assert [row.step for row in whole] == [0, 1, 2**40]
    assert whole[1].values == {"loss": 0.25, "other": -1}
    for cut in range(len(log)):
        path = tmp_path / "run-cut.wandb"
        path.write_bytes(log[:cut])
        reader = HistoryReader(path)
        rows = reader.new_rows()
        assert repr(rows) == repr(whole[: len(rows)])
        path.write_bytes(log)
        assert repr(rows + reader.new_rows()) == repr(whole)
        assert reader.new_rows() == []


def test_records_that_span_blocks(tmp_path: Path) -> None:
    long = '"%s"'
    # The second record leaves 0 to 20 bytes of its block: also less than a header needs.
    for size in range(BLOCK - 150, BLOCK - 90):
        records = [history(0, text=long % ("x" * size)), history(1, a="1"), history(2, a="2")]
        rows = reader_of(tmp_path, *records).new_rows()
        assert [row.values for row in rows] == [{"a": 1}, {"a": 2}]
    records = [history(0, text=long % ("x" * 3 * BLOCK), a="0"), history(1, a="1")]
    assert [row.step for row in reader_of(tmp_path, *records).new_rows()] == [0, 1]


def test_a_reader_continues_where_it_stopped(tmp_path: Path) -> None:
    reader = reader_of(tmp_path, history(0, a="1"))
    assert reader.new_rows() == [Row(0, {"a": 1})]
    log = bytearray(log_of(history(0, a="1"), history(1, a="2")))
    # What was read is not read again.
    log[20] ^= 1
    reader.path.write_bytes(log)
    assert reader.new_rows() == [Row(1, {"a": 2})]


def test_a_corrupt_record_is_an_error(tmp_path: Path) -> None:
    reader = reader_of(tmp_path, history(0, a="1"), history(1, a="1" * 300))
    log = reader.path.read_bytes()
    for byte in range(7, len(log_of(history(0, a="1")))):
        reader.path.write_bytes(log[:byte] + bytes([log[byte] ^ 1]) + log[byte + 1 :])
        with pytest.raises(WandbFileError, match=r"run-a\.wandb is corrupt: .* at byte \d+"):
            HistoryReader(reader.path).new_rows()


def test_another_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "run-a.wandb"
    path.write_bytes(b"something else")
    with pytest.raises(WandbFileError, match="no header"):
        HistoryReader(path).new_rows()


def test_the_summary_has_what_no_row_has(tmp_path: Path) -> None:
    reader = reader_of(
        tmp_path,
        summary(loss="1", best="0.5", wrong="1", _runtime="2"),
        history(0, loss="1"),
        summary(loss='{"max": 1}', nested='{"a": 1, "b": {"c": true}}', gone="3", nan="NaN"),
        summary(removed=("gone",), wrong="null"),
    )
    assert reader.new_rows() == [Row(0, {"loss": 1})]
    values = dict(reader.summary)
    assert all(math.isnan(values.pop(name)) for name in ("nan", "wrong"))
    assert values == {"best": 0.5, "nested.a": 1, "nested.b.c": 1}
    assert reader.exit_code is None


def test_what_is_null_or_not_finite_is_no_earlier_value(tmp_path: Path) -> None:
    text = {"loss": "null", "acc": '"NaN"', "kl": '"-Infinity"', "name": '"low"'}
    nested = '{"a": null, "b": "low"}'
    (row,) = reader_of(tmp_path, history(0, **text, nested=nested)).new_rows()
    assert repr(row.values) == "{'acc': nan, 'kl': -inf, 'loss': nan, 'nested.a': nan}"


def test_a_folder_without_runs(tmp_path: Path) -> None:
    reader = FolderReader(tmp_path / "missing")
    assert reader.new_rows() == []
    assert reader.summary == {}
    assert HistoryReader(tmp_path / "run-a.wandb").new_rows() == []
