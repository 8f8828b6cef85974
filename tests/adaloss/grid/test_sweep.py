"""A grid file in any form expands to its trials in the declared order."""

from dataclasses import replace

import pytest
from pydantic import model_validator
from small_grid import GRID

from adaloss.errors import UserError
from adaloss.grid.reading.scalars import plain_scalar
from adaloss.grid.sweep import GridError, load_sweep, only
from adaloss.tasks.regression.fields import RegressionTrial
from adaloss.tasks.regression.task import LINEAR_REGRESSION


def points(sweep, *fields):
    return [tuple(trial.value(field) for field in fields) for trial in sweep.trials]


def test_the_last_parameter_varies_fastest_and_the_seed_slowest(load):
    assert points(load(GRID), "seed", "optimizer", "b0") == [
        (0, "adaloss", 0.1),
        (0, "adaloss", 1.0),
        (0, "sgd_constant", 0.1),
        (0, "sgd_constant", 1.0),
        (1, "adaloss", 0.1),
        (1, "adaloss", 1.0),
        (1, "sgd_constant", 0.1),
        (1, "sgd_constant", 1.0),
    ]


def test_the_order_is_that_of_the_parameters_in_the_file(load):
    text = GRID.replace("  b0: [0.1, 1]\n", "").replace("  dataset", "  b0: [1, 0.1]\n  dataset")
    assert points(load(text), "b0", "optimizer")[:4] == [
        (1.0, "adaloss"),
        (1.0, "sgd_constant"),
        (0.1, "adaloss"),
        (0.1, "sgd_constant"),
    ]


def test_cell_major_finishes_a_cell_before_the_next(load):
    sweep = load(GRID + "execution: {order: cell_major}\n")
    assert points(sweep, "b0", "seed")[:4] == [(0.1, 0), (0.1, 1), (1.0, 0), (1.0, 1)]


def test_a_sweep_knows_its_file_and_its_axes(load, tmp_path):
    sweep = load(GRID)
    assert (sweep.name, sweep.source, sweep.text) == ("demo", tmp_path / "grid.yaml", GRID)
    assert sweep.axes == {
        "optimizer": ("adaloss", "sgd_constant"),
        "b0": (0.1, 1.0),
        "seed": (0, 1),
    }
    assert list(sweep.axes) == ["optimizer", "b0", "seed"]
    assert sweep.grid.parameters["b0"] == (0.1, 1.0)
    assert sweep.notes == ()


def test_axes_keep_the_declared_order_with_excluded_cells(load):
    text = GRID.replace("[0.1, 1]", "[10, 0.1, 1]")
    sweep = load(
        text + "exclude: [{b0: 10, optimizer: adaloss}]\n"
        "include: [{b0: 5, optimizer: adaloss}]\n"
        "overrides: [{match: {b0: 1}, set: {lr: 0.2}}]\n"
    )
    assert sweep.axes["b0"] == (10.0, 0.1, 1.0, 5.0)
    assert sweep.axes["lr"] == (0.1, 0.2)


def test_one_and_one_point_nought_are_one_trial(load):
    whole, fraction = load(GRID), load(GRID.replace("[0.1, 1]", "[1.0e-1, 1.0]"))
    assert whole.trials == fraction.trials
    assert [t.trial_id for t in whole.trials] == [t.trial_id for t in fraction.trials]


def test_equal_cells_are_one(load):
    sweep = load(GRID + "overrides: [{match: {optimizer: sgd_constant}, set: {b0: 3}}]\n")
    assert (
        points(sweep, "optimizer", "b0")
        == [
            ("adaloss", 0.1),
            ("adaloss", 1.0),
            ("sgd_constant", 3.0),
        ]
        * 2
    )


def test_an_included_cell_that_already_exists_changes_nothing(load):
    again = load(GRID + "include: [{optimizer: adaloss, b0: 1.0, lr: 0.1}]\n")
    assert again.trials == load(GRID).trials


def test_trials_that_differ_only_in_an_ignored_field_share_their_id(load):
    sweep = load(GRID.replace("  lr: 0.1\n", "  lr: 0.1\n  alpha: [0.5, 1]\n"))
    assert len(sweep.trials) == 16
    assert len({trial.trial_id for trial in sweep.trials}) == 12


@pytest.mark.parametrize(
    ("written", "seeds"),
    [("seeds: 3", (0, 1, 2)), ("seeds: [7, 3]", (7, 3)), ("", (0, 1, 2, 3, 4))],
)
def test_seeds_are_a_count_or_a_list(load, written, seeds):
    sweep = load(GRID.replace("seeds: 2", written))
    assert sweep.axes["seed"] == sweep.grid.seeds == seeds


