"""Frames of trials of the user's own program, whose fields and metrics have any names."""

import json

import pandas as pd
import pytest

from adaloss.grid.tables.at import Reach
from adaloss.records.store import METRICS_FILE
from adaloss.tasks.program.task import aimed
from adaloss.tasks.table import common_task
from analysis.export import export
from analysis.frame.column_types import values_of
from analysis.frame.frame import (
    build_frame,
    distinct_values,
    fields_in,
    history_frame,
    task_in,
)
from analysis.frame.loading import load, load_history

METRICS = ("trial_id", "state", "task", "lr", "self", "t", "s", "µ", "val loss", "a:b", "size")
"""Metrics that are called like columns of frames and indexes, like parameters, or otherwise."""


def parameters_of(trial):
    return {f"parameters.{name}" if name in RENAMED else name: v for name, v in trial.parameters}


RENAMED = ("task", "state", "last:acc")


def test_a_frame_has_the_programs_parameters_with_the_values_that_were_declared(programs):
    programs.declare()
    programs.declare(lr="other", mean=(1,), alpha="x", **{"batch-size": 2**70, "größe": 2.5})
    frame = programs.frame()
    for row, trial in enumerate(programs.trials):
        for name, value in parameters_of(trial).items():
            found = values_of(frame, name)[row]
            assert (found, type(found)) == (value, type(value))
    assert list(frame)[:2] == ["task", "program"]
    assert list(frame).index("seed") == 2 + len(programs.trials[0].parameters)
    assert values_of(frame, "task") == ["program", "program"]
    assert values_of(frame, "state") == ["missing", "missing"]


def test_a_parameter_that_only_some_trials_have_is_none_in_the_others(programs):
    programs.declare()
    programs.declare(extra=1)
    assert values_of(programs.frame(), "extra") == [None, 1]


def test_the_type_of_a_parameter_is_that_of_its_values(programs):
    for number in (1, 2):
        programs.declare(
            a=number, b=number / 4, c=bool(number), lr=str(number), d=(number, 0.5)[number - 1]
        )
    types = {name: str(dtype) for name, dtype in programs.frame().dtypes.items()}
    assert [types[name] for name in ("a", "b", "c", "d")] == ["int64", "float64", "bool", "object"]
    assert (types["lr"], types["epochs"], types["mean"]) == ("str", "int64", "object")


def test_the_metrics_are_all_that_any_result_has_in_the_order_of_appearance(programs):
    programs.complete(programs.declare(seed=0), {"loss": 1.0}, {"loss": 0.5, "test/top1": 0.25})
    programs.complete(programs.declare(seed=1), {"µ": None, "b": float("inf"), "loss": 2.0})
    programs.declare(seed=2)
    frame = programs.frame()
    measured = [name for name in frame if name.startswith("last:")]
    names = ["loss", "test/top1", "µ", "b", "seconds"]
    assert measured == [f"last:{name}" for name in names]
    assert frame["last:loss"].tolist()[:2] == [0.5, 2.0]
    assert frame["last:test/top1"].isna().tolist() == [False, True, True]
    assert frame["last:µ"].isna().all()
    assert frame["last:b"][1] == float("inf")
    assert all(frame[name].dtype == "float64" for name in measured)


def test_a_reported_metric_has_a_column_before_any_trial_ends(programs):
    programs.declare()
    assert list(programs.frame(metrics=["other"]))[-3:] == [
        "last:test/top1",
        "last:other",
        "last:seconds",
    ]


def test_metrics_may_be_called_like_columns_parameters_and_arguments(programs):
    values = dict(zip(METRICS, map(float, range(20)), strict=False))
    programs.complete(programs.declare(), values)
    frame, history = programs.frame(), history_frame(programs.trials, programs.store)
    for name, value in values.items():
        column = f"metrics.{name}" if name in ("trial_id", "state", "task", "lr", "self") else name
        assert frame[f"last:{name}"].tolist() == [value]
        assert history[column].tolist() == [value]
    assert history["lr"].tolist() == ["1e-3, then less"]


def test_a_history_has_nan_where_a_report_lacks_a_metric(programs):
    programs.report(programs.declare(seed=0), {"a": 1.0}, {"b": 2.0}, {"a": 3.0, "b": None})
    programs.declare(seed=1)
    programs.report(programs.declare(seed=2), {"c": 4.0, "a": 5.0})
    history = history_frame(programs.trials, programs.store)
    assert list(history)[-6:] == ["epoch", "step", "a", "b", "c", "seconds"]
    assert history["seed"].tolist() == [0, 0, 0, 2]
    assert history["epoch"].tolist() == [1, 2, 3, 1]
    assert history["a"].fillna(-1).tolist() == [1.0, -1, 3.0, 5.0]
    assert history["b"].fillna(-1).tolist() == [-1, 2.0, -1, -1]
    assert history["c"].fillna(-1).tolist() == [-1, -1, -1, 4.0]


