"""Tables, labels and filters take any parameter and metric of a program."""

import re

import pytest
from program_grids import CHOSEN, POINTS, with_parameters

from adaloss.grid.mistakes.problems import GridError
from adaloss.grid.points.filter import field_value
from adaloss.grid.reading.file import read_grid_file
from adaloss.grid.sweep import only
from adaloss.grid.tables.labels import Labels


@pytest.mark.parametrize(
    ("lines", "rows", "columns", "per"),
    [
        (["lr: [0.1, 1]", "size: [1, 2, 3]"], "size", "lr", ()),
        (["lr: [0.1, 1]", "size: [1, 2, 3]", "depth: [1, 2, 3, 4]"], "depth", "size", ("lr",)),
        (["arch: [a, b, c]", "lr: [0.1, 1]"], "lr", "arch", ()),
        (["arch: [a, b, c]", "opt: [x, y]"], "arch", "opt", ()),
        (["lr: [0.1, 1]", "arch: a"], "lr", "program", ()),
        (["lr: [0.1, 1]"], "lr", "program", ()),
        (["arch: [a, b]"], "arch", "program", ()),
        (["b0: [0.1, 1]", "optimizer: [a, b]", "size: [1, 2, 3]"], "b0", "optimizer", ("size",)),
        (["model: [a, b]", "lr: [0.1, 1]", "size: [1, 2, 3]"], "size", "lr", ("model",)),
        (["task: [1, 2]"], "parameters.task", "program", ()),
    ],
)
def test_the_default_table_has_the_two_parameters_with_the_most_values(
    load, lines, rows, columns, per
):
    (table,) = load(with_parameters(*lines)).tables
    assert (table.rows, table.columns, table.per) == (rows, columns, per)


@pytest.mark.parametrize("lines", [["lr: 0.1"], ["lr: 0.1", "arch: a"]])
def test_a_grid_of_one_cell_has_a_table(load, lines):
    (table,) = load(with_parameters(*lines)).tables
    assert "program" in (table.rows, table.columns)
    assert {table.rows, table.columns} < {"lr", "arch", "program"}
    assert table.per == ()


def test_a_grid_may_have_no_parameters(load):
    sweep = load(with_parameters().replace("parameters:\n", "parameters: {}\n"))
    assert [trial.seed for trial in sweep.trials] == [0, 1]
    assert (sweep.tables[0].rows, sweep.tables[0].columns) == ("program", "task")


def test_tables_take_any_parameter_and_metric(load):
    sweep = load(
        POINTS
        + "tables:\n"
        + "  - {rows: größe, columns: parameters.task, per: [optimizer.lr, sizes]}\n"
        + "  - {rows: größe, columns: parameters.task, tune: [optimizer.lr, sizes],\n"
        + "     metric: a/b c}\n"
        + "  - {only: {größe: [null, '1'], sizes: [[1, 2]]}, exclude: [{parameters.task: b}]}\n"
        + "  - {rows: program, columns: sizes, per: [optimizer.lr, größe, parameters.task],\n"
        + "     at: {reach: {val_loss: 0.5}}}\n"
        + "  - {rows: seed, columns: sizes, per: [optimizer.lr, größe, parameters.task],\n"
        + "     at: epoch 7, metric: seconds}\n"
    )
    first, second, third, fourth, fifth = sweep.tables
    assert (first.rows, first.columns, first.per) == (
        *("größe", "parameters.task"),
        ("optimizer.lr", "sizes"),
    )
    assert (second.tune, second.metric) == (("optimizer.lr", "sizes"), "a/b c")
    assert third.only == {"größe": (None, "1"), "sizes": ((1, 2),)}
    assert third.exclude == ({"parameters.task": ("b",)},)
    assert fourth.at == "reach val_loss 0.5"
    assert (fifth.rows, fifth.at, fifth.metric) == ("seed", "epoch 7", "logged_seconds")


def test_labels_stand_for_values_of_any_parameter(load):
    sweep = load(
        with_parameters(
            "arch: ['1', resnet]", "flag: [true, false]", "sizes: [[1, 2], [3]]", "task: [x, null]"
        )
        + "labels:\n"
        + "  resnet: ResNet\n"
        + "  '[1, 2]': wide\n"
        + "  flag: {true: with, false: without}\n"
        + "  parameters.task: {null: none}\n"
        + "  arch: {1: first}\n"
    )
    assert sweep.labels.values == {
        "arch": {"resnet": "ResNet", "1": "first"},
        "sizes": {(1, 2): "wide"},
        "flag": {True: "with", False: "without"},
        "parameters.task": {None: "none"},
    }


