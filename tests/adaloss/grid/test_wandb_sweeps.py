"""A W&B sweep file with our names loads; in others each mistake is reported with a correction."""

import json
import re
from itertools import product
from pathlib import Path

import jsonschema
import pytest

from adaloss.grid.points.forms import SAMPLED
from adaloss.grid.reading.file import read_grid_file
from adaloss.grid.reading.wandb import FIELD_OF, GROUPS
from adaloss.grid.sweep import GridError, grid_json_schema, load_sweep
from adaloss.tasks.table import FIELD_NAMES

FILES = Path(__file__).parent / "wandb_sweeps"
GRID = """\
method: grid
name: demo
parameters:
  dataset: {value: digits}
  model: {value: mlp}
  optimizer: {values: [adaloss, sgd_constant]}
  lr: {value: 1}
  epochs: {value: 1}
  batch_size: {value: 64}
seeds: 2
"""
FIELDS = (
    "dataset, model, optimizer, seed, lr, epochs, batch_size, b0, alpha, c, momentum, "
    "weight_decay, rate, schedule, warmup, clip_grad_norm, average, pretrained, image_size, "
    "split_seed, train_examples, eval_examples, resize, padding, flip, interpolation, normalize, "
    "mean, std, precision, channels_last, compile, deterministic, label_smoothing"
)
METRICS = (
    "train/loss, val/loss, val/top1, val/top5, test/loss, test/top1, test/top5, b, effective_lr, "
    "examples_per_second, seconds"
)
OPTIMIZERS = (
    "'adaloss', 'adagrad_norm', 'adagrad_norm_rowwise', 'sgd_constant', 'sgd_decay_sqrt', "
    "'paper_adam', 'adamloss', 'adam_decay_sqrt', one of torch ('sgd', 'adam', 'adamw', "
    "'nadam', 'radam', 'adamax', 'rmsprop', 'adagrad', 'adadelta', 'adafactor', 'asgd', "
    "'rprop', 'muon', 'lbfgs'), one of timm as 'timm:name' "
    "or a class as 'module:Class'"
)
DATASETS = "digits, mnist, fashion_mnist, cifar10, cifar100 or imagefolder:PATH"
WEIGHTS = "true, false or the path of a file (.pth, .pt, .th, .bin, .tar, .safetensors, .npz)"
SEARCHED = (
    "is not supported: a table needs every cell of the grid, and a sampled search would bias "
    "it; write method: grid"
)
VALUES = "is not supported: a grid needs the values themselves; write values:"


