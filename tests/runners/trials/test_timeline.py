"""Where a run's time went, as sums and as a trace that Chrome and Perfetto open."""

import json

import pytest

from runners.trials.timeline import EPOCHS, TRIALS, Span, Timeline


def spans(name, *seconds):
    return [Span(name=name, start=100.0 + n, seconds=s) for n, s in enumerate(seconds)]


def test_the_summary_says_how_much_of_the_workers_time_was_training():
    timeline = Timeline()
    timeline.add("driver", spans(TRIALS, 10.0))
    timeline.add("worker 1", spans(EPOCHS, 6.0, 3.0))
    timeline.add("worker 2", spans(EPOCHS, 9.6))
    timeline.places = 2
    printed = timeline.summary()
    assert "10.0 s for the trials, " in printed
    assert printed.endswith("93 % of the time of 2 workers was training")


def test_a_run_without_a_trial_has_no_part():
    assert "nothing of the time of 1 worker" in Timeline().summary()


def test_the_file_is_a_trace_with_a_line_for_driver_and_workers(tmp_path):
    path = tmp_path / "sweep" / "profile.json"
    timeline = Timeline(path)
    timeline.worked("worker 7", "mlp-adaloss", [("start", 100.0, 0.5), (EPOCHS, 100.5, 2.0)])
    with timeline.span(TRIALS):
        pass
    timeline.close()
    events = json.loads(path.read_text())
    names = {event["tid"]: event["args"]["name"] for event in events if event["ph"] == "M"}
    assert names == {0: "driver", 1: "worker 7"}
    (epochs,) = (event for event in events if event["name"] == EPOCHS)
    assert (epochs["ph"], epochs["tid"], epochs["args"]) == ("X", 1, {"trial": "mlp-adaloss"})
    assert (epochs["ts"], epochs["dur"]) == pytest.approx((100.5e6, 2e6))
    assert [event["tid"] for event in events if event["name"] in (TRIALS, "run")] == [0, 0]


def test_a_run_that_stops_early_leaves_a_file_that_only_lacks_its_end(tmp_path):
    timeline = Timeline(tmp_path / "profile.json")
    timeline.worked("worker 7", "mlp", [(EPOCHS, 100.0, 1.0)])
    cut_short = timeline.path.read_text()
    assert len(json.loads(cut_short.rstrip(",\n") + "]")) == 3


def test_a_new_run_replaces_the_file(tmp_path):
    for _ in range(2):
        timeline = Timeline(tmp_path / "profile.json")
        timeline.worked("worker 7", "mlp", [(EPOCHS, 100.0, 1.0)])
        timeline.close()
    assert len(json.loads(timeline.path.read_text())) == 4


def test_without_a_path_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    timeline = Timeline()
    timeline.worked("worker 7", "mlp", [(EPOCHS, 100.0, 1.0)])
    timeline.close()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_stops_nothing(tmp_path):
    (tmp_path / "file").touch()
    timeline = Timeline(tmp_path / "file" / "profile.json")
    timeline.worked("worker 7", "mlp", [(EPOCHS, 100.0, 1.0)])
    timeline.close()
    assert timeline.path is None
    assert timeline.seconds[EPOCHS] == 1.0