def test_later_overrides_see_and_win_over_earlier_ones(load):
    sweep = load(
        GRID + "overrides:\n"
        "  - {match: {optimizer: adaloss}, set: {lr: 0.2, momentum: 0.5}}\n"
        "  - {match: {momentum: 0.5, b0: [1]}, set: {lr: 0.3}}\n"
        "  - {match: {momentum: 0}, set: {lr: 0.4}}\n"
    )
    assert points(sweep, "optimizer", "b0", "lr", "momentum")[:4] == [
        ("adaloss", 0.1, 0.2, 0.5),
        ("adaloss", 1.0, 0.3, 0.5),
        ("sgd_constant", 0.1, 0.4, 0.0),
        ("sgd_constant", 1.0, 0.4, 0.0),
    ]


def test_excluded_cells_are_left_out_after_the_overrides(load):
    sweep = load(
        GRID + "overrides: [{match: {b0: 1}, set: {lr: 0.2}}]\n"
        "exclude: [{lr: 0.2, optimizer: [sgd_constant]}]\n"
    )
    assert ("sgd_constant", 1.0) not in points(sweep, "optimizer", "b0")
    assert len(sweep.trials) == 6


def test_included_cells_need_only_what_the_grid_varies(load):
    sweep = load(GRID + "include: [{optimizer: adagrad_norm, b0: [5, 6], momentum: 0.9}]\n")
    extra = [trial for trial in sweep.trials if trial.optimizer == "adagrad_norm"]
    assert [(t.b0, t.lr, t.momentum, t.seed) for t in extra] == [
        (5.0, 0.1, 0.9, 0),
        (6.0, 0.1, 0.9, 0),
        (5.0, 0.1, 0.9, 1),
        (6.0, 0.1, 0.9, 1),
    ]


def test_every_trial_has_the_bound_of_divergence(load):
    sweep = load(GRID + "divergence: {max_loss: 50}\n")
    assert {trial.max_loss for trial in sweep.trials} == {50.0}


def test_a_sweep_file_of_wandb_needs_only_the_task(load):
    sweep = load(
        "task: image_classification\n"
        "program: train.py\n"
        "command:\n  - ${env}\n  - python\n  - ${program}\n  - ${args}\n"
        "project: optimizers\n"
        "entity: lab\n"
        "name: from-wandb\n"
        "description: as W&B's documentation writes it\n"
        "method: grid\n"
        "metric:\n  name: val/loss\n  goal: minimize\n"
        "run_cap: 3\n"
        "parameters:\n"
        "  dataset: {value: digits}\n"
        "  model:\n    value: mlp\n"
        "  optimizer:\n    values: [adaloss, adagrad_norm]\n"
        "  b0:\n    values:\n      - 1e-4\n      - 1\n"
        "  lr: {value: 0.1}\n  epochs: {value: 1}\n  batch_size: {value: 64}\n"
        "  seed: {values: [3, 5]}\n"
    )
    assert points(sweep, "seed", "optimizer", "b0")[:3] == [
        (3, "adaloss", 1e-4),
        (3, "adaloss", 1.0),
        (3, "adagrad_norm", 1e-4),
    ]
    assert len(sweep.trials) == 8
    assert (sweep.grid.seeds, sweep.grid.run_cap) == ((3, 5), 3)
    assert (sweep.grid.project, sweep.grid.entity) == ("optimizers", "lab")
    assert (sweep.grid.metric.name, sweep.grid.metric.goal) == ("val/loss", "minimize")
    assert sweep.notes == (
        "program is not used: adaloss-sweep runs the training itself",
        "command is not used: adaloss-sweep runs the training itself",
    )


def test_every_form_of_a_parameter_means_the_same(load):
    forms = [
        "[0.1, 1]",
        "{values: [0.1, 1]}",
        "\n    - 0.1\n    - 1",
        "\n    values:\n    - .1\n    - 1",
    ]
    assert len({load(GRID.replace("[0.1, 1]", form)).trials for form in forms}) == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1", 1),
        ("010", 10),
        ("0o10", 8),
        ("0x10", 16),
        ("-.5", -0.5),
        ("1.", 1.0),
        ("-.Inf", float("-inf")),
        ("true", True),
        ("no", "no"),
        ("on", "on"),
        ("~", None),
        ("", None),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("=", "="),
    ],
)
def test_scalars_mean_what_yaml_1_2_says(text, value):
    assert plain_scalar(text) == value
    assert type(plain_scalar(text)) is type(value)


