"""The metrics of a script from several places at once: the first that has a name keeps it."""

import json

import pytest
from wandb_logs import history, log_of

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


@pytest.fixture
def run_of_wandb(tmp_path):
    """A file of W&B in which nothing is written yet, as when a run has begun."""
    path = tmp_path / "wandb" / "wandb" / "offline-run-1" / "run-a.wandb"
    path.parent.mkdir(parents=True)
    path.write_bytes(log_of())
    return path


PATTERN = r"loss=(?P<loss>\S+) acc=(?P<acc>\S+)"
PRINTED = b"loss=0.5 acc=1\n"


@pytest.mark.parametrize("looks_between", [True, False])
def test_what_wandb_logs_is_its_own_however_late_it_writes(
    tmp_path, lines, run_of_wandb, looks_between
):
    reading = sources(tmp_path, lines, PATTERN)
    rows = reading.new_rows(PRINTED) if looks_between else []
    append(lines, {"time": 3})
    run_of_wandb.write_bytes(log_of(history(0, loss="0.5")))
    rows += reading.new_rows(b"" if looks_between else PRINTED)
    rows += reading.new_rows(b"loss=0.25 acc=2\n")
    assert rows == [
        Row(0, {"loss": 0.5}),
        Row(None, {"time": 3.0}),
        Row(None, {"acc": 1.0}),
        Row(None, {"acc": 2.0}),
    ]


@pytest.mark.usefixtures("run_of_wandb")
def test_nothing_waits_for_a_run_that_logs_nothing(tmp_path, lines, monkeypatch):
    row = Row(None, {"loss": 0.5, "acc": 1.0})
    reading = sources(tmp_path, lines, PATTERN)
    assert reading.new_rows(PRINTED) == []
    assert reading.last_rows(PRINTED) == [row, row]
    reading = sources(tmp_path, lines, PATTERN)
    assert reading.new_rows(PRINTED) == []
    assert reading.new_rows(PRINTED, ended=True) == [row, row]
    monkeypatch.setattr("adaloss.tasks.program.sources.LONGEST_WAIT", 0.0)
    assert sources(tmp_path, lines, PATTERN).new_rows(PRINTED) == [row]


@pytest.mark.usefixtures("run_of_wandb")
def test_what_waits_is_there_before_a_mistake(tmp_path, lines):
    reading = sources(tmp_path, lines, PATTERN)
    assert reading.new_rows(PRINTED) == []
    with pytest.raises(ReportError) as caught:
        reading.new_rows(b"loss=low acc=1\n")
    assert caught.value.rows == (Row(None, {"loss": 0.5, "acc": 1.0}),)