def test_a_value_that_is_written_like_its_field_has_the_label(load):
    text = with_parameters("arch: [arch, resnet]", "flag: [true, false]")
    for labels in ("{arch: {arch: first}, flag: F}", "{arch: first, flag: F}"):
        found = load(f"{text}labels: {labels}\n").labels
        assert found == Labels({"arch": {"arch": "first"}}, {"flag": "F"})


def test_a_field_that_is_also_a_value_of_another_must_say_which_is_meant(load):
    text = with_parameters("tuned: [lr, wd]", "lr: [0.1, 1]")
    with pytest.raises(GridError) as raised:
        load(f"{text}labels: {{lr: learning rate}}\n")
    assert (
        "labels: lr is a field and a value of tuned; write lr: {lr: …} for the field, "
        "tuned: {lr: …} for the value"
    ) in str(raised.value)
    found = load(f"{text}labels: {{lr: {{lr: learning rate}}, tuned: {{lr: the rate}}}}\n").labels
    assert found == Labels({"tuned": {"lr": "the rate"}}, {"lr": "learning rate"})


def test_a_label_of_a_number_is_not_one_of_a_boolean(load):
    text = with_parameters("flag: [true, false]", "count: [0, 1]")
    assert load(f"{text}labels: {{count: {{1: one}}, true: with}}\n").labels.values == {
        "count": {1: "one"},
        "flag": {True: "with"},
    }


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("optimizer.lr", "0.1", {0.1}),
        ("optimizer.lr", "1e0|0.1", {0.1, 1}),
        ("optimizer.lr", "0.012345678901", {0.012345678901}),
        ("batch-size", "1", {"1"}),
        ("batch-size", "null", {None}),
        ("batch-size", "a|b", {"a|b"}),
        ("batch-size", "null | 1", {None, "1"}),
        ("parameters.task", "yes", {"yes"}),
        ("parameters.task", "true|yes", {True, "yes"}),
        ("größe", "[1, 2]", {(1, 2)}),
        ("größe", "[a, null] | []", {("a", None), ()}),
        ("seed", "1", {1}),
        ("program", "train.py", {"train.py"}),
        ("task", "program", {"program"}),
    ],
)
def test_only_selects_trials_by_any_parameter(load, name, text, expected):
    trials = load(CHOSEN).trials
    chosen = only(trials, {name: text})
    assert {trial.value(name) for trial in chosen} == expected
    assert chosen == tuple(trial for trial in trials if trial.value(name) in expected)


@pytest.mark.parametrize("name", ["model", "optimizer", "dataset", "precision"])
def test_only_reads_numbers_where_our_own_field_of_the_name_has_texts(load, name):
    trials = load(with_parameters(f"{name}: [1, 2, x]")).trials
    assert {trial.value(name) for trial in only(trials, {name: "2|x"})} == {2, "x"}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("lr", "1", "unknown field 'lr'; known: task, program, batch-size, größe, optimizer.lr, "),
        ("optimizer.momentum", "1", "unknown field 'optimizer.momentum'; known: task, program, "),
        ("batchsize", "1", "unknown field 'batchsize'; did you mean batch-size?"),
        (
            "optimizer.lr",
            "2",
            "no trial has optimizer.lr=2; the trials have 0.1, 1, 0.012345678901",
        ),
        ("größe", "[2, 1]", "no trial has größe=[2, 1]; the trials have [1, 2], [], [a, null]"),
        ("batch-size", "2", "no trial has batch-size=2; the trials have '1', 1, null, a|b"),
        ("seed", "x", "seed must be a whole number, found the text 'x'"),
    ],
)
def test_only_names_what_there_is(load, name, text, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        only(load(CHOSEN).trials, {name: text})


def test_the_value_of_a_program_has_no_type(load):
    sweep = load(CHOSEN)
    task = read_grid_file(sweep.source).task
    for text, value in {"1": 1, "1e-3": 1e-3, "a": "a", "null": None, "true": True}.items():
        assert field_value("batch-size", text, task) == value