@pytest.fixture
def load(tmp_path):
    def load_text(text, name="grid.yaml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_sweep(path)

    return load_text


@pytest.fixture
def problem_lines(load):
    def load_and_catch(text):
        with pytest.raises(GridError) as caught:
            load(text)
        return [f"{problem.line}: {problem.message}" for problem in caught.value.problems]

    return load_and_catch


def cells(sweep):
    fields = ("model", "optimizer", "lr", "weight_decay", "epochs", "batch_size", "seed")
    return [tuple(trial.value(field) for field in fields) for trial in sweep.trials]


def test_a_wandb_file_with_our_names_loads_unchanged():
    sweep = load_sweep(FILES / "ours.yaml")
    assert sweep.name == "ours"
    assert sweep.defaulted == {"name", "seeds"}
    assert sweep.notes == ("program is not used: adaloss-sweep runs the training itself",)
    assert [(t.optimizer, t.b0) for t in sweep.trials[:4]] == [
        *product(["adaloss", "sgd_constant"], [0.01, 1.0])
    ]


def test_nested_and_dotted_names_are_the_same_and_notes_name_their_fields():
    nested, dotted = load_sweep(FILES / "nested.yaml"), load_sweep(FILES / "dotted.yaml")
    assert nested.trials == dotted.trials
    assert cells(nested)[0] == ("mlp", "adaloss", 0.1, 1e-4, 1, 64, 0)
    assert len(nested.trials) == 8
    assert nested.notes[-1] == (
        "model.name is read as model; optimizer.name is read as optimizer; optimizer.lr is read "
        "as lr; optimizer.weight_decay is read as weight_decay; training.epochs is read as epochs; "
        "training.batch_size is read as batch_size"
    )
    assert dotted.notes == (f"dataset.name is read as dataset; {nested.notes[-1]}",)


def test_the_flat_names_give_the_same_trials(load):
    text = (FILES / "dotted.yaml").read_text()
    for name, field in FIELD_OF.items():
        text = text.replace(f"  {name}:", f"  {field}:")
    sweep = load(text)
    assert sweep.notes == ()
    ids = [trial.trial_id for trial in load_sweep(FILES / "dotted.yaml").trials]
    assert [trial.trial_id for trial in sweep.trials] == ids


MISTAKES = {
    "first-tutorial": [
        "2: method 'bayes' is not supported: points that are chosen by earlier results would bias "
        "the tables; write method: random with run_cap, or method: grid",
    ],
    "huggingface": [
        "25: early_terminate is not supported: stopping trials early would bias the table; "
        "remove it",
    ],
    "keras": [
        "3: metric.name must be a metric, found the text 'val_loss'; did you mean val/loss?",
        "9: unknown parameter 'learning-rate'; did you mean lr?",
        "10: unknown parameter 'batch-size'; did you mean batch_size?",
        "11: unknown parameter 'epoch'; did you mean epochs?",
        "12: unknown parameter 'wd'; did you mean weight_decay?",
        f"13: unknown parameter 'dropout'; known: {FIELDS}",
        "14: unknown parameter 'hidden_units'",
    ],
    "vision": [
        "4: metric.target is not supported: stopping at a good trial would bias the table; "
        "remove it",
        "13: yes is text here and true to W&B, which reads YAML 1.1: write true, or 'yes' with its "
        "quotes",
        "13: no is text here and false to W&B, which reads YAML 1.1: write false, or 'no' with its "
        "quotes",
    ],
    "yolo": ["2: method: random needs run_cap, the number of points"],
    "weighted": [
        "7: optimizer has probabilities, but a grid tries each of the values equally often: "
        "remove distribution and probabilities",
        "11: epochs.distribution constant needs value, found values; remove distribution",
        "12: batch_size.distribution must be constant or categorical, or be left out, found the "
        "text 'Categorical'; did you mean categorical?",
        f"13: b0.min {VALUES} [1, 2, 3]",
    ],
    "hydra": [
        "1: metric is missing: name the metric of the tables, as in metric: {name: val_loss, "
        "goal: minimize}",
    ],
}


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_of_a_file_is_reported_once_with_its_line_and_a_correction(name):
    with pytest.raises(GridError) as caught:
        load_sweep(FILES / f"{name}.yaml")
    assert [f"{p.line}: {p.message}" for p in caught.value.problems] == MISTAKES[name]


CORRECTED = {
    "first-tutorial": ("method: bayes", "method: random\nrun_cap: 6", 6),
    "huggingface": ("early_terminate:\n  type: hyperband\n  min_iter: 3\n", "", 60),
    "vision": (", target: 95", "", 48),
    "yolo": ("method: random", "method: random\nrun_cap: 7", 7),
    "hydra": ("method: grid", "method: grid\nmetric: {name: loss}", 2),
}


@pytest.mark.parametrize("name", CORRECTED)
def test_a_program_of_the_users_own_loads_once_these_mistakes_are_corrected(load, name):
    old, new, trials = CORRECTED[name]
    text = (FILES / f"{name}.yaml").read_text().replace(old, new)
    sweep = load(text.replace("[yes, no]", "[true, 'no']"), f"{name}.yaml")
    assert (sweep.name, sweep.grid.task, len(sweep.trials)) == (name, "program", trials)
    assert {trial.seed_parameter for trial in sweep.trials} == (
        {"seed"} if name == "huggingface" else {None}
    )
    schema = jsonschema.Draft202012Validator(grid_json_schema())
    assert schema.is_valid(as_json(sweep.source))


@pytest.mark.parametrize(
    "name", sorted(path.stem for path in FILES.glob("*.yaml") if "program:" in path.read_text())
)
def test_a_program_is_ignored_for_a_task_of_ours(load, name):
    text = (FILES / f"{name}.yaml").read_text()
    text = re.sub("^task: .*\n", "", text, flags=re.MULTILINE)
    with_program = load_or_catch(load, f"{text}task: image_classification\n")
    renamed = text.replace("program: ", "kind: ", 1)
    without_program = load_or_catch(load, f"{renamed}task: image_classification\n")
    assert with_program == without_program


def load_or_catch(load, text):
    try:
        return load(text).trials
    except GridError as error:
        return [(problem.line, problem.message) for problem in error.problems]


def test_every_file_either_loads_or_has_its_mistakes_here():
    loading = {"ours", "nested", "dotted", "capped"}
    assert {path.stem for path in FILES.glob("*.yaml")} == {*loading, *MISTAKES}
    assert all(load_sweep(FILES / f"{name}.yaml").trials for name in loading)


@pytest.mark.parametrize("path", sorted(FILES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_schema_accepts_the_files_that_load(path):
    schema = jsonschema.Draft202012Validator(grid_json_schema())
    assert schema.is_valid(as_json(path)) == (path.stem not in MISTAKES)


def as_json(path):
    return json.loads(json.dumps(read_grid_file(path).data))


@pytest.mark.parametrize(
    ("form", "values"),
    [
        ("{distribution: categorical, values: [0.1, 1]}", (0.1, 1.0)),
        ("{values: [0.1, 1], distribution: categorical}", (0.1, 1.0)),
        ("{distribution: constant, value: 0.1}", (0.1,)),
    ],
)
def test_a_distribution_that_lists_its_values_is_accepted(load, form, values):
    sweep = load(GRID.replace("lr: {value: 1}", f"lr: {form}"))
    assert sweep.grid.parameters["lr"] == values


@pytest.mark.parametrize("distribution", SAMPLED)
def test_a_sampled_distribution_is_refused_with_a_correction(problem_lines, distribution):
    form = f"{{distribution: {distribution}, min: 0.1, max: 2}}"
    exponents = distribution in ("log_uniform", "q_log_uniform", "inv_log_uniform")
    instead = "[…]" if exponents else "[0.1, …, 2]"
    assert problem_lines(GRID.replace("lr: {value: 1}", f"lr: {form}")) == [
        f"7: lr.distribution {distribution} {VALUES} {instead}"
    ]


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("{min: 1, max: 3}", f"lr.min {VALUES} [1, 2, 3]"),
        ("{max: 300, min: 1}", f"lr.max {VALUES} [1, …, 300]"),
        ("{min: 1, max: 2.5}", f"lr.min {VALUES} [1, …, 2.5]"),
        ("{min: 3, max: 1}", f"lr.min {VALUES} [3, …, 1]"),
        ("{min: 0.123456789, max: 1}", f"lr.min {VALUES} [0.123456789, …, 1]"),
        ("{min: 1}", f"lr.min {VALUES} […]"),
        ("{mu: 0, sigma: 1}", f"lr.mu {VALUES} […]"),
        (
            "{distribution: uniform, values: [1, 2]}",
            "lr.distribution uniform is not supported: a grid needs the values themselves; "
            "remove distribution",
        ),
        (
            "{distribution: categorical, value: 1}",
            "lr.distribution categorical needs values, found value; remove distribution",
        ),
        (
            "{values: [1, 2], probabilities: [0.5, 0.5]}",
            "lr has probabilities, but a grid tries each of the values equally often: "
            "remove probabilities",
        ),
        ("{distribution: constant}", "lr must have either value or values, found distribution"),
        (
            "{distribution: zipf, values: [1]}",
            "lr.distribution must be constant or categorical, or be left out, found the text "
            "'zipf'",
        ),
        (
            "{distribution: [constant], value: 1}",
            "lr.distribution must be constant or categorical, or be left out, found a list",
        ),
        (
            "{parameters: {warm: {value: 1}}, value: 1}",
            "lr has both parameters and value; leave one of them out",
        ),
        ("{parameters: [1]}", "lr needs a mapping as its parameters, found a list"),
        ("{parameters: {}}", "lr has no parameters; remove it"),
    ],
)
def test_a_form_without_values_is_refused_once(problem_lines, form, message):
    problems = problem_lines(GRID.replace("lr: {value: 1}", f"lr: {form}"))
    assert [problem for problem in problems if "is missing" not in problem] == [f"7: {message}"]


def test_every_member_of_a_group_is_the_field_of_its_name():
    for group, fields in GROUPS.items():
        assert set(fields) <= set(FIELD_NAMES)
        for field in fields:
            assert FIELD_OF[f"{group}.{field}"] == field
    # These would be ambiguous: data sets, models and optimizers can have their own seeds and rates.
    assert not {"dataset.seed", "model.alpha", "scheduler.lr", "model.lr"} & set(FIELD_OF)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("lr: {value: 1}", "optimizer.lr: {values: [1, -1]}", 7),
        ("lr: {value: 1}", "optimizer.lr:\n    values:\n      - 1\n      - -1", 10),
        ("epochs: {value: 1}", "training:\n    parameters:\n      epochs: {value: -1}", 10),
        ("model: {value: mlp}", "model:\n    parameters:\n      name:\n        value: mpl", 8),
    ],
)
def test_a_mistake_in_a_nested_value_has_its_own_line(problem_lines, old, new, line):
    (problem,) = problem_lines(GRID.replace(old, new))
    assert problem.startswith(f"{line}: ")