def test_epochs_and_targets_have_every_metric(programs):
    programs.complete(programs.declare(seed=0), {"test/top1": 0.3}, {"test/top1": 0.6, "x": 1.0})
    programs.complete(programs.declare(seed=1), {"test/top1": 0.2}, {"test/top1": 0.4})
    task = aimed(common_task(programs.trials), "test/top1", "maximize")
    target = Reach("test/top1", 0.5, task)
    frame = programs.frame(epochs=[2], targets=[target])
    assert frame["epoch 2:x"].fillna(-1).tolist() == [1.0, -1]
    assert frame["reach test/top1 0.5:epoch"].tolist() == [2.0, float("inf")]
    assert frame["reach test/top1 0.5:test/top1"].tolist() == [0.6, float("-inf")]
    assert target.words == "test/top1 ≥ 0.5"
    down = Reach("test/top1", 0.3, aimed(task, "test/top1", "minimize"))
    frame = programs.frame(targets=[down])
    assert frame["reach test/top1 0.3:epoch"].tolist() == [1.0, 1.0]


def test_fields_and_task_of_a_frame_are_those_of_the_program(programs):
    programs.declare(alpha=1)
    programs.declare(alpha=2)
    frame = programs.frame()
    task = task_in(frame)
    assert task.is_program
    assert task.parameters == common_task(programs.trials).parameters
    assert fields_in(frame) == ("program", *task.parameters, "seed")
    # In other tasks some optimizers do not use a field of this name.
    assert distinct_values(frame, "alpha") == (1, 2)
    programs.declare(program="other.py")
    assert fields_in(programs.frame())[0] == "program"


def test_the_frame_of_a_part_of_a_sweep_has_the_parameters_of_the_whole(programs):
    programs.declare()
    programs.declare(momentum=0.9)
    frame = build_frame(
        programs.trials[:1], programs.store, epochs=[1], sweep_trials=programs.trials
    )
    assert task_in(frame).parameters == common_task(programs.trials).parameters
    assert values_of(frame, "momentum") == [None]


def test_new_metrics_do_not_make_old_records_be_read_again(programs, monkeypatch):
    programs.complete(programs.declare(seed=0), {"a": 1.0})
    programs.frame()
    history_frame(programs.trials, programs.store)
    read = []
    store_class = type(programs.store)
    for name in ("read_result", "read_metrics"):
        original = getattr(store_class, name)
        monkeypatch.setattr(
            store_class, name, lambda s, t, original=original: read.append(t.seed) or original(s, t)
        )
    programs.complete(programs.declare(seed=1), {"b": 2.0})
    frame = programs.frame()
    history = history_frame(programs.trials, programs.store)
    assert read == [1, 1]
    assert frame["last:a"].fillna(-1).tolist() == [1.0, -1]
    assert history["b"].fillna(-1).tolist() == [-1, 2.0]


def test_a_damaged_history_keeps_what_came_before(programs):
    trial = programs.declare()
    programs.report(trial, {"a": 1.0}, {"a": 2.0})
    path = programs.store.trial_folder(trial) / METRICS_FILE
    lines = path.read_text().splitlines()
    path.write_text(f"{lines[0]}\nnot json\n{lines[1]}\n")
    problems = []
    store = type(programs.store)(programs.store.root, problems.append)
    assert history_frame(programs.trials, store)["a"].tolist() == [1.0]
    assert len(problems) == 1


def test_a_folder_without_a_grid_is_loaded_with_the_trials_it_has(programs):
    programs.complete(programs.declare(seed=1), {"test/top1": 0.5}, {"test/top1": 0.6})
    programs.complete(programs.declare(seed=2, extra="x"), {"test/top1": 0.25})
    frame = load(programs.store.root, epochs=(2,))
    assert sorted(frame["last:test/top1"]) == [0.25, 0.6]
    assert frame["epoch 2:test/top1"].notna().sum() == 1
    assert set(load_history(programs.store.root)["extra"]) == {None, "x"}
    # Only a grid says which way is better.
    with pytest.raises(ValueError, match="no metric 'test/top1' to reach"):
        load(programs.store.root, targets={"test/top1": 0.5})


def test_a_frame_without_any_record_has_its_columns(programs):
    programs.declare()
    history = history_frame(programs.trials, programs.store)
    assert len(history) == 0
    assert list(history)[-3:] == ["epoch", "step", "seconds"]


@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl"])
def test_an_export_has_every_column(eventful_programs, tmp_path, form):
    programs = eventful_programs
    programs.declare(seed=9, mean="text", epochs=0.5)
    paths = export(programs.trials, programs.store, form, tmp_path)
    read = {"csv": pd.read_csv, "parquet": pd.read_parquet}.get(form, read_lines)
    trials, history = map(read, paths)
    frame = programs.frame()
    assert list(trials) == list(frame)
    assert list(history) == list(history_frame(programs.trials, programs.store))
    assert len(trials) == len(frame)
    assert trials["epochs"].tolist() == [3.0] * 18 + [0.5]
    assert trials["last:test/top1"].astype(float).tolist()[0] == 0.5
    if form == "csv":
        assert trials["data.path"][0] == "'=1+1"
    if form != "jsonl":
        assert trials["mean"].tolist()[0] == "(0.1, 0.2)"


def read_lines(path):
    return pd.DataFrame([json.loads(line) for line in path.read_text().splitlines()])
