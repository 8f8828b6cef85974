"""A grid with ``program:`` expands to trials of the user's own code with any parameters."""

import subprocess
import sys
from pathlib import Path

import pytest
from program_grids import GRID, NO_SEEDS, POINTS, RANDOM, values, with_parameters

from adaloss.grid.sweep import GridError
from runners.tracking.labels import fill, labels_of


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
            "optimization.lr: {values: [0.1, 1]}",
        )
    )
    assert dict(sweep.trials[0].parameters) == {
        "optimizer.name": "sgd",
        "optimizer.adam.b1": 0.9,
        "optimization.lr": 0.1,
    }
    assert sweep.notes == ()


MIXED = with_parameters("optimizer: {parameters: {name: {value: sgd}}}", "optimizer.lr: [0.1, 1]")


def test_a_dotted_name_beside_the_group_would_be_passed_on_as_a_part_of_it(load):
    with pytest.raises(GridError) as caught:
        load(MIXED)
    (problem,) = caught.value.problems
    assert problem.message.startswith("optimizer.lr is beside the group optimizer of line ")
    assert problem.message.endswith("write lr in the group, or all of the group with dotted names")
    # A function has dotted names in either case.
    trials = load(MIXED.replace("train.py", "train.py:main")).trials
    assert {dict(trial.parameters)["optimizer.lr"] for trial in trials} == {0.1, 1}


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
    root = Path(__file__).parents[4]
    done = subprocess.run(
        [sys.executable, "-c", code, path], cwd=root, capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) == imported