@pytest.mark.parametrize(
    "twice",
    [
        "  optimizer.lr: {value: 2}\n",
        "  optimizer.name: {value: adaloss}\n",
        "  training: {parameters: {epochs: {value: 2}}}\n",
    ],
)
def test_two_names_of_one_field_are_refused(problem_lines, twice):
    (problem,) = problem_lines(GRID.replace("seeds: 2\n", f"{twice}seeds: 2\n"))
    assert problem.startswith("10: ")
    assert problem.endswith(": leave one out")


def test_notes_name_the_keys_that_are_not_used(load):
    sweep = load(
        GRID + "task: image_classification\nprogram: train.py\njob: lab/job:v1\nimage_uri: image\n"
        "kind: sweep\napiVersion: v1\ncontroller: {type: local}\nscheduler: {engine: wandb}\n"
        "command: [python, train.py]\n"
        "metric: {name: val/top1, impute: worst, impute_while_running: best}\n"
    )
    assert [note.split(" is not used: ")[0] for note in sweep.notes] == [
        *("program", "command", "job", "image_uri", "controller", "scheduler", "apiVersion"),
        *("kind", "metric.impute", "metric.impute_while_running"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "metrics: [{name: a}, {name: b}]",
            "metrics is not supported: write metric: {name: …}, and add tables for further metrics",
        ),
        (
            "metric: {name: val/top1, target: 90}",
            "metric.target is not supported: stopping at a good trial would bias the table; "
            "remove it",
        ),
        ("parallelism: 4", "unknown key 'parallelism'; did you mean execution.max_concurrent?"),
        ("learning_rate: 1", "unknown key 'learning_rate'; did you mean parameters.lr?"),
        ("num_seeds: 3", "unknown key 'num_seeds'; did you mean seeds?"),
        ("run_cap: 2.5", "run_cap must be a whole number, found 2.5"),
    ],
)
def test_an_unsupported_key_is_refused_with_a_correction(problem_lines, text, message):
    assert problem_lines(f"{GRID}{text}\n") == [f"11: {message}"]


