"""Metrics from lines of JSON, a file of results and printed output, however they arrive."""

import json
import math
import re
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adaloss.tasks.program.reports import (
    LONGEST_LINE,
    LineReader,
    PatternReader,
    ReportError,
    final_rows,
    mistake_in_pattern,
)
from adaloss.tasks.program.row import Row, row_of

LOSS = re.compile(r"(?:step (?P<step>\d+) )?loss[=:] ?(?P<loss>[^\s%]+)(?: acc (?P<acc>\S+))?")
KEYS = st.text(st.characters(exclude_characters="."), min_size=1, max_size=4)
NUMBERS = st.integers() | st.floats(allow_nan=False) | st.booleans()


@pytest.mark.parametrize(
    ("content", "row"),
    [
        ({"loss": 0.5, "n": 2}, Row(None, {"loss": 0.5, "n": 2.0})),
        ({"step": 3, "loss": 1}, Row(3, {"loss": 1.0})),
        ({"_step": 3, "step": 9, "loss": 1}, Row(3, {"step": 9.0, "loss": 1.0})),
        ({"step": 3.0}, Row(3, {})),
        ({"step": 0.5}, Row(None, {"step": 0.5})),
        ({"step": True}, Row(None, {"step": 1.0})),
        ({"step": "3", "y": [1], "z": "0.5"}, Row(None, {})),
        ({"x": "Infinity", "y": "-inf"}, Row(None, {"x": math.inf, "y": -math.inf})),
        ({"step": math.inf}, Row(None, {"step": math.inf})),
        ({"step": 2**60 + 1}, Row(2**60 + 1, {})),
        ({"val": {"top": {"1": 0.9}, "step": 1}}, Row(None, {"val.top.1": 0.9, "val.step": 1.0})),
        ({"ok": True, "bad": False}, Row(None, {"ok": 1.0, "bad": 0.0})),
        ({"huge": 10**400, "low": -(10**400)}, Row(None, {"huge": math.inf, "low": -math.inf})),
    ],
)
def test_rows_of_objects(content, row):
    assert row_of(content) == row
    assert all(type(value) is float for value in row_of(content).values.values())


@pytest.mark.parametrize("value", [None, "NaN", "nan", math.nan])
def test_what_is_null_is_not_a_number(value):
    """JavaScript and R write NaN as null: an earlier value must not stand for it."""
    assert math.isnan(row_of({"loss": value}).values["loss"])


def test_lines_are_read_as_they_come(tmp_path):
    path = tmp_path / "metrics.jsonl"
    reader = LineReader(path)
    assert reader.new_rows() == []
    with path.open("a") as file:
        file.write('{"step": 1, "loss": 2}\n{"step": 2, ')
        file.flush()
        assert reader.new_rows() == [Row(1, {"loss": 2.0})]
        assert reader.new_rows() == []
        file.write('"loss": NaN}\n\n  \r\n{"event": "saved"}\n{"loss": -Infinity}\r\n{"a": 1}')
    first, second = reader.new_rows()
    assert first.step == 2
    assert math.isnan(first.values["loss"])
    assert second == Row(None, {"loss": -math.inf})
    assert reader.new_rows() == []
    assert reader.finish() == [Row(None, {"a": 1.0})]
    assert reader.finish() == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    st.lists(st.dictionaries(KEYS, NUMBERS, min_size=1, max_size=3), max_size=5),
    st.lists(st.integers(1, 40), max_size=10),
    st.booleans(),
)
def test_pieces_of_any_size_give_the_same_rows(tmp_path, contents, sizes, ascii_only):
    text = "\n".join(json.dumps(content, ensure_ascii=ascii_only) for content in contents)
    data, path = text.encode("utf-8", "surrogatepass"), tmp_path / "pieces.jsonl"
    path.unlink(missing_ok=True)
    reader, rows = LineReader(path), []
    for size in [*sizes, len(data)]:
        with path.open("ab") as file:
            file.write(data[:size])
        data = data[size:]
        rows += reader.new_rows()
    rows += reader.finish()
    assert rows == [row for row in map(row_of, contents) if row.values]


@pytest.mark.parametrize(
    "bad",
    ["loss=3", "[1, 2]", "3", '"text"', '{"a": 1', '{"a": 1} {"b": 2}', "[" * 99_999, "\udcff"],
)
def test_a_line_that_is_no_object(bad, tmp_path):
    path = tmp_path / "metrics.jsonl"
    text = f'{{"a": 1}}\n\n{bad}\n{{"a": 2}}\n'
    path.write_bytes(text.encode(errors="surrogateescape"))
    reader = LineReader(path)
    with pytest.raises(ReportError) as caught:
        reader.new_rows()
    assert caught.value.rows == (Row(None, {"a": 1.0}),)
    message = str(caught.value)
    assert message.startswith(f"{path}, line 3: expected an object of JSON such as {{")
    assert f"found {bad[:60]!r}" in message or bad == "\udcff"
    assert len(message) < 400
    with pytest.raises(ReportError, match="line 3: ") as again:
        reader.new_rows()
    assert again.value.rows == ()


