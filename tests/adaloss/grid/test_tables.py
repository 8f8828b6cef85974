"""A grid without tables has one with all its axes; a table keeps what it names."""

import pytest
from small_grid import GRID


def test_only_and_exclude_of_a_table_use_the_fields_types(load):
    table = "{per: [model, lr], only: {b0: 1}, exclude: [{optimizer: sgd_constant}], at: epoch 2}"
    (spec,) = load(f"{GRID}tables: [{table}]\n").tables
    assert (spec.axes, spec.at) == (("b0", "optimizer", "model", "lr"), "epoch 2")
    assert spec.only == {"b0": (1.0,)}
    assert isinstance(spec.only["b0"][0], float)
    assert spec.exclude == ({"optimizer": ("sgd_constant",)},)


@pytest.mark.parametrize(
    ("change", "axes"),
    [
        (("", ""), ("b0", "optimizer", "model")),
        (("lr: 0.1", "lr: [0.1, 0.2]"), ("b0", "optimizer", "model", "lr")),
        (("b0: [0.1, 1]\n  lr: 0.1", "lr: [0.1, 0.2]"), ("lr", "optimizer", "model")),
        (
            ("seeds: 2", "overrides: [{match: {optimizer: adaloss}, set: {lr: 0.5}}]"),
            ("b0", "optimizer", "model"),
        ),
        (("lr: 0.1", "lr: 0.1\n  alpha: [1, 2]"), ("b0", "optimizer", "model", "alpha")),
        (
            ("[adaloss, sgd_constant]", "sgd_constant\n  alpha: [1, 2]"),
            ("b0", "optimizer", "model"),
        ),
    ],
)
def test_a_grid_without_tables_has_one_with_all_the_axes_that_it_needs(load, change, axes):
    (spec,) = load(GRID.replace(*change)).tables
    assert spec.axes == axes


TWO_MODELS = "model: [mlp, small_cnn]"
THREE_MODELS = "model: [mlp, small_cnn, cifar_resnet20]"


@pytest.mark.parametrize(
    ("parameters", "axes"),
    [
        # Nothing varies, or seeds alone.
        ("", ("b0", "optimizer", "model")),
        # One axis.
        ("b0: [0.1, 1]", ("b0", "optimizer", "model")),
        ("optimizer: [adaloss, sgd_constant]", ("b0", "optimizer", "model")),
        ("lr: [0.1, 1]", ("lr", "optimizer", "model")),
        (TWO_MODELS, ("model", "optimizer")),
        ("dataset: [digits, mnist]", ("dataset", "optimizer", "model")),
        ("flip: [false, true]", ("flip", "optimizer", "model")),
        # Both usual axes; all others go to per.
        ("b0: [1, 2]\n  optimizer: [adaloss, sgd_constant]", ("b0", "optimizer", "model")),
        (
            "b0: [1, 2]\n  optimizer: [adaloss, sgd_constant]\n  lr: [0.1, 0.2, 0.3]",
            ("b0", "optimizer", "model", "lr"),
        ),
        # Two axes.
        ("lr: [0.1, 1, 10]\n  alpha: [0.5, 1, 2]", ("lr", "alpha", "model")),
        ("lr: [0.1, 1]\n  alpha: [0.5, 1, 2]", ("alpha", "lr", "model")),
        (
            "momentum: [0, 0.9]\n  weight_decay: [0, 0.1, 0.2]",
            ("weight_decay", "momentum", "model"),
        ),
        ("b0: [1, 2]\n  lr: [0.1, 1, 10]", ("b0", "lr", "model")),
        ("optimizer: [adaloss, sgd_constant]\n  lr: [0.1, 1]", ("lr", "optimizer", "model")),
        (
            "optimizer: [adaloss, sgd_constant, adagrad_norm]\n  lr: [0.1, 1]",
            ("lr", "optimizer", "model"),
        ),
        (f"optimizer: [adaloss, sgd_constant]\n  {THREE_MODELS}", ("model", "optimizer")),
        (f"{THREE_MODELS}\n  dataset: [digits, mnist]", ("model", "dataset")),
        (f"{THREE_MODELS}\n  lr: [0.1, 1]", ("lr", "model")),
        ("precision: [fp32, tf32, bf16]\n  lr: [0.1, 1]", ("lr", "precision", "model")),
        # Three and more: the longest two; of equals b0 and the optimizer first, the model last.
        (
            "lr: [0.1, 1]\n  alpha: [1, 2, 3]\n  momentum: [0, 0.5, 0.9]",
            ("alpha", "momentum", "model", "lr"),
        ),
        (f"{TWO_MODELS}\n  lr: [0.1, 1]\n  alpha: [1, 2]", ("lr", "alpha", "model")),
        (
            f"{THREE_MODELS}\n  lr: [0.1, 1, 2]\n  optimizer: [adaloss, sgd_constant]",
            ("lr", "model", "optimizer"),
        ),
        # An axis that applies to some optimizers only.
        ("optimizer: [adaloss, sgd_constant]\n  alpha: [1, 2]", ("alpha", "optimizer", "model")),
        ("optimizer: sgd_constant\n  alpha: [1, 2]", ("b0", "optimizer", "model")),
    ],
)
def test_the_default_table_has_the_two_longest_axes(load, parameters, axes):
    given = {line.partition(":")[0].strip() for line in parameters.splitlines()}
    plain = ("dataset: digits", "model: mlp", "optimizer: adaloss", "b0: 1", "lr: 0.1")
    lines = [line for line in plain if line.partition(":")[0] not in given]
    text = "\n  ".join(("parameters:", *lines, "epochs: 1", "batch_size: 32", parameters))
    (spec,) = load(f"name: demo\n{text}\nseeds: 3\n").tables
    assert spec.axes == axes


@pytest.mark.parametrize(
    ("match", "axes"),
    [
        ("optimizer: sgd_constant", ("b0", "optimizer", "model")),
        ("model: small_cnn", ("model", "optimizer")),
    ],
)
def test_a_field_that_another_determines_is_not_an_axis(load, match, axes):
    name, _, value = match.partition(": ")
    first = {"optimizer": "adaloss", "model": "mlp"}[name]
    text = (
        "name: demo\nparameters:\n  dataset: digits\n  model: mlp\n  optimizer: adaloss\n"
        "  lr: 0.1\n  epochs: 1\n  batch_size: 32\n"
    ).replace(f"{name}: {first}", f"{name}: [{first}, {value}]")
    overrides = f"overrides: [{{match: {{{match}}}, set: {{lr: 0.5}}}}]\n"
    (spec,) = load(text + overrides).tables
    assert spec.axes == axes