def test_a_list_of_names_is_printed_once_per_file(problem_lines):
    problems = problem_lines(
        GRID.replace("seeds: 2\n", "  gamma: {value: 1}\n  tau: {value: 1}\nseeds: 2\n")
        + "foo: 1\nbar: 1\n"
        "exclude: [{gamma: 1}, {tau: 1}]\n"
        "metric: {name: f1}\n"
        "tables: [{metric: recall}, {metric: auc}, {rows: gamma}, {columns: tau}]\n"
    )
    lists = [problem.partition("; known: ")[2] for problem in problems if "; known: " in problem]
    assert len(lists) == len(set(lists)) == 6
    assert len(problems) == 11


@pytest.mark.parametrize(
    ("old", "new", "field", "value"),
    [
        ("lr: {value: 1}", "lr: {value: 1e-3}", "lr", 1e-3),
        ("lr: {value: 1}", "lr: {value: 5.E-2}", "lr", 0.05),
        ("lr: {value: 1}", "lr: {value: 007}", "lr", 7.0),
        ("epochs: {value: 1}", "epochs: {value: 0x10}", "epochs", 16),
        ("epochs: {value: 1}\n", "epochs: &n {value: 3}\n  c: *n\n", "c", 3.0),
    ],
)
def test_numbers_have_the_same_value_as_in_wandb(load, old, new, field, value):
    assert load(GRID.replace(old, new)).trials[0].value(field) == value


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "lr: {value: 1}",
            "lr: {value: 010}",
            "7: 010 is 10 here and 8 to W&B, which reads a leading 0 as octal: write 10 or 8",
        ),
        (
            "seeds: 2",
            "seeds: [1, 0777]",
            "10: 0777 is 777 here and 511 to W&B, which reads a leading 0 as octal: "
            "write 777 or 511",
        ),
        (
            "batch_size: {value: 64}",
            "batch_size: {value: 1_000}",
            "9: batch_size must be a whole number, found the text '1_000'",
        ),
        (
            "seeds: 2",
            "  flip: {value: on}\nseeds: 2",
            "10: flip must be true or false, found the text 'on'; write true",
        ),
        (
            "seeds: 2",
            "  compile: {values: [Off, true]}\nseeds: 2",
            "10: compile must be true or false, found the text 'Off'; write false",
        ),
        ("name: demo", "name: yes\nname: no", "3: duplicate key 'name'; it is already on line 2"),
    ],
)
def test_values_that_yaml_1_1_reads_differently_are_refused_with_a_correction(
    problem_lines, old, new, message
):
    assert problem_lines(GRID.replace(old, new)) == [message]


