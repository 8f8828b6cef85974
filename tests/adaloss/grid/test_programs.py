"""A grid with ``program:`` expands to trials of the user's own code with any parameters."""

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from adaloss.errors import UserError
from adaloss.grid.points.filter import field_value
from adaloss.grid.reading.file import read_grid_file
from adaloss.grid.sweep import grid_json_schema, load_sweep, only
from runners.tracking.labels import fill, labels_of

GRID = """\
name: demo
program: train.py
metric: {name: val_loss}
parameters:
  optimizer.lr: [0.1, 1]
  batch-size: [32, 64, 128]
seeds: 2
"""
RANDOM = """\
name: demo
program: train.py
metric: {name: val_loss}
method: random
run_cap: 6
parameters:
  lr: {distribution: log_uniform_values, min: 1e-4, max: 1e-1}
  layers: {min: 1, max: 4}
  model: [small, large]
"""
NO_SEEDS = (
    "the grid has no seeds: each cell runs once, and the program gets no seed; write seeds: 5 for "
    "means with their spread"
)


@pytest.fixture
def load(tmp_path):
    def load_text(text, name="grid.yaml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return load_sweep(path)

    return load_text


def values(sweep, *names):
    return [tuple(trial.value(name) for name in names) for trial in sweep.trials]


def with_parameters(*lines, grid=GRID):
    """The grid with these parameters, each of which is on a line of its own."""
    before, _, rest = grid.partition("parameters:\n")
    after = "".join(line for line in rest.splitlines(keepends=True) if not line.startswith(" "))
    return f"{before}parameters:\n" + "".join(f"  {line}\n" for line in lines) + after


def test_every_combination_and_every_seed_is_a_trial(load):
    sweep = load(GRID)
    assert values(sweep, "optimizer.lr", "batch-size", "seed") == [
        (lr, size, seed) for seed in (0, 1) for lr in (0.1, 1) for size in (32, 64, 128)
    ]
    first = sweep.trials[0]
    assert dict(first.parameters) == {"batch-size": 32, "optimizer.lr": 0.1}
    assert (first.task, first.program, first.metric) == ("program", "train.py", "val_loss")
    assert (first.seed_parameter, first.command, first.python) == ("seed", None, None)
    assert sweep.grid.task == "program"
    assert sweep.axes == {"optimizer.lr": (0.1, 1), "batch-size": (32, 64, 128), "seed": (0, 1)}
    assert (sweep.notes, sweep.defaulted) == ((), set())


def test_the_task_may_be_named(load):
    named = load(GRID.replace("program: train.py\n", "task: program\nprogram: train.py\n"))
    assert named.trials == load(GRID).trials


def test_trials_have_what_the_grid_says_about_the_program(load):
    sweep = load(
        GRID
        + "command: ['${env}', python, -O, '${program}', 3, '${args}']\n"
        + "python: /usr/bin/python3\n"
        + "seed_parameter: rng\n"
        + r"metrics: {file: out.json, pattern: 'loss=(?P<val_loss>\S+)'}"
        + "\ndivergence: {metric: train_loss, max_loss: 50}\n"
    )
    trial = sweep.trials[0]
    assert trial.command == ("${env}", "python", "-O", "${program}", "3", "${args}")
    assert (trial.python, trial.seed_parameter) == ("/usr/bin/python3", "rng")
    assert trial.metrics_file == "out.json"
    assert trial.metrics_pattern == r"loss=(?P<val_loss>\S+)"
    assert (trial.divergence_metric, trial.max_loss) == ("train_loss", 50)


@pytest.mark.parametrize(
    ("divergence", "metric", "bound"),
    [
        ("", None, None),
        ("divergence: {max_loss: 9}\n", "val_loss", 9),
        ("divergence: {metric: loss}\n", "loss", None),
    ],
)
def test_there_is_no_bound_on_a_metric_unless_the_grid_has_one(load, divergence, metric, bound):
    trial = load(GRID + divergence).trials[0]
    assert (trial.divergence_metric, trial.max_loss) == (metric, bound)


@pytest.mark.parametrize(
    ("goal", "expected"),
    [("", "minimize"), (", goal: maximize", "maximize"), (", goal: minimize", "minimize")],
)
def test_the_metric_is_minimized_unless_the_grid_says_otherwise(load, goal, expected):
    metric = load(GRID.replace("{name: val_loss}", f"{{name: acc{goal}}}")).grid.metric
    assert (metric.name, metric.goal) == ("acc", expected)


@pytest.mark.parametrize("name", ["epoch", "step", "seconds"])
def test_a_metric_that_every_record_has_is_called_otherwise(load, name):
    sweep = load(GRID.replace("val_loss", name))
    assert sweep.grid.metric.name == sweep.trials[0].metric == f"logged_{name}"


@pytest.mark.parametrize(
    ("text", "seeds", "given", "defaulted"),
    [
        ("seeds: 2", (0, 1), "seed", set()),
        ("seeds: [7, 3]", (7, 3), "seed", set()),
        ("", (0,), None, set()),
        ("seed_parameter: rng", (0,), None, set()),
        ("seed_parameter: rng\nseeds: 3", (0, 1, 2), "rng", set()),
    ],
)
def test_a_script_gets_the_seeds_that_the_grid_has(load, text, seeds, given, defaulted):
    sweep = load(GRID.replace("seeds: 2", text))
    assert (sweep.grid.seeds, sweep.defaulted) == (seeds, defaulted)
    assert {trial.seed for trial in sweep.trials} == set(seeds)
    assert {trial.seed_parameter for trial in sweep.trials} == {given}
    assert sweep.notes == (() if given else (NO_SEEDS,))


@pytest.mark.parametrize("form", ["[4, 6]", "{values: [4, 6]}"])
@pytest.mark.parametrize("grid", [GRID.replace("seeds: 2\n", ""), RANDOM])
def test_seeds_may_be_a_parameter_as_in_sweep_files_of_wandb(load, grid, form):
    sweep = load(grid.replace("parameters:\n", f"parameters:\n  seed: {form}\n"))
    assert sweep.grid.seeds == (4, 6)
    assert {trial.seed_parameter for trial in sweep.trials} == {"seed"}
    assert "seed" not in dict(sweep.trials[0].parameters)
    assert sweep.notes == ()


@pytest.mark.parametrize("program", ["train:main", "src/train.py:main", "my.package.train:run"])
def test_a_function_gets_five_seeds_unless_the_grid_has_others(load, program):
    text = GRID.replace("program: train.py", f"program: {program}")
    assert load(text).grid.seeds == (0, 1)
    sweep = load(text.replace("seeds: 2\n", ""))
    assert sweep.grid.seeds == (0, 1, 2, 3, 4)
    assert {trial.seed_parameter for trial in sweep.trials} == {"seed"}
    assert (sweep.notes, sweep.defaulted) == ((), {"seeds"})


RESERVED = ("task", "program", "state", "epoch", "trial_id", "seconds")


def test_a_parameter_called_as_a_column_of_all_frames_has_a_longer_name_in_tables(load):
    sweep = load(with_parameters(*(f"{name}: [1, 2]" for name in RESERVED[:2]), "state: on"))
    trial = sweep.trials[0]
    assert dict(trial.parameters) == {"task": 1, "program": 1, "state": "on"}
    assert (trial.value("task"), trial.value("program")) == ("program", "train.py")
    assert trial.value("parameters.task") == trial.value("parameters.program") == 1
    assert sweep.notes == tuple(
        f"the parameter {name} is called parameters.{name} in tables"
        for name in ("task", "program", "state")
    )
    assert set(sweep.axes) == {"parameters.task", "parameters.program", "seed"}
    (table,) = sweep.tables
    assert {table.rows, table.columns} == {"parameters.task", "parameters.program"}


@pytest.mark.parametrize("name", RESERVED)
def test_a_parameter_may_be_called_as_tables_call_another_one(load, name):
    sweep = load(
        with_parameters(f"{name}: 1", f"parameters.{name}: 2", f"parameters.parameters.{name}: 3")
    )
    parameters = dict(sweep.trials[0].parameters)
    assert parameters == {
        name: 1,
        f"parameters.{name}": 2,
        f"parameters.parameters.{name}": 3,
    }
    assert {trial.value("task") for trial in sweep.trials} == {"program"}


def test_a_group_may_have_a_parameter_called_seed(load):
    sweep = load(with_parameters("data: {parameters: {seed: {values: [1, 2]}}}", "model: a"))
    assert values(sweep, "data.seed", "seed") == [(1, 0), (2, 0), (1, 1), (2, 1)]
    odd = load(with_parameters("parameters: {parameters: {seed: {value: 8}}}"))
    assert dict(odd.trials[0].parameters) == {"parameters.seed": 8}


@pytest.mark.parametrize(
    "name",
    ["name", "method", "metric", "metrics", "parameters", "seeds", "command", "python", "run_cap"],
)
def test_a_parameter_may_be_called_as_a_key_of_grids(load, name):
    sweep = load(with_parameters(f"{name}: [1, 2]"))
    assert [dict(trial.parameters) for trial in sweep.trials[:2]] == [{name: 1}, {name: 2}]
    assert sweep.notes == ()


def test_nested_groups_are_dotted_names(load):
    sweep = load(
        with_parameters(
            "optimizer: {parameters: {name: {value: sgd}, adam: {parameters: {b1: {value: 0.9}}}}}",
            "optimizer.lr: {values: [0.1, 1]}",
        )
    )
    assert dict(sweep.trials[0].parameters) == {
        "optimizer.name": "sgd",
        "optimizer.adam.b1": 0.9,
        "optimizer.lr": 0.1,
    }
    assert sweep.notes == ()


def test_names_of_our_own_fields_mean_nothing_else(load):
    sweep = load(
        with_parameters(
            "dataset: [1, 2]",
            "model: [true, false]",
            "optimizer: [nonsense, '2']",
            "optimizer.alpha: -1",
            "optimizer.lr: fast",
            "epochs: 0",
            "lr: -3",
            "hyperparameters: x",
            "max_loss: null",
        )
    )
    assert len(sweep.trials) == 16
    assert sweep.notes == ()
    assert sweep.trials[0].value("optimizer.lr") == "fast"


def test_values_are_what_json_has(load):
    sweep = load(
        with_parameters(
            "text: ['1', 1, 'true', 'null', null]",
            "flag: [true, false]",
            "sizes: [[64, 32], [[1, 2], null, a], []]",
            "größe-😀: {value: [1, 2]}",
            "with space: .inf",
        )
    )
    assert sweep.grid.parameters == {
        "text": ("1", 1, "true", "null", None),
        "flag": (True, False),
        "sizes": ((64, 32), ((1, 2), None, "a"), ()),
        "größe-😀": ((1, 2),),
        "with space": (float("inf"),),
    }
    assert len({trial.trial_id for trial in sweep.trials}) == len(sweep.trials) == 60


POINTS = with_parameters(
    "optimizer.lr: [0.1, 1]", "task: [a, b]", "größe: ['1', 2, null]", "sizes: [[1, 2], [3]]"
)


def test_overrides_exclude_and_include_take_any_name_and_value(load):
    sweep = load(
        POINTS
        + "overrides:\n"
        + "  - {match: {parameters.task: a, größe: '1'}, set: {optimizer.lr: 0.5}}\n"
        + "  - {match: {größe: null}, set: {größe: none}}\n"
        + "exclude:\n"
        + "  - {größe: [2, none], optimizer.lr: 1}\n"
        + "  - {parameters.task: b}\n"
        + "include:\n"
        + "  - {parameters.task: c, größe: 7, optimizer.lr: [3, 4], sizes: x}\n"
    )
    seen = dict.fromkeys(values(sweep, "optimizer.lr", "parameters.task", "größe", "sizes"))
    assert list(seen) == [
        (0.5, "a", "1", (1, 2)),
        (0.5, "a", "1", (3,)),
        (0.1, "a", 2, (1, 2)),
        (0.1, "a", 2, (3,)),
        (0.1, "a", "none", (1, 2)),
        (0.1, "a", "none", (3,)),
        (3, "c", 7, "x"),
        (4, "c", 7, "x"),
    ]


def test_a_cell_is_one_trial_however_often_the_grid_has_it(load):
    text = GRID + "overrides: [{match: {batch-size: 64}, set: {batch-size: 32}}]\n"
    assert len(load(text).trials) == len({t.trial_id for t in load(text).trials}) == 8


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
    assert sweep.labels == {
        "arch": {"resnet": "ResNet", "1": "first"},
        "sizes": {(1, 2): "wide"},
        "flag": {True: "with", False: "without"},
        "parameters.task": {None: "none"},
    }


def test_a_label_of_a_number_is_not_one_of_a_boolean(load):
    text = with_parameters("flag: [true, false]", "count: [0, 1]")
    assert load(f"{text}labels: {{count: {{1: one}}, true: with}}\n").labels == {
        "count": {1: "one"},
        "flag": {True: "with"},
    }


CHOSEN = with_parameters(
    "optimizer.lr: [0.1, 1, 0.012345678901]",
    "batch-size: ['1', 1, null, a|b]",
    "task: [yes, true]",
    "größe: [[1, 2], [], [a, null]]",
)


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


def test_a_random_search_draws_the_same_points_each_time(load):
    sweep = load(RANDOM)
    parameters = [dict(trial.parameters) for trial in sweep.trials]
    assert parameters == [dict(trial.parameters) for trial in load(RANDOM, "other.yaml").trials]
    assert len({trial.trial_id for trial in sweep.trials}) == len(parameters) == 6
    assert all(1e-4 <= each["lr"] <= 1e-1 for each in parameters)
    assert {each["layers"] for each in parameters} <= {1, 2, 3, 4}
    assert {each["model"] for each in parameters} <= {"small", "large"}
    assert sweep.grid.run_cap is None
    assert sweep.notes == (NO_SEEDS,)


def test_the_points_depend_on_the_seed_of_the_search(load):
    zero, one = (values(load(f"{RANDOM}seed: {seed}\n"), "lr") for seed in (0, 1))
    assert zero == values(load(RANDOM), "lr")
    assert not set(zero) & set(one)


def test_a_larger_run_cap_adds_points(load):
    few, many = load(RANDOM), load(RANDOM.replace("run_cap: 6", "run_cap: 40"))
    assert many.trials[:6] == few.trials
    assert len(many.trials) == 40


def test_a_further_parameter_changes_no_value_of_the_others(load):
    more = load(RANDOM.replace("parameters:\n", "parameters:\n  dropout: {min: 0.0, max: 0.5}\n"))
    assert values(more, "lr", "layers", "model") == values(load(RANDOM), "lr", "layers", "model")


def test_every_point_has_every_seed(load):
    sweep = load(RANDOM + "seeds: [5, 9]\n")
    assert [trial.seed for trial in sweep.trials] == [5] * 6 + [9] * 6
    assert values(sweep, "lr")[:6] == values(sweep, "lr")[6:] == values(load(RANDOM), "lr")


def test_fewer_points_than_run_cap_are_noted(load):
    sweep = load(with_parameters("model: [a, b]", "size: {min: 1, max: 2}", grid=RANDOM))
    assert len(sweep.trials) == 4
    assert sweep.notes == (NO_SEEDS, "run_cap is 6, but only 4 different points were found")


def test_drawn_points_may_be_overridden_excluded_and_joined_by_others(load):
    plain = values(load(RANDOM), "lr", "layers", "model")
    sweep = load(
        RANDOM
        + "overrides: [{match: {model: large}, set: {layers: 9}}]\n"
        + "exclude: [{model: small}]\n"
        + "include: [{model: huge, lr: 1, layers: [1, 2]}]\n"
    )
    large = [(lr, 9, "large") for lr, _, model in plain if model == "large"]
    assert 0 < len(large) < 6
    assert values(sweep, "lr", "layers", "model") == [*large, (1, 1, "huge"), (1, 2, "huge")]


def test_the_table_of_a_random_search_has_a_row_for_each_point(load):
    (table,) = load(RANDOM).tables
    assert (table.rows, table.columns, table.per) == ("lr", "program", ())
    (table,) = load(f"{RANDOM}tables: [{{rows: layers, columns: model, tune: lr}}]\n").tables
    assert (table.rows, table.columns, table.tune) == ("layers", "model", ("lr",))


def test_templates_for_wandb_take_any_parameter(load):
    sweep = load(
        with_parameters("optimizer.lr: 1e-4", "batch-size: [[1, 2]]", "größe: null", "task: true")
        + "wandb:\n"
        + "  name: '{optimizer.lr} {batch-size} {größe} {parameters.task} {seed}'\n"
        + "  group: '{{{program}}} {task}'\n"
        + "  tags: ['{trial_id}', '{sweep}']\n"
    )
    labels = labels_of(sweep, sweep.trials[1])
    assert labels.name == "0.0001 [1, 2] null true 1"
    assert labels.group == "{train.py} program"
    assert labels.tags[:2] == (sweep.trials[1].trial_id, "demo")
    assert fill("{optimizer.lr}", "demo", sweep.trials[0]) == "0.0001"


@pytest.fixture(scope="module")
def schema():
    return jsonschema.Draft202012Validator(grid_json_schema())


def plain(path):
    return json.loads(json.dumps(read_grid_file(path).data))


ACCEPTED = {
    "plain": GRID,
    "named task": f"task: program\n{GRID}",
    "random": RANDOM + "seed: 3\nseeds: 2\n",
    "any parameters": CHOSEN,
    "points": POINTS + "exclude: [{größe: 2}]\ninclude: [{parameters.task: c, größe: 1, "
    "optimizer.lr: 3, sizes: 1}]\noverrides: [{match: {größe: '1'}, set: {größe: 3}}]\n",
    "tables": POINTS + "tables: [{rows: größe, columns: parameters.task, "
    "per: [optimizer.lr, sizes], metric: my/loss, at: {reach: {val_loss: 3}}}]\n",
    "program": GRID + "command: [python, '${program}', 3]\npython: python3\nseed_parameter: rng\n"
    "metrics: {file: out.json}\ndivergence: {metric: mine, max_loss: 3}\n",
    "nested": with_parameters("optimizer: {parameters: {lr: {values: [1, 2]}}}"),
    "wandb": GRID + "project: p\nentity: e\ncontroller: {type: local}\n",
}
REFUSED = {
    "no metric": GRID.replace("metric: {name: val_loss}\n", ""),
    "no name of the metric": GRID.replace("name: val_loss", "goal: minimize"),
    "no program": GRID.replace("program: train.py", "task: program"),
    "nothing as program": GRID.replace("program: train.py", "program:"),
    "no run_cap": RANDOM.replace("run_cap: 6\n", ""),
    "seed of no random search": GRID + "seed: 1\n",
    "bayes": GRID + "method: bayes\n",
    "empty command": GRID + "command: []\n",
    "empty metrics": GRID + "metrics: {}\n",
    "unknown key": GRID + "pattern: x\n",
    "early_terminate": GRID + "early_terminate: {type: hyperband}\n",
}
OURS = """\
name: demo
parameters:
  dataset: digits
  model: mlp
  optimizer: adaloss
  lr: 1
  epochs: 1
  batch_size: 64
"""
REFUSED_FOR_OUR_TASKS = {
    "unknown parameter": OURS + "  dropout: 0.1\n",
    "unknown metric": OURS + "metric: {name: my_loss}\n",
    "unknown field of a table": OURS + "tables: [{rows: dropout}]\n",
    "unknown metric of a table": OURS + "tables: [{metric: my_loss}]\n",
    "random": OURS + "method: random\nrun_cap: 3\n",
    "seed": OURS + "seed: 3\n",
    "python": OURS + "python: python3\n",
    "seed_parameter": OURS + "seed_parameter: rng\n",
    "metrics": OURS + "metrics: {file: out.json}\n",
    "distribution": OURS.replace("lr: 1", "lr: {min: 1, max: 2}"),
}


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED)
def test_the_schema_accepts_what_loads(load, schema, text):
    assert schema.is_valid(plain(load(text).source))


