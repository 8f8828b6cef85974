"""A grid file in any form expands to its trials in the declared order."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from pydantic import model_validator

import adaloss
from adaloss.errors import UserError
from adaloss.grid.reading.file import read_grid_file
from adaloss.grid.reading.scalars import plain_scalar
from adaloss.grid.schema.json_schema import described_fields
from adaloss.grid.sweep import (
    GridError,
    grid_json_schema,
    load_sweep,
    only,
    resolve_grid,
    shipped_grids,
)
from adaloss.tasks.regression.fields import RegressionTrial
from adaloss.tasks.regression.task import LINEAR_REGRESSION
from adaloss.tasks.table import FIELD_NAMES

SWEEPS = Path(adaloss.__file__).parent.parent / "sweeps"
SHIPPED = (
    "cifar100-resnet20-cpu, cifar100-resnet50-swsl, cifar100-vit-s16, example, modern, "
    "paper-lstm, paper-pendulum, paper-regression, paper-two-layer, paper, "
    "quickstart"
)

GRID = """\
name: demo
parameters:
  dataset: digits
  model: mlp
  optimizer: [adaloss, sgd_constant]
  b0: [0.1, 1]
  lr: 0.1
  epochs: 2
  batch_size: 32
seeds: 2
"""


@pytest.fixture
def load(tmp_path):
    def load_text(text):
        path = tmp_path / "grid.yaml"
        path.write_text(text)
        return load_sweep(path)

    return load_text


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


def test_shipped_grids_are_those_of_the_folder():
    assert set(shipped_grids()) == {path.stem for path in SWEEPS.glob("*.yaml")}
    assert {"quickstart", "example"} <= set(shipped_grids())


@pytest.mark.parametrize("name", shipped_grids())
def test_every_shipped_grid_expands(name):
    sweep = load_sweep(resolve_grid(name))
    assert len({trial.trial_id for trial in sweep.trials}) == len(sweep.trials)


def test_quickstart_is_a_small_version_of_the_papers_grid():
    axes = load_sweep(resolve_grid("quickstart")).axes
    assert axes["model"] == ("mlp", "small_cnn")
    assert len(axes["optimizer"]) == 4
    assert axes["b0"] == (0.01, 0.1, 1.0, 10.0, 100.0)
    assert axes["seed"] == (0, 1, 2, 3, 4)


def test_a_file_goes_before_a_shipped_grid_and_a_folder_does_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("quickstart").mkdir()
    Path("example").write_text(GRID)
    assert resolve_grid("quickstart") == shipped_grids()["quickstart"]
    assert resolve_grid("example") == Path("example")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("quikstart", f"; did you mean quickstart? Shipped grids: {SHIPPED}"),
        ("sweeps/quickstart.yml", "; did you mean quickstart? Shipped grids: "),
        ("zzz", f"; known: {SHIPPED}"),
    ],
)
def test_an_unknown_grid_is_an_error_that_lists_the_shipped_ones(
    tmp_path, monkeypatch, name, expected
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GridError) as caught:
        resolve_grid(name)
    start = f"{name}: there is no such file, and no shipped grid of this name{expected}"
    assert str(caught.value).startswith(start)


def test_of_a_path_that_is_not_there_no_shipped_grids_are_listed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GridError) as caught:
        resolve_grid("results/zzz")
    assert str(caught.value) == "results/zzz: there is no such file or folder"


@pytest.fixture(scope="module")
def schema():
    return jsonschema.Draft202012Validator(grid_json_schema())


def plain(path):
    """The file's content, with the types of JSON."""
    return json.loads(json.dumps(read_grid_file(path).data))


@pytest.mark.parametrize("name", shipped_grids())
def test_the_schema_accepts_every_shipped_grid(schema, name):
    schema.validate(plain(resolve_grid(name)))


def test_editors_find_the_schema_of_every_shipped_grid():
    for path in shipped_grids().values():
        modeline = path.read_text().splitlines()[0]
        assert modeline == "# yaml-language-server: $schema=./grid.schema.json"


RIGHT = {
    "bare": "",
    "in W&B's form": "  alpha: {values: [0.5, 1]}\n  c: {value: 0}\n  image_size: null\n",
    "with everything": "seeds: [1, 5]\n"
    "overrides: [{match: {b0: [0.1, 1]}, set: {lr: 1}}]\n"
    "exclude: [{b0: 1, optimizer: adaloss}]\n"
    "include: [{b0: [5, 6], optimizer: adaloss}]\n"
    "execution: {timeout: 1h 30m, max_concurrent: 3, checkpoint_interval: 5, capture: false}\n"
    "resources: {cpu: 2, gpu: 0.5}\n"
    "tables: [{rows: lr, per: b0, metric: val/loss, at: best_val}]\n",
}
WRONG = {
    "misspelt key": "sedes: 3\n",
    "misspelt parameter": "  momentun: 0.9\n",
    "quoted number": '  momentum: "0.9"\n',
    "out of range": "  momentum: 1\n",
    "empty list": "  momentum: []\n",
    "value twice": "  momentum: [0, 0.0]\n",
    "value and values": "  momentum: {value: 0, values: [0]}\n",
    "distribution": "  momentum: {distribution: uniform, min: 0, max: 1}\n",
    "bound among the parameters": "  max_loss: 9\n",
    "other method": "method: bayes\n",
    "early stopping": "early_terminate: {type: hyperband}\n",
    "duration": "execution: {timeout: 2 hours}\n",
    "metric": "metric: {name: val_loss}\n",
    "empty match": "overrides: [{match: {}, set: {lr: 1}}]\n",
    "list in set": "overrides: [{match: {b0: 1}, set: {lr: [1]}}]\n",
    "seed in exclude": "exclude: [{seed: 1}]\n",
    "rows": "tables: [{rows: bo}]\n",
    "no table": "tables: []\n",
}


def extended(text):
    """The grid with more parameters, or more keys after them."""
    if text.startswith("seeds"):
        return GRID.replace("seeds: 2\n", text)
    return GRID.replace("seeds: 2\n", f"{text}seeds: 2\n")


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_the_schema_accepts_grids_that_load(schema, load, tmp_path, text):
    load(extended(text))
    schema.validate(plain(tmp_path / "grid.yaml"))


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_the_schema_refuses_grids_that_do_not_load(schema, load, tmp_path, text):
    with pytest.raises(GridError):
        load(extended(text))
    assert not schema.is_valid(plain(tmp_path / "grid.yaml"))


def test_the_schema_requires_keys_without_default(schema):
    missing = {error.message for error in schema.iter_errors({"parameters": {}})}
    needed = ("dataset", "model", "optimizer", "lr", "epochs", "batch_size")
    assert missing == {f"'{key}' is a required property" for key in needed}


def test_every_key_is_described_for_editors():
    assert set(described_fields()) == set(FIELD_NAMES) - {"task", "max_loss", "hyperparameters"}
    schema = grid_json_schema()
    sections = {"": schema, "parameters": schema["properties"]["parameters"]} | {
        name: section for name, section in schema["$defs"].items() if name != "Point"
    }
    undescribed = [
        f"{section}.{key}"
        for section, content in sections.items()
        for key, value in content.get("properties", {}).items()
        if not value.get("description")
        and not schema["$defs"][value["$ref"].split("/")[-1]].get("description")
    ]
    assert not undescribed


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