def test_anchors_and_merge_keys_work(load):
    sweep = load(
        GRID.replace("[0.1, 1]", "&scales [0.1, 1]") + "include:\n"
        "  - &extra {optimizer: adagrad_norm, b0: *scales}\n"
        "  - <<: *extra\n    momentum: 0.9\n    b0: 1\n"
    )
    extra = [(t.b0, t.momentum) for t in sweep.trials if t.optimizer == "adagrad_norm"]
    assert extra[:3] == [(0.1, 0.0), (1.0, 0.0), (1.0, 0.9)]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90s", 90), ("2h", 7200), ("1h30m", 5400), ("1h 30m", 5400), ("0.5d", 43200), ("90", 90)],
)
def test_durations_are_in_seconds(load, written, seconds):
    assert load(f"{GRID}execution: {{timeout: {written}}}\n").grid.execution.timeout == seconds


def test_what_a_grid_leaves_out_has_defaults(load):
    grid = load(GRID).grid
    assert (grid.metric.name, grid.metric.goal, grid.metric.at) == ("test/top1", "maximize", "last")
    assert (grid.resources.cpu, grid.resources.gpu) == (1, "auto")
    assert grid.execution.timeout is None
    assert grid.execution.max_failed is None
    assert (grid.execution.retries, grid.execution.checkpoint_interval) == (2, 60)
    assert grid.execution.capture == "auto"
    assert (grid.wandb.mode, grid.wandb.finish_timeout) == ("auto", 30)
    assert grid.run_cap is None
    (table,) = grid.tables
    assert (table.rows, table.columns, table.per) == ("b0", "optimizer", ("model",))


@pytest.mark.parametrize(
    ("metric", "goal"),
    [
        ("{name: test/loss}", "minimize"),
        ("{name: b}", None),
        ("{name: b, goal: minimize}", "minimize"),
    ],
)
def test_a_metric_has_its_usual_goal_if_any(load, metric, goal):
    assert load(f"{GRID}metric: {metric}\n").grid.metric.goal == goal


def test_a_template_may_name_any_field_and_show_braces(load):
    wandb = 'wandb: {name: "{optimizer} {b0} {{{seed}}}", tags: ["{model}"], group: "{sweep}"}\n'
    assert load(GRID + wandb).grid.wandb.name == "{optimizer} {b0} {{{seed}}}"


def test_only_keeps_the_trials_with_the_values(load):
    trials = load(GRID).trials
    assert [t.seed for t in only(trials, {"b0": "1", "optimizer": "adaloss"})] == [0, 1]
    assert len(only(trials, {"b0": "1e-1|1.0"})) == 8
    assert len(only(trials, {"model": "mlp", "pretrained": "false", "image_size": "null"})) == 8
    assert only(trials, {}) == trials


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"bo": "1"}, "unknown field 'bo'; known: dataset, model, optimizer, seed, "),
        ({"optimiser": "adaloss"}, "unknown field 'optimiser'; did you mean optimizer?"),
        ({"b0": "7"}, "no trial has b0=7; the trials have 0.1, 1"),
        ({"b0": "0.1|7"}, "no trial has b0=7; the trials have 0.1, 1"),
        ({"b0": "small"}, "b0 must be a number, found the text 'small'"),
        ({"seed": "0.5"}, "seed must be a whole number, found 0.5"),
        ({"pretrained": "true"}, "no trial has pretrained=true; the trials have false"),
        ({"model": "resnet50"}, "no trial has model=resnet50; the trials have mlp"),
        ({"optimizer": "adalos"}, "optimizer must be 'adaloss', .*; did you mean adaloss?"),
    ],
)
def test_only_refuses_values_that_no_trial_has(load, filters, expected):
    with pytest.raises(ValueError, match=expected.replace("?", r"\?")):
        only(load(GRID).trials, filters)


def test_only_refuses_a_combination_that_no_trial_has(load):
    trials = load(GRID + "exclude: [{b0: 1, optimizer: adaloss}]\n").trials
    with pytest.raises(ValueError, match=r"no trial has b0=1; the trials have 0\.1"):
        only(trials, {"optimizer": "adaloss", "b0": "1"})