@pytest.mark.parametrize(
    "text",
    [
        *REFUSED.values(),
        *REFUSED_FOR_OUR_TASKS.values(),
        *(
            f"task: image_classification\nprogram: train.py\n{text}"
            for text in REFUSED_FOR_OUR_TASKS.values()
        ),
    ],
    ids=[
        *REFUSED,
        *REFUSED_FOR_OUR_TASKS,
        *(f"{name}, with a program" for name in REFUSED_FOR_OUR_TASKS),
    ],
)
def test_the_schema_refuses_what_does_not_load(load, schema, tmp_path, text):
    with pytest.raises(UserError):
        load(text)
    assert not schema.is_valid(plain(tmp_path / "grid.yaml"))


def test_the_schema_accepts_our_own_tasks_as_before(load, schema):
    for text in (OURS, f"task: image_classification\nprogram: train.py\n{OURS}"):
        assert schema.is_valid(plain(load(text).source))


@pytest.mark.parametrize(
    ("lines", "imported"),
    [
        (["lr: {min: 0.1, max: 1}", "optimizer: [adam, torch.optim:SGD, timm:lamb]"], set()),
        (["mix: {distribution: beta, a: 2, b: 3}"], {"numpy", "scipy"}),
    ],
)
def test_loading_imports_nothing_heavy(tmp_path, lines, imported):
    path = tmp_path / "grid.yaml"
    path.write_text(with_parameters(*lines, grid=RANDOM))
    code = (
        "import sys; from pathlib import Path; from adaloss.grid.sweep import load_sweep; "
        "load_sweep(Path(sys.argv[1])); "
        "print(*{'torch', 'numpy', 'scipy', 'pandas', 'wandb', 'ray'} & set(sys.modules))"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code, path], cwd=root, capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) == imported
