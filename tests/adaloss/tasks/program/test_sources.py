"""The metrics of a script from several places at once: the first that has a name keeps it."""

import json

import pytest

from adaloss.tasks.program.reports import ReportError
from adaloss.tasks.program.row import Row
from adaloss.tasks.program.sources import Sources


@pytest.fixture
def lines(tmp_path):
    """The file of lines of JSON."""
    return tmp_path / "reports.jsonl"


def append(lines, *rows):
    with lines.open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def sources(tmp_path, lines, pattern=None, results=None):
    return Sources(tmp_path / "wandb", lines, pattern, results)


def test_a_name_is_taken_from_the_first_source_that_has_it(tmp_path, lines):
    results = tmp_path / "results.json"
    reading = sources(tmp_path, lines, r"loss=(?P<loss>\S+) acc=(?P<acc>\S+)", results)
    append(lines, {"loss": 1, "epoch": 0})
    assert reading.new_rows(b"loss=7 acc=2\n") == [
        Row(None, {"loss": 1.0, "epoch": 0.0}),
        Row(None, {"acc": 2.0}),
    ]
    results.write_text('{"loss": 9, "acc": 9, "time": 3}')
    assert reading.last_rows(b"loss=8 acc=4") == [
        Row(None, {"acc": 4.0}),
        Row(None, {"time": 3.0}),
    ]


def test_what_was_read_before_a_mistake_is_kept(tmp_path, lines):
    reading = sources(tmp_path, lines, r"acc=(?P<acc>\S+)")
    append(lines, {"loss": 1})
    with pytest.raises(ReportError) as caught:
        reading.new_rows(b"acc=2\nacc=high\n")
    assert caught.value.rows == (Row(None, {"loss": 1.0}), Row(None, {"acc": 2.0}))
    append(lines, "no object")
    with pytest.raises(ReportError, match="line 2: expected an object of JSON") as caught:
        reading.new_rows(b"")
    assert caught.value.rows == ()