def test_a_last_line_cut_short_is_an_error_at_the_end_only(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"a": 1}\n{"a": ')
    reader = LineReader(path)
    assert reader.new_rows() == [Row(None, {"a": 1.0})]
    with pytest.raises(ReportError, match="line 2: "):
        reader.finish()


def test_a_byte_order_mark(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"a": 1}\n', encoding="utf-8-sig")
    assert LineReader(path).new_rows() == [Row(None, {"a": 1.0})]


def test_a_file_that_cannot_be_appended_to(tmp_path):
    with pytest.raises(ReportError, match="cannot be read: Is a directory"):
        LineReader(tmp_path).new_rows()
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"a": 1}\n{"a": 2}\n')
    reader = LineReader(path)
    reader.new_rows()
    path.write_text('{"a": 3}\n')
    with pytest.raises(ReportError, match=r"became shorter .*: each report must be appended"):
        reader.new_rows()


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('{"loss": 0.5, "val": {"top1": 90}}', [Row(None, {"loss": 0.5, "val.top1": 90.0})]),
        ('[{"step": 1, "a": 2}, {"note": "x"}]', [Row(1, {"a": 2.0})]),
        ('[{"a": 1}, {"a": 2}]', [Row(None, {"a": 1.0}), Row(None, {"a": 2.0})]),
    ],
)
def test_final_results(text, rows, tmp_path):
    path = tmp_path / "results.json"
    path.write_text(text)
    assert final_rows(path) == rows


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "is missing"),
        ("", "is not JSON"),
        ("{'a': 1}", "is not JSON"),
        ("[" * 99_999, "is not JSON"),
        ("3", "has 3 in place of an object"),
        ('[{"a": 1}, [2]]', "has a list in place of an object"),
        ("[]", "has no numbers"),
        ('{"status": "ok"}', "has no numbers"),
    ],
)
def test_final_results_that_are_none(text, message, tmp_path):
    path = tmp_path / "results.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ReportError) as caught:
        final_rows(path)
    assert str(caught.value).startswith(f"{path} {message}")
    assert "the program must write an object of JSON such as" in str(caught.value)
    with pytest.raises(ReportError, match="cannot be read"):
        final_rows(tmp_path)


def test_output_is_read_line_by_line():
    reader = PatternReader(LOSS)
    assert reader.rows_in("start\nstep 1 loss=0.") == []
    assert reader.rows_in("5\nloss: 1e-3 acc inf loss=2\r\nstep 7 loss=3\r") == [
        *(Row(1, {"loss": 0.5}), Row(None, {"loss": 0.001, "acc": math.inf})),
        *(Row(None, {"loss": 2.0}), Row(7, {"loss": 3.0})),
    ]
    assert reader.rows_in("loss=97.5%") == []
    assert reader.finish() == [Row(None, {"loss": 97.5})]
    assert reader.finish() == []


@given(st.lists(st.floats(), max_size=6), st.lists(st.integers(0, 30), max_size=12))
def test_chunks_of_any_size_give_the_same_rows(losses, sizes):
    text = "".join(f"step {step} loss={loss}\n" for step, loss in enumerate(losses))
    reader, rows = PatternReader(LOSS), []
    for size in [*sizes, len(text)]:
        rows += reader.rows_in(text[:size])
        text = text[size:]
    assert repr(rows) == repr([Row(step, {"loss": loss}) for step, loss in enumerate(losses)])


def test_a_group_that_is_no_number():
    reader = PatternReader(LOSS)
    with pytest.raises(ReportError) as caught:
        reader.rows_in("loss=1\nloss=high acc 2\nloss=3\nloss")
    assert str(caught.value) == (
        "the group loss of the pattern must match a number, found 'high' in 'loss=high acc 2'"
    )
    assert caught.value.rows == (Row(None, {"loss": 1.0}),)
    assert reader.rows_in("=4\n") == [Row(None, {"loss": 3.0}), Row(None, {"loss": 4.0})]


def test_the_rest_of_a_long_line_is_not_searched():
    reader = PatternReader(LOSS)
    padding = "x" * LONGEST_LINE
    assert reader.rows_in(f"loss=1 {padding}") == []
    assert reader.rows_in(f"{padding} loss=2") == []
    assert len(reader.unread) == LONGEST_LINE
    assert reader.rows_in(" loss=3\nloss=4\n") == [
        Row(None, {"loss": 1.0}),
        Row(None, {"loss": 4.0}),
    ]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (r"loss=(?P<loss>\S+)", None),
        (r"(?P<step>\d+) (?P<loss>\S+)", None),
        ("loss=(", "is not a regular expression: missing ), unterminated subpattern at position 5"),
        ("(?P<a/b>x)", "is not a regular expression: bad character in group name"),
        (r"loss=(\S+)", "has no named group; write a group for each metric, as in loss=(?P<loss>"),
        (r"(?P<step>\d+)", "has only the group step; write a group for each metric"),
        ("x{99999999999}", "is too large"),
    ],
)
def test_mistakes_in_patterns(pattern, message):
    mistake = mistake_in_pattern(pattern)
    assert mistake == message or mistake.startswith(f"the pattern {message}")


@pytest.mark.slow
def test_a_file_that_grows_while_it_is_read(tmp_path):
    path, rows = tmp_path / "lines", 50_000
    reader, read = LineReader(path), []

    def write():
        with path.open("w") as file:
            file.writelines(f'{{"loss": {n}}}\n' for n in range(rows))

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        read += reader.new_rows()
    read += reader.finish()
    assert [row.values["loss"] for row in read] == list(range(rows))
