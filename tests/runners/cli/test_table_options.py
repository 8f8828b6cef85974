"""Axes that the command line gives: the rest of the axes go to ``per``."""

import pytest

from adaloss.grid.sweep import load_sweep
from runners.api.table_options import changed_tables

GRID = """\
name: small
parameters:
  dataset: digits
  model: [mlp, small_cnn]
  optimizer: [adaloss, sgd_constant]
  b0: [0.01, 1]
  lr: 1
  epochs: 2
  batch_size: 128
seeds: 2
"""


@pytest.fixture
def axes(grid):
    """Rows, columns and per of the only table that comes of these options."""

    def of(text=GRID, keep=lambda trial: True, **given):
        grid.write_text(text)
        sweep = load_sweep(grid)
        trials = tuple(filter(keep, sweep.trials))
        (spec,) = changed_tables(sweep, given, trials)
        return spec.rows, spec.columns, spec.per

    return of


def test_the_readmes_own_example(axes):
    given = {"rows": "seed", "columns": "model"}
    assert axes(**given) == ("seed", "model", ("b0", "optimizer"))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("b0", "optimizer", ("model",))),
        ({"rows": "b0"}, ("b0", "optimizer", ("model",))),
        ({"columns": "seed"}, ("b0", "seed", ("optimizer", "model"))),
        ({"rows": "model"}, ("model", "optimizer", ("b0",))),
        ({"columns": "model"}, ("b0", "model", ("optimizer",))),
        ({"rows": "optimizer", "columns": "b0"}, ("optimizer", "b0", ("model",))),
        ({"rows": "lr", "columns": "model"}, ("lr", "model", ("b0", "optimizer"))),
        ({"rows": "seed", "columns": "model", "per": "b0"}, ("seed", "model", ("b0",))),
        ({"rows": "seed", "per": "none"}, ("seed", "optimizer", ())),
    ],
)
def test_what_is_not_given_stays_or_goes_to_per(axes, given, expected):
    assert axes(**given) == expected


def test_an_axis_of_one_value_is_not_named(axes):
    at_1 = axes(keep=lambda trial: trial.b0 == 1, rows="seed", columns="model")
    assert at_1 == ("seed", "model", ("optimizer",))


def test_fields_of_the_grids_own_tables_are_taken_out_of_per_too(axes):
    text = GRID.replace("lr: 1", "lr: [1, 2]") + "tables: {0}\n"
    text = text.replace("{0}", "[{rows: b0, columns: model, per: [optimizer, lr]}]")
    assert axes(text, rows="lr") == ("lr", "model", ("b0", "optimizer"))
    assert axes(text, columns="optimizer") == ("b0", "optimizer", ("model", "lr"))


def test_seeds_that_are_no_axis_any_more_are_averaged_over(axes):
    text = GRID + "tables: [{rows: seed, columns: model, per: [optimizer, b0]}]\n"
    assert axes(text, rows="b0") == ("b0", "model", ("optimizer",))


def test_alpha_and_c(axes):
    text = GRID.replace("lr: 1", "lr: 1\n  alpha: [1, 10]\n  c: [0, 1]")
    text = text.replace("[mlp, small_cnn]", "mlp").replace("[0.01, 1]", "1")
    assert axes(text, rows="alpha", columns="c") == ("alpha", "c", ("optimizer", "model"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--rows", "seed", "--columns", "seed"), "--rows and --columns are both seed: name two"),
        (("--rows", "seed", "--per", "seed"), "has seed in two of rows, columns and per"),
        (("--rows", "bo"), "--rows must be a field of a trial"),
    ],
)
@pytest.mark.parametrize("command", [("table",), ("stats",), ("plot", "-o", "f")])
def test_axes_that_cannot_be_are_refused(cli, grid, finished, command, options, message):
    name, *rest = command
    code, _, errors = cli(name, grid, *options, *rest)
    assert code == 2
    assert message in errors


@pytest.mark.slow
def test_every_command_with_axes_takes_the_example(cli, grid, finished, tmp_path):
    axes = ("--rows", "seed", "--columns", "model")
    code, message, _ = cli("table", grid, *axes, "--format", "md")
    assert (code, message.count("### small: b0 = ")) == (0, 4)
    assert cli("stats", grid, *axes)[0] == 0
    assert cli("plot", grid, *axes, "-o", "figures", "--format", "svg")[0] == 0


OPTIMIZERS = """\
name: small
parameters:
  dataset: digits
  model: mlp
  optimizer: [adamw, sgd]
  optimizer.eps: [1e-8, 1e-6]
  lr: [0.1, 1]
  epochs: 2
  batch_size: 128
seeds: 2
tables: [{rows: lr, columns: optimizer, per: optimizer.eps}]
"""


def test_hyperparameters_go_to_per_like_fields(axes):
    given = {"rows": "seed", "columns": "lr"}
    assert axes(OPTIMIZERS, **given) == ("seed", "lr", ("optimizer", "optimizer.eps"))


def test_a_tuned_field_leaves_per(grid):
    grid.write_text(OPTIMIZERS)
    sweep = load_sweep(grid)
    (spec,) = changed_tables(sweep, {"tune": "optimizer.eps"}, sweep.trials)
    assert (spec.axes, spec.tune) == (("lr", "optimizer"), ("optimizer.eps",))
    (spec,) = changed_tables(sweep, {"rows": "optimizer.eps", "tune": "lr"}, sweep.trials)
    assert (spec.rows, spec.per, spec.tune) == ("optimizer.eps", (), ("lr",))


SEARCH = """\
program: train.py
method: random
run_cap: 4
metric: {name: loss}
parameters:
  lr: {min: 0.1, max: 0.9}
  width: [4, 8]
"""


@pytest.mark.parametrize(
    ("options", "axes"),
    [
        ({"metric": "accuracy"}, ("point", "program", ())),
        ({"per": "width"}, ("point", "program", ("width",))),
        ({"rows": "lr"}, ("lr", "program", ())),
        ({"columns": "width"}, ("lr", "width", ())),
        ({"tune": "lr"}, ("width", "program", ())),
    ],
)
def test_options_that_need_axes_replace_the_points_of_a_search(tmp_path, options, axes):
    path = tmp_path / "search.yaml"
    path.write_text(SEARCH)
    sweep = load_sweep(path)
    (spec,) = changed_tables(sweep, options, sweep.trials)
    assert (spec.rows, spec.columns, spec.per) == axes