@pytest.mark.parametrize("written", [GRID.replace("\n", "\r\n"), b"\xef\xbb\xbf" + GRID.encode()])
def test_line_ends_and_byte_order_marks_change_nothing(load, written):
    assert load(written).trials == load(GRID).trials


def test_numbers_of_yaml_1_1_are_refused_where_wandb_would_read_them(load):
    text = (FILES / "vision.yaml").read_text().replace(", target: 95", "")
    text = text.replace("[yes, no]", "[true]").replace("{value: 256}", "{values: [1_000, 1:30]}")
    with pytest.raises(GridError) as caught:
        load(text, "vision.yaml")
    assert [(p.line, p.message.partition(",")[0]) for p in caught.value.problems] == [
        (10, "1_000 is text here and 1000 to W&B"),
        (10, "1:30 is text here and 90 to W&B"),
    ]
    # A grid that W&B does not read has YAML 1.2.
    ours = "name: a\nprogram: main.py\nmetric: {name: m}\nparameters: {bs: [1_000, yes]}\n"
    assert [dict(trial.parameters)["bs"] for trial in load(ours).trials] == ["1_000", "yes"]


def test_results_of_such_a_file_stay_readable_with_a_note(load, tmp_path):
    text = (FILES / "vision.yaml").read_text().replace(", target: 95", "")
    (tmp_path / "trials" / "one").mkdir(parents=True)
    (tmp_path / "trials" / "one" / "trial.json").touch()
    notes = [note.partition(",")[0] for note in load(text).notes]
    assert {
        f"{word} to W&B" for word in ("yes is text here and true", "no is text here and false")
    } <= set(notes)