def test_a_misspelt_task_is_the_only_mistake_that_is_reported(tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text("task: linear_regresion\nparameters: {optimizer: adaloss, lr: 1}\n")
    with pytest.raises(GridError) as caught:
        load_sweep(path)
    (line,) = str(caught.value).splitlines()
    assert "grid.yaml:1: task must be a task, found the text 'linear_regresion'" in line


def test_a_rule_of_a_task_for_several_values_is_the_users_mistake(tmp_path, monkeypatch):
    class Ruled(RegressionTrial):
        @model_validator(mode="after")
        def solvable(self):
            if self.rows < self.dimensions:
                raise ValueError("there must be as many rows as dimensions")
            return self

    ruled = replace(LINEAR_REGRESSION, fields=Ruled)
    monkeypatch.setattr("adaloss.grid.sweep.task_named", lambda name: ruled)
    path = tmp_path / "grid.yaml"
    path.write_text(
        "task: linear_regression\n"
        "parameters: {optimizer: adaloss, lr: 2, epochs: 1, batch_size: 3, rows: 3}\n"
    )
    with pytest.raises(UserError, match=r"rows = 3.* is impossible: there must be as many rows"):
        load_sweep(path)


TEXTS = """\
task: text_classification
name: texts
parameters:
  dataset: digits
  vocabulary: [1000, 5000]
  length: [4, 8, 16]
  optimizer: adaloss
  lr: 1
  epochs: 1
  batch_size: 64
seeds: 1
"""


def test_values_that_make_equal_trials_are_a_note(load):
    sweep = load(TEXTS)
    assert len({trial.trial_id for trial in sweep.trials}) == 6
    assert sweep.notes == (
        "vocabulary 1000, 5000 make equal trials, because digits have no words: write one of them",
        "length 8, 16 make equal trials, because a digit has 8 rows: write one of them",
    )
    assert load(TEXTS.replace("digits", "sms")).notes == ()
    assert load(TEXTS.replace("[1000, 5000]", "1000").replace("8, 16", "8")).notes == ()


LEAST_SQUARES = """\
name: equal
task: two_layer_net
parameters:
  optimizer: [adaloss, sgd_constant]
  accumulates: [squared, norm]
  batch_size: [10, 20, 30]
  lr: 1
  epochs: 1
seeds: 1
tables: [{rows: batch_size, columns: optimizer, per: accumulates}]
"""


def test_so_are_those_of_least_squares(load):
    sweep = load(LEAST_SQUARES)
    assert len({trial.trial_id for trial in sweep.trials}) == 12
    rows = "batch_size 20, 30 make equal trials, because there are 20 rows: write one of them"
    assert set(sweep.notes) == {
        rows,
        "accumulates squared, norm make equal trials, because sgd_constant ignores it: write one "
        "of them",
    }
    regression = LEAST_SQUARES.replace("two_layer_net", "linear_regression").replace(
        "  accumulates: [squared, norm]\n", "  rows: 20\n"
    )
    assert load(regression.replace(", per: accumulates", "")).notes == (rows,)


LISTS = """\
name: lists
parameters:
  dataset: digits
  model: mlp
  optimizer: [adaloss, adamw]
  lr: 1
  epochs: 1
  batch_size: 64
  mean: {value: [0.5]}
  std: {value: [0.25]}
seeds: 1
"""


def test_a_list_is_one_value_in_overrides_and_includes_as_in_parameters(load):
    sweep = load(
        LISTS
        + "overrides: [{match: {optimizer: adaloss}, set: {mean: {value: [0.25]}}}]\n"
        + "include: [{optimizer: adamw, optimizer.betas: {value: [0.9, 0.95]}}]\n"
    )
    assert [(t.optimizer, t.mean, t.value("optimizer.betas")) for t in sweep.trials] == [
        ("adaloss", (0.25,), None),
        ("adamw", (0.5,), None),
        ("adamw", (0.5,), (0.9, 0.95)),
    ]
    with pytest.raises(GridError, match="set needs one value of mean, found a list"):
        load(LISTS + "overrides: [{match: {b0: 1}, set: {mean: {values: [[0.5], [0.25]]}}}]\n")
    with pytest.raises(GridError, match=r"betas must be a number, text, true, false, or a list of"):
        load(LISTS + "include: [{optimizer: adamw, optimizer.betas: {value: [[[1]]]}}]\n")


@pytest.mark.parametrize(
    ("field", "varied", "included"),
    [
        ("dataset", "[digits, cifar10]", "model: small_cnn"),
        ("model", "[resnet18, resnet34]", "pretrained: true"),
        ("optimizer", "[adaloss, adamw]", "b0: 7"),
    ],
)
def test_an_included_cell_without_what_the_grid_varies_is_named(load, field, varied, included):
    parameters = {"dataset": "digits", "model": "mlp", "optimizer": "adamw"} | {field: varied}
    lines = "".join(f"  {name}: {value}\n" for name, value in parameters.items())
    with pytest.raises(GridError) as caught:
        load(
            f"name: small\nparameters:\n{lines}  lr: 1\n  epochs: 1\n  batch_size: 8\n"
            f"include: [{{{included}}}]\n"
        )
    assert [problem.message for problem in caught.value.problems] == [
        f"an included cell needs a value of {field}, which the grid varies"
    ]
