"""All mistakes in a grid are reported at once, each with its line and in plain words."""

import json
import re
from datetime import timedelta
from itertools import pairwise, product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from adaloss.errors import UserError
from adaloss.grid.points.cell_index import MOST_STEPS
from adaloss.grid.sweep import GridError, Sweep, load_sweep

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
OPTIMIZERS = (
    "'adaloss', 'adagrad_norm', 'adagrad_norm_rowwise', 'sgd_constant', 'sgd_decay_sqrt', "
    "'paper_adam', 'adamloss', 'adam_decay_sqrt', one of torch ('sgd', 'adam', 'adamw', "
    "'nadam', 'radam', 'adamax', 'rmsprop', 'adagrad', 'adadelta', 'adafactor', 'asgd', "
    "'rprop', 'muon', 'lbfgs'), one of timm as 'timm:name' "
    "or a class as 'module:Class'"
)
CELL_FIELDS = (
    "dataset, model, optimizer, lr, epochs, batch_size, b0, alpha, c, momentum, weight_decay, "
    "rate, schedule, warmup, clip_grad_norm, average, "
    "pretrained, image_size, split_seed, train_examples, eval_examples, resize, padding, flip, "
    "interpolation, normalize, mean, std, precision, channels_last, compile, deterministic, "
    "label_smoothing"
)
PARAMETERS = CELL_FIELDS.replace("optimizer, ", "optimizer, seed, ")
FIELDS = PARAMETERS.replace("rate, ", "max_loss, rate, hyperparameters, ")
DATASETS = "digits, mnist, fashion_mnist, cifar10, cifar100 or imagefolder:PATH"
WEIGHTS = "true, false or the path of a file (.pth, .pt, .th, .bin, .tar, .safetensors, .npz)"


@pytest.fixture
def problem_lines(tmp_path):
    """The problems of a grid with this text, as ``line: message`` lines."""

    def load_and_catch(text):
        path = tmp_path / "grid.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(GridError) as caught:
            load_sweep(path)
        lines = str(caught.value).splitlines()
        assert len(lines) == len(caught.value.problems)
        assert all(line.startswith(f"{path}:") for line in lines)
        return [line.removeprefix(f"{path}:") for line in lines]

    return load_and_catch


def test_the_grid_of_these_tests_is_valid(tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text(GRID)
    assert len(load_sweep(path).trials) == 8


# (the text to replace, its replacement, the expected messages)
REPLACED = {
    "zero": ("[0.1, 1]", "[0.1, 0]", "6: b0 must be greater than 0, found 0"),
    "negative": ("lr: 0.1", "lr: -0.1", "7: lr must be at least 0, found -0.1"),
    "below one": ("epochs: 2", "epochs: 0", "8: epochs must be at least 1, found 0"),
    "above the range": (
        "  epochs: 2\n",
        "  epochs: 2\n  momentum: 1\n",
        "9: momentum must be less than 1, found 1",
    ),
    "text for a number": (
        "lr: 0.1",
        "lr: fast",
        "7: lr must be a number, found the text 'fast'",
    ),
    "quoted number": (
        "lr: 0.1",
        'lr: "1e-4"',
        "7: lr must be a number, found the text '1e-4'; remove the quotes",
    ),
    "true for a number": ("lr: 0.1", "lr: true", "7: lr must be a number, found true"),
    "true for a count": (
        "epochs: 2",
        "epochs: true",
        "8: epochs must be a whole number, found true",
    ),
    "nothing": ("lr: 0.1", "lr:", "7: lr must be a number, found nothing"),
    "not a number": ("lr: 0.1", "lr: .nan", "7: lr must be a finite number, found .nan"),
    "infinite": ("lr: 0.1", "lr: -.inf", "7: lr must be a finite number, found -.inf"),
    "beyond floats": ("lr: 0.1", "lr: 1e999", "7: lr must be a finite number, found .inf"),
    "very long number": (
        "lr: 0.1",
        "lr: " + "9" * 5000,
        "7: lr must be a finite number, found .inf",
    ),
    "very long count": (
        "epochs: 2",
        "epochs: " + "9" * 5000,
        "8: epochs must be a whole number, found .inf",
    ),
    "fraction for a count": (
        "epochs: 2",
        "epochs: 2.5",
        "8: epochs must be a whole number, found 2.5",
    ),
    "count written as a fraction": (
        "epochs: 2",
        "epochs: 2.0",
        "8: epochs must be a whole number, found 2.0; write 2",
    ),
    "yes for true": (
        "  lr: 0.1\n",
        "  lr: 0.1\n  pretrained: yes\n",
        f"8: pretrained must be {WEIGHTS}, found the text 'yes'; write true",
    ),
    "number for a model": (
        "model: mlp",
        "model: 3",
        "4: model must be text, found 3; put it in quotes",
    ),
    "optimizer misspelt": (
        "[adaloss",
        "[adalos",
        f"5: optimizer must be {OPTIMIZERS}, found the text 'adalos'; did you mean adaloss?",
    ),
    "data set misspelt": (
        "digits",
        "digit",
        f"3: dataset must be {DATASETS}, found the text 'digit'; did you mean digits?",
    ),
    "model misspelt": ("mlp", "mpl", "4: unknown model 'mpl'; did you mean mlp?"),
    "timm's model misspelt": (
        "mlp",
        "vit_smal_patch16_224",
        "4: unknown model 'vit_smal_patch16_224'; did you mean vit_small_patch16_224?",
    ),
    "weights misspelt": (
        "mlp",
        "resnet50.a1_in2k",
        "4: unknown model 'resnet50.a1_in2k'; did you mean resnet50.a1_in1k?",
    ),
    "model of no one": (
        "mlp",
        "zzzzzzzzzz",
        "4: unknown model 'zzzzzzzzzz'; known: mlp, small_cnn, cifar_resnet20 and the models of "
        "timm",
    ),
    "value twice": ("[0.1, 1]", "[1, 0.1, 1.0]", "6: b0 has the value 1 twice; remove one"),
    "two zeros": (
        "lr: 0.1",
        "lr: [0, -0.0]",
        "7: lr has the value 0 twice; remove one",
    ),
    "empty list": (
        "[0.1, 1]",
        "[]",
        "6: b0 is an empty list; it needs at least one value",
    ),
    "list in a list": ("lr: 0.1", "lr: [[0.1]]", "7: lr must be a number, found a list"),
    "item on its own line": (
        "b0: [0.1, 1]",
        "b0:\n    - 0.1\n    - -1",
        "8: b0 must be greater than 0, found -1",
    ),
    "item of values": (
        "b0: [0.1, 1]",
        "b0:\n    values:\n      - 0.1\n      - -1",
        "9: b0 must be greater than 0, found -1",
    ),
    "value on the next line": ("lr: 0.1", "lr:\n    -1", "8: lr must be at least 0, found -1"),
    "sampled": (
        "lr: 0.1",
        "lr: {min: 0.1, max: 1}",
        "7: lr.min is not supported: a grid needs the values themselves; write values: [0.1, …, 1]",
    ),
    "distribution": (
        "lr: 0.1",
        "lr:\n    distribution: uniform",
        "8: lr.distribution uniform is not supported: a grid needs the values themselves; "
        "write values: […]",
    ),
    "nested parameters": (
        "lr: 0.1",
        "lr: {parameters: {warm: {value: 1}}}",
        [
            f"7: unknown parameter 'lr.warm'; known: {PARAMETERS}",
            "7: parameters.lr is missing",
        ],
    ),
    "value and values": (
        "lr: 0.1",
        "lr: {value: 1, values: [1]}",
        "7: lr must have either value or values, found value, values",
    ),
    "neither value nor values": (
        "lr: 0.1",
        "lr: {valeu: 1}",
        "7: lr must have either value or values, found valeu",
    ),
    "a list as value": ("lr: 0.1", "lr: {value: [1]}", "7: lr must be a number, found a list"),
    "no list as values": (
        "lr: 0.1",
        "lr: {values: 1}",
        "7: lr.values must be a list, found 1",
    ),
    "required parameter left out": ("  lr: 0.1\n", "", "2: parameters.lr is missing"),
    "parameter given elsewhere": (
        "  lr: 0.1\n",
        "  lr: 0.1\n  max_loss: 9\n",
        "8: max_loss is not a parameter: write divergence: {max_loss: …}",
    ),
    "seeds twice": (
        "  lr: 0.1\n",
        "  lr: 0.1\n  seed: [1]\n",
        "8: seed and seeds are both set: leave one out",
    ),
    "weights of our own models": (
        "  lr: 0.1\n",
        "  lr: 0.1\n  pretrained: true\n",
        "8: pretrained must be false or the path of a file for mlp, found true; no weights are "
        "published for it",
    ),
    "weights in a file of another kind": (
        "  lr: 0.1\n",
        "  lr: 0.1\n  pretrained: weights.zip\n",
        f"8: pretrained must be {WEIGHTS}, found the text 'weights.zip'",
    ),
    "crop larger than the image": (
        "  lr: 0.1\n",
        "  lr: 0.1\n  resize: 20\n  image_size: [16, 24]\n",
        "8: resize must be at least image_size (24), found 20: crops are taken from the resized "
        "image",
    ),
    "folder of images of any size": (
        "digits",
        "imagefolder:pets",
        "3: imagefolder:pets has images of any size: write resize or image_size as well",
    ),
    "channels' means as a list of values": (
        "  lr: 0.1\n",
        "  lr: 0.1\n  mean: [0.5]\n",
        "8: mean must be a list, found 0.5; write {value: […]} for a parameter that is itself a "
        "list",
    ),
    "duplicate parameter": (
        "  lr: 0.1\n",
        "  lr: 0.1\n  lr: 0.2\n",
        "8: duplicate key 'lr'; it is already on line 7",
    ),
    "name left empty": ("name: demo", "name:", "1: name must be text, found nothing"),
    "name that is no folder's": (
        "demo",
        "../demo",
        "1: name must be 1 to 64 letters, digits, dots, dashes and underscores, starting with a "
        "letter or digit, found the text '../demo'",
    ),
    "number as name": ("demo", "12", "1: name must be text, found 12; put it in quotes"),
    "tag": (
        "lr: 0.1",
        "lr: !!float 0.1",
        "7: YAML tags are not allowed in a grid; remove !!float",
    ),
    "own tag": (
        "digits",
        "!mine digits",
        "3: YAML tags are not allowed in a grid; remove !mine",
    ),
    "alias of nothing": (
        "lr: 0.1",
        "lr: *rate",
        "7: not valid YAML: *rate has no anchor above it",
    ),
    "alias of a wrong value": (
        "lr: 0.1\n",
        "lr: &half 0.5\n  b0: *half\n  momentum: *half\n  epochs: *half\n",
        [
            "8: duplicate key 'b0'; it is already on line 6",
            "10: epochs must be a whole number, found 0.5",
            "11: duplicate key 'epochs'; it is already on line 10",
        ],
    ),
    "unfinished escape": ("mlp", r'"\UFFFFFFFF"', "4: not valid YAML: invalid escape"),
    "half a surrogate pair": ("mlp", r'"\ud800"', "4: not valid YAML: half of a surrogate pair"),
    "control character": (
        "mlp",
        "m\x01lp",
        "4: not valid YAML: the character #x0001 is not allowed",
    ),
    "no seeds": ("seeds: 2", "seeds: []", "10: seeds is empty; it needs at least one entry"),
    "seed twice": ("seeds: 2", "seeds: [1, 1]", "10: seeds has the value 1 twice; remove one"),
    "seed below zero": ("seeds: 2", "seeds: [-1]", "10: seeds[0] must be at least 0, found -1"),
    "text as seeds": (
        "seeds: 2",
        "seeds: five",
        "10: seeds must be a count of seeds, or a list of them, found the text 'five'",
    ),
    "too many seeds": (
        "seeds: 2",
        "seeds: 1000000000000",
        "10: seeds must be a count of seeds from 1 to 100,000, or a list of them, found "
        "1000000000000",
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), REPLACED.values(), ids=REPLACED)
def test_a_mistake_in_a_value(problem_lines, old, new, expected):
    assert GRID.count(old) == 1
    assert problem_lines(GRID.replace(old, new)) == (
        [expected] if isinstance(expected, str) else expected
    )


# (the text added at the end, from line 11 on, and the expected messages)
ADDED = {
    "unknown key": ("sedes: 3", "11: unknown key 'sedes'; did you mean seeds?"),
    "unknown key that is like none": (
        "x: 3",
        "11: unknown key 'x'; known: name, description, method, task, metric, parameters, "
        "seeds, "
        "overrides, exclude, include, divergence, resources, execution, wandb, notify, tables, "
        "labels, data, program, command, python, seed_parameter, metrics, seed, project, entity, "
        "run_cap",
    ),
    "key on two lines": (
        '"a\\nb": 1',
        "11: unknown key 'a\\nb'; known: name, description, method, task, metric, parameters, "
        "seeds, "
        "overrides, exclude, include, divergence, resources, execution, wandb, notify, tables, "
        "labels, data, program, command, python, seed_parameter, metrics, seed, project, entity, "
        "run_cap",
    ),
    "duplicate key": ("seeds: 3", "11: duplicate key 'seeds'; it is already on line 10"),
    "list as key": ("? [1]\n: 2", "11: a key of the grid is not plain text"),
    "sampling": (
        "method: bayes",
        "11: method 'bayes' is not supported: a table needs every cell of the grid, and a "
        "sampled search would bias it; write method: grid",
    ),
    "early stopping": (
        "early_terminate:\n  type: hyperband",
        "11: early_terminate is not supported: stopping trials early would bias the table; "
        "remove it",
    ),
    "metric that is not logged": (
        "metric: {name: val_loss}",
        "11: metric.name must be a metric, found the text 'val_loss'; did you mean val/loss?",
    ),
    "goal": (
        "metric: {goal: maximise}",
        "11: metric.goal must be 'maximize' or 'minimize', found the text 'maximise'; "
        "did you mean maximize?",
    ),
    "best on test": (
        "metric: {at: best_test}",
        "11: metric.at must be last, best_val, epoch N or {reach: {METRIC: NUMBER}}, "
        "found the text 'best_test'",
    ),
    "text for a section": (
        "metric: test/top1",
        "11: metric must be a mapping, found the text 'test/top1'; write metric: {name: test/top1}",
    ),
    "section left empty": ("wandb:\n", "11: wandb must be a mapping, found nothing"),
    "unknown key of a section": (
        "execution:\n  retries: 1\n  time_out: 2h",
        "13: unknown key 'time_out'; did you mean timeout?",
    ),
    "no CPU": (
        "resources: {cpu: 0}",
        "11: resources.cpu must be auto or a whole number above 0, found 0",
    ),
    "GPUs": (
        "resources: {gpu: all}",
        "11: resources.gpu must be auto, 0, a fraction of a GPU, or a whole number of them, "
        "found the text 'all'",
    ),
    "one GPU and a half": (
        "resources: {gpu: 1.5}",
        "11: resources.gpu must be auto, 0, a fraction of a GPU, or a whole number of them, "
        "found 1.5",
    ),
    "none at a time": (
        "execution: {max_concurrent: 0}",
        "11: execution.max_concurrent must be auto or a whole number above 0, found 0",
    ),
    "duration": (
        "execution: {timeout: 2 hours}",
        "11: execution.timeout must be a time such as 90s, 2h or 1h30m, or seconds above 0, "
        "found the text '2 hours'",
    ),
    "no time at all": (
        "execution: {timeout: 0s}",
        "11: execution.timeout must be a finite time above 0, found the text '0s'",
    ),
    "order": (
        "execution: {order: random}",
        "11: execution.order must be 'seed_major' or 'cell_major', found the text 'random'",
    ),
    "retries": (
        "execution: {retries: -1}",
        "11: execution.retries must be at least 0, found -1",
    ),
    "bound of divergence": (
        "divergence: {max_loss: 0}",
        "11: divergence.max_loss must be greater than 0, found 0",
    ),
    "template": (
        'wandb: {name: "{modle}"}',
        "11: wandb.name cannot fill in {modle}; did you mean model?",
    ),
    "attribute in a template": (
        'wandb: {tags: ["{model.__class__}"]}',
        f"11: wandb.tags[0] cannot fill in {{model.__class__}}; known: {FIELDS}, trial_id, sweep",
    ),
    "brace in a template": (
        'wandb: {name: "{model"}',
        "11: wandb.name has an unpaired brace; write {{ or }} for { or }",
    ),
    "tags that are no list": (
        "wandb: {tags: paper}",
        "11: wandb.tags must be a list, found the text 'paper'",
    ),
    "two projects": (
        "project: ours\nwandb: {project: mine}",
        "11: project and wandb.project differ; leave one out",
    ),
    "no run": ("run_cap: 0", "11: run_cap must be at least 1, found 0"),
    "rows of a table": (
        "tables: [{rows: optimiser}]",
        "11: tables[0].rows must be a field of a trial, found the text 'optimiser'; "
        "did you mean optimizer?",
    ),
    "metric of a table": (
        "tables:\n  - {rows: b0}\n  - {metric: test/top2}",
        "13: tables[1].metric must be a metric, found the text 'test/top2'; "
        "did you mean test/top5?",
    ),
    "field twice in a table": (
        "tables: [{rows: b0, columns: b0}]",
        "11: tables[0] has b0 in two of rows, columns and per",
    ),
    "no epoch of a table": (
        "tables: [{at: epoch 0}]",
        "11: tables[0].at must be last, best_val, epoch N or {reach: {METRIC: NUMBER}}, "
        "found the text 'epoch 0'",
    ),
    "no such metric to reach": (
        "tables: [{at: {reach: {val/top2: 95}}}]",
        "11: tables[0].at has no metric 'val/top2' to reach; there are train/loss, val/loss, "
        "val/top1, val/top5, test/loss, test/top1, test/top5",
    ),
    "no number to reach": (
        "tables: [{at: {reach: {val/top1: high}}}]",
        "11: tables[0].at needs a number that val/top1 reaches, not 'high'",
    ),
    "nothing to reach": (
        "tables: [{at: {reach: val/top1}}]",
        "11: tables[0].at must be last, best_val, epoch N or {reach: {METRIC: NUMBER}}, "
        "found a mapping",
    ),
    "epochs without a target": (
        "tables: [{metric: epoch}]",
        "11: tables[0].metric: epoch is counted until a target is reached: "
        "write at: {reach: {METRIC: NUMBER}}",
    ),
    "a target of the sweep": (
        "metric: {at: {reach: {val/top1: 95}}}",
        "11: metric.at is no target: write at: {reach: …} in an entry of tables",
    ),
    "epochs as the metric of the sweep": (
        "metric: {name: epoch}",
        "11: metric.name is for tables: epoch is counted until a target is reached: "
        "write at: {reach: {METRIC: NUMBER}}",
    ),
    "a field that a table keeps": (
        "tables: [{only: {optimiser: adaloss}}]",
        "11: unknown field 'optimiser'; did you mean optimizer?",
    ),
    "a cell that a table keeps": (
        "tables:\n  - only: {b0: [0.1, 7]}",
        "12: no cell has b0: 7; the grid has 0.1, 1",
    ),
    "a cell that a table leaves out": (
        "tables: [{exclude: [{b0: 7}]}]",
        "11: no cell has b0: 7; the grid has 0.1, 1",
    ),
    "a table over more than seeds": (
        "tables: [{columns: model, per: null}]",
        "11: tables[0] would average over optimizer, not only over seeds; add optimizer to its "
        "rows, columns, per or tune, or choose cells with only",
    ),
    "an epoch after the last": (
        "tables: [{at: epoch 9}]",
        "11: tables[0]: there is no epoch 9: the trials have 2",
    ),
    "a table without cells": (
        "tables: [{only: {b0: 1}, exclude: [{b0: 1}]}]",
        "11: tables[0]: only and exclude leave no cell",
    ),
    "a field in per": (
        "tables: [{per: [model, lrr]}]",
        "11: tables[0].per must be a field of a trial, found the text 'lrr'; did you mean lr?",
    ),
    "no table": ("tables: []", "11: tables is empty; it needs at least one entry"),
    "true for decimals": (
        "tables: [{decimals: true}]",
        "11: tables[0].decimals must be a whole number, found true",
    ),
    "override of an unknown field": (
        "overrides: [{match: {optimiser: adaloss}, set: {lr: 1}}]",
        "11: unknown field 'optimiser'; did you mean optimizer?",
    ),
    "override that sets an unknown field": (
        "overrides:\n  - match: {b0: 1}\n    set: {bo: 1}",
        f"13: unknown field 'bo'; known: {CELL_FIELDS}",
    ),
    "override of no cell": (
        "overrides: [{match: {b0: 7}, set: {lr: 1}}]",
        "11: no cell has b0: 7; the grid has 0.1, 1",
    ),
    "override that names a value of no cell": (
        "overrides: [{match: {b0: [1, 7]}, set: {lr: 1}}]",
        "11: no cell has b0: 7; the grid has 0.1, 1",
    ),
    "override of a combination that there is not": (
        "overrides:\n"
        "  - match: {b0: 1}\n    set: {momentum: 0.5}\n"
        "  - match: {b0: 0.1, momentum: 0.5}\n    set: {lr: 1}",
        "14: no cell has all of b0: 0.1, momentum: 0.5",
    ),
    "override with a value out of range": (
        "overrides: [{match: {b0: 1}, set: {lr: -1}}]",
        "11: lr must be at least 0, found -1",
    ),
    "override that sets several values": (
        "overrides: [{match: {b0: 1}, set: {lr: [1, 2]}}]",
        "11: set needs one value of lr, found a list",
    ),
    "override that sets nothing": (
        "overrides: [{match: {b0: 1}}]",
        "11: overrides[0].set is missing",
    ),
    "override that matches everything": (
        "overrides: [{match: {}, set: {lr: 1}}]",
        "11: overrides[0].match is empty; it needs at least one entry",
    ),
    "override of a seed": (
        "overrides: [{match: {seed: 0}, set: {lr: 1}}]",
        "11: seed is the same in every cell and cannot select cells",
    ),
    "override that wants weights of our own models": (
        "overrides: [{match: {b0: 1}, set: {pretrained: true}}]",
        "11: pretrained must be false or the path of a file for mlp, found true; no weights are "
        "published for it",
    ),
    "overrides that are no list": (
        "overrides: {match: {b0: 1}, set: {lr: 1}}",
        "11: overrides must be a list, found a mapping",
    ),
    "exclusion of no cell": ("exclude: [{b0: 5}]", "11: no cell has b0: 5; the grid has 0.1, 1"),
    "exclusion of all cells": (
        "exclude: [{lr: 0.1}]",
        "11: exclude leaves no cell of the grid",
    ),
    "exclusion that names nothing": (
        "exclude: [{}]",
        "11: exclude[0] is empty; it needs at least one entry",
    ),
    "extra cell that leaves a field open": (
        "include: [{b0: 5}]",
        "11: an included cell needs a value of optimizer, which the grid varies",
    ),
    "extra cell out of range": (
        "include: [{b0: -5, optimizer: adaloss}]",
        "11: b0 must be greater than 0, found -5",
    ),
    "extra cell of an unknown model": (
        "include: [{b0: 5, optimizer: adaloss, model: resnet5O}]",
        "11: unknown model 'resnet5O'; did you mean resnet50?",
    ),
    "unfinished list": (
        "overrides: [1,",
        "11: not valid YAML: while parsing a flow node expected the node content, but found "
        "'<stream end>'",
    ),
    "tab": (
        "overrides:\n\t- 1",
        "12: not valid YAML: while scanning for the next token found character '\\t' that cannot "
        "start any token; write spaces for tabs",
    ),
    "indentation": (
        "  description: x",
        "11: not valid YAML: mapping values are not allowed here",
    ),
    "second document": (
        "---\nname: other",
        "11: a second document (after ---); a grid file holds one",
    ),
    "depth": ("wandb: " + "[" * 50 + "]" * 50, "11: nested more than 20 levels deep"),
    "merge of no mapping": (
        "<<: [1]",
        "11: the merge key << needs a mapping or a list of mappings",
    ),
}


@pytest.mark.parametrize(("text", "expected"), ADDED.values(), ids=ADDED)
def test_a_mistake_elsewhere(problem_lines, text, expected):
    assert problem_lines(f"{GRID}{text}\n") == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    {
        "empty": ("", "1: the file is empty; a grid needs at least parameters"),
        "comments": (
            "# a\n# b\n",
            "1: the file is empty; a grid needs at least parameters",
        ),
        "list": (
            "\n- name: demo\n",
            "2: a grid is a mapping with keys such as name and parameters, found a list",
        ),
        "text": (
            "demo\n",
            "1: a grid is a mapping with keys such as name and parameters, found the text 'demo'",
        ),
        "no parameters": ("name: demo\n", "1: parameters is missing"),
        "parameters left empty": (
            "name: demo\nparameters:\n\nseeds: 1\n",
            "2: parameters must be a mapping, found nothing",
        ),
        "list of parameters": (
            "name: demo\nparameters: [lr]\n",
            "2: parameters must be a mapping, found a list",
        ),
        "not UTF-8": (
            GRID.encode() + "description: Größe\n".encode("latin-1"),
            "11: the byte 0xf6 is not UTF-8; save the file as UTF-8 text",
        ),
        "UTF-16": (
            GRID.encode("utf-16-le"),
            "1: not valid YAML: the character #x0000 is not allowed",
        ),
        "UTF-16 with its mark": (
            GRID.encode("utf-16"),
            "1: the byte 0xff is not UTF-8; save the file as UTF-8 text",
        ),
    }.values(),
)
def test_a_file_that_is_not_a_grid(problem_lines, text, expected):
    assert problem_lines(text) == [expected]


def test_every_mistake_of_a_file_is_reported_in_the_order_of_its_lines(problem_lines):
    assert problem_lines(
        "name: my sweep\n"
        "method: random\n"
        "parameters:\n"
        "  dataset: digit\n"
        "  model: [mlp, mlp2]\n"
        "  optimizer: [adaloss, adalos]\n"
        "  b0:\n"
        "    - 0.1\n"
        "    - 0\n"
        '    - "1"\n'
        "  lr: [0.1, 0.1]\n"
        "  momentun: 0.9\n"
        "  momentum: !!str 0\n"
        "  epochs: 2\n"
        "  epochs: 3\n"
        "seeds: 0\n"
        "overrides:\n"
        "  - match: {optimiser: adaloss}\n"
        "    set: {lr: -1}\n"
        "exclude: [{weight_decay: no}]\n"
        "execution: {retry: 1, timeout: soon}\n"
        "tables: [{rows: bo}]\n"
    ) == [
        "1: name must be 1 to 64 letters, digits, dots, dashes and underscores, starting with a "
        "letter or digit, found the text 'my sweep'",
        "2: method 'random' is not supported: a table needs every cell of the grid, and a "
        "sampled search would bias it; write method: grid",
        "3: parameters.batch_size is missing",
        f"4: dataset must be {DATASETS}, found the text 'digit'; did you mean digits?",
        "5: unknown model 'mlp2'; did you mean mlp?",
        f"6: optimizer must be {OPTIMIZERS}, found the text 'adalos'; did you mean adaloss?",
        "9: b0 must be greater than 0, found 0",
        "10: b0 must be a number, found the text '1'; remove the quotes",
        "11: lr has the value 0.1 twice; remove one",
        "12: unknown parameter 'momentun'; did you mean momentum?",
        "13: YAML tags are not allowed in a grid; remove !!str",
        "15: duplicate key 'epochs'; it is already on line 14",
        "16: seeds must be a count of seeds from 1 to 100,000, or a list of them, found 0",
        "18: unknown field 'optimiser'; did you mean optimizer?",
        "19: lr must be at least 0, found -1",
        "20: weight_decay must be a number, found the text 'no'",
        "21: execution.timeout must be a time such as 90s, 2h or 1h30m, or seconds above 0, "
        "found the text 'soon'",
        "21: unknown key 'retry'; did you mean retries?",
        f"22: tables[0].rows must be a field of a trial, found the text 'bo'; known: {FIELDS}",
    ]


def test_cells_are_checked_despite_mistakes_in_other_fields(problem_lines):
    text = GRID.replace("lr: 0.1", "lr: fast") + "retries: 1\nexclude: [{b0: 5}]\n"
    assert problem_lines(text) == [
        "7: lr must be a number, found the text 'fast'",
        "11: unknown key 'retries'; did you mean execution.retries?",
        "12: no cell has b0: 5; the grid has 0.1, 1",
    ]


def test_a_mistake_causes_no_follow_up_errors(problem_lines):
    text = GRID.replace("[adaloss,", "[adalos,").replace("mlp", "mpl")
    follow = "exclude: [{optimizer: adaloss}]\noverrides: [{match: {model: mlp}, set: {lr: 1}}]\n"
    assert [line.split(":")[0] for line in problem_lines(text + follow)] == ["4", "5"]


def test_problems_have_their_line_key_and_message(tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text(GRID.replace("[0.1, 1]", "[0.1, 0]") + "tables: [{rows: b1}]\n")
    with pytest.raises(GridError) as caught:
        load_sweep(path)
    first, second = caught.value.problems
    assert (first.line, first.key) == (6, "parameters.b0[1]")
    assert first.message == "b0 must be greater than 0, found 0"
    assert (second.line, second.key) == (11, "tables[0].rows")
    assert isinstance(caught.value, UserError)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda path: None, "there is no such file"),
        (lambda path: path.mkdir(), "this is a folder, not a grid file"),
        (
            lambda path: path.write_text("#" * 300_000),
            "larger than 256 KiB; this is not a grid file",
        ),
        (lambda path: path.symlink_to(path), "cannot be read: Too many levels of symbolic links"),
    ],
)
def test_a_path_that_is_not_a_grid_file(tmp_path, make, expected):
    path = tmp_path / "grid.yaml"
    make(path)
    with pytest.raises(GridError, match=f"^{re.escape(str(path))}: {expected}$"):
        load_sweep(path)


def test_a_grid_of_too_many_trials_is_refused_before_it_is_expanded(problem_lines):
    values = ", ".join(map(str, range(1, 5001)))
    text = GRID.replace("b0: [0.1, 1]", f"b0: [{values}]").replace("lr: 0.1", f"lr: [{values}]")
    assert problem_lines(text) == [
        "2: the grid has 100,000,000 trials; the most that a sweep may have is 1,000,000"
    ]


def test_extra_cells_count_too(problem_lines):
    values = ", ".join(map(str, range(1, 1001)))
    extra = f"include: [{{optimizer: adaloss, b0: [{values}], lr: [{values}]}}]\n"
    assert problem_lines(GRID + extra) == [
        "2: the grid has 2,000,008 trials; the most that a sweep may have is 1,000,000"
    ]


def test_a_grid_of_a_billion_cells_is_refused_at_once_in_every_form(problem_lines):
    thousand = "[" + ", ".join(map(str, range(1, 1001))) + "]"
    names = ("b0", "lr", "c")
    values = "".join(f"  {name}: {thousand}\n" for name in names)
    plain = GRID.replace("  b0: [0.1, 1]\n", "").replace("  lr: 0.1\n", values)
    point = ", ".join(f"{name}: {thousand}" for name in names)
    seeded = GRID.replace("[0.1, 1]", thousand).replace("lr: 0.1", f"lr: {thousand}")
    for text, trials in (
        (plain, "4,000,000,000"),
        (GRID + f"include: [{{optimizer: adaloss, {point}}}]\n", "2,000,000,008"),
        (seeded.replace("seeds: 2", "seeds: 100000"), "200,000,000,000"),
    ):
        assert problem_lines(text) == [
            f"2: the grid has {trials} trials; the most that a sweep may have is 1,000,000"
        ]


def test_a_grid_of_more_cells_than_fit_into_memory_is_refused(problem_lines):
    values = ", ".join(map(str, range(1, 1001)))
    text = GRID.replace("b0: [0.1, 1]", f"b0: [{values}]").replace("lr: 0.1", f"lr: [{values}]")
    text = text.replace("[adaloss, sgd_constant]", "adaloss").replace("seeds: 2", "seeds: 1")
    assert problem_lines(text) == [
        "2: the grid has 1,000,000 cells; the most that a sweep may have is 100,000"
    ]


def many(section, entry):
    """A grid of 4,000 cells with 1,500 entries in a section: too many pairs to look at each."""
    assert MOST_STEPS < 4000 * 1500
    values = ", ".join(map(str, range(1, 2001)))
    grid = GRID.replace("[0.1, 1]", f"[{values}]").replace("seeds: 2", "seeds: 1")
    return f"{grid}{section}: [{', '.join(entry.format(i=i) for i in range(1, 1501))}]\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        many("overrides", "{{match: {{b0: {i}}}, set: {{lr: {i}}}}}"),
        many("exclude", "{{b0: {i}}}"),
    ],
    ids=["overrides", "exclude"],
)
def test_thousands_of_points_are_matched_through_the_index(tmp_path, text):
    path = tmp_path / "grid.yaml"
    path.write_text(text)
    assert load_sweep(path).trials


@pytest.mark.slow
def test_overrides_that_would_take_too_long_are_refused(problem_lines):
    assert problem_lines(many("overrides", "{{match: {{lr: 0.1}}, set: {{c: {i}}}}}")) == [
        "11: overrides and exclude select so many cells so often that loading would take too long; "
        "write the values in parameters"
    ]


@pytest.mark.slow
def test_tables_that_would_take_too_long_are_refused(problem_lines):
    (message,) = problem_lines(many("tables", "{{exclude: [{{b0: {i}}}]}}"))
    assert message.endswith(
        "the tables select so many cells so often that loading would take too long"
    )


NAMES = ["".join(letters) for letters in product("abcdefghijklm", repeat=3)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        GRID.replace("mlp", f"[{', '.join(NAMES)}]"),
        GRID.replace("  lr: 0.1\n", "  lr: 0.1\n" + "".join(f"  {name}: 1\n" for name in NAMES)),
        GRID + "".join(f"{name}: 1\n" for name in NAMES),
        GRID + "wandb: {tags: [" + ", ".join(f'"{{{name}}}"' for name in NAMES) + "]}\n",
        GRID + "x: [" + ", ".join(f"!{name} 1" for name in NAMES) + "]\n",
        GRID + "tables: [" + ", ".join(["1"] * 5_000) + "]\n",
    ],
    ids=["models", "parameters", "keys", "tags", "YAML tags", "tables"],
)
def test_only_the_first_of_thousands_of_mistakes_are_reported(problem_lines, text):
    messages = problem_lines(text)
    assert len(messages) == 101
    assert messages[-1].endswith(": there are more mistakes; fix these first")


@pytest.mark.parametrize("text", ["1" * 250_000, "1 " * 100_000, "1h" * 100_000])
def test_a_very_long_duration_is_refused(problem_lines, text):
    (message,) = problem_lines(f'{GRID}execution: {{timeout: "{text}"}}\n')
    assert message.startswith("11: execution.timeout must be a time such as 90s, 2h or 1h30m")


@pytest.mark.parametrize(
    "text",
    [
        GRID.replace("mlp", "m" * 200_000),
        GRID.replace("  lr: 0.1\n", "  lr: 0.1\n  ? " + "k" * 200_000 + "\n  : 1\n"),
        GRID + "? " + "k" * 200_000 + "\n: 1\n",
        GRID + "overrides: [{match: {? " + "k" * 200_000 + " : 1}, set: {lr: 1}}]\n",
        GRID + "method: " + "k" * 200_000 + "\n",
        GRID + "x: *" + "k" * 200_000 + "\n",
        GRID + "x: !" + "k" * 200_000 + " 1\n",
        GRID.replace("name: demo", "name: " + "k" * 200_000),
        GRID.replace("digits", "d" * 200_000),
    ],
    ids=["model", "parameter", "key", "field", "method", "alias", "tag", "name", "data set"],
)
def test_a_very_long_name_is_shortened_in_messages(problem_lines, text):
    assert all(len(line) < 2_100 for line in problem_lines(text))


BAD_NAMES = (
    *("../x", "/etc/x", "a/b", r"a\\b", "..", "-x", "", "é", r"a\n", "a b"),
    *(r"\e[2J", r"\u202ea"),
)


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_would_leave_the_storage_is_refused(problem_lines, name):
    (message,) = problem_lines(GRID.replace("demo", f'"{name}"'))
    assert message.startswith(
        "1: name must be 1 to 64 letters, digits, dots, dashes and underscores"
    )


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("demo", r'"a\0b"', 1),
        ("digits", r'"imagefolder:a\0b"', 3),
        ("mlp", r'"mlp\0"', 4),
        ("lr: 0.1", r'pretrained: "a\0.pth"', 7),
        ("lr: 0.1", r'"lr\0": 0.1', 7),
        ("seeds: 2", r'data: {root: "\0"}', 10),
        ("seeds: 2", r'wandb: {project: "a\0b"}', 10),
        ("seeds: 2", r'wandb: {tags: ["a\x00b"]}', 10),
    ],
)
def test_no_name_or_path_has_a_null_character(problem_lines, old, new, line):
    assert problem_lines(GRID.replace(old, new)) == [f"{line}: the character #x0000 is not allowed"]


@pytest.mark.parametrize(
    "model", ["../mlp", "/etc/passwd", "..", "mlp/../mlp", r'"\e[2J"', r'"\u202emlp"', "os.system"]
)
def test_a_model_that_is_a_path_or_worse_is_unknown(problem_lines, model):
    (message,) = problem_lines(GRID.replace("mlp", model))
    assert message.startswith("4: unknown model '")
    assert message.isprintable()


def test_a_tag_that_would_run_a_program_is_refused(problem_lines, tmp_path):
    tag = f"!!python/object/apply:os.mkdir [{tmp_path / 'made'}]"
    assert problem_lines(GRID.replace("mlp", tag))[0] == (
        "4: YAML tags are not allowed in a grid; remove !!python/object/apply:os.mkdir"
    )
    assert not (tmp_path / "made").exists()


def laughs(first, line):
    """Nine anchors, each of which expands to ten of the one before."""
    names = "abcdefghi"
    lines = [f"a: &a {first}"]
    lines += [line.format(new=new, old=old) for old, new in pairwise(names)]
    return "\n".join(lines) + "\n" + GRID


@pytest.mark.parametrize(
    ("text", "expected"),
    {
        "lists of lists": (
            laughs("[1]", "{new}: &{new} [" + ", ".join(["*{old}"] * 10) + "]"),
            "1: aliases expand to more than 100,000 values",
        ),
        "a list below a list": (
            "a: &a0 [1]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 40)) + GRID,
            "1: aliases nest more than 20 levels deep",
        ),
        "a list of itself": (
            "a: &a [*a]\n" + GRID,
            "1: not valid YAML: *a has no anchor above it",
        ),
        "merged mappings": (
            "a: &a {" + ", ".join(f"k{i}: 1" for i in range(2000)) + "}\n"
            "b: {<<: [" + ", ".join(["*a"] * 2000) + "]}\n" + GRID,
            "2: merge keys add more than 100,000 values",
        ),
        "brackets": ("[" * 200_000, "1: nested more than 20 levels deep"),
        "dashes": ("- " * 100_000, "1: nested more than 20 levels deep"),
        "keys": ("? " * 100_000, "1: a key of the grid is not plain text"),
    }.values(),
)
def test_a_file_that_expands_too_far_is_refused_at_once(problem_lines, text, expected):
    assert problem_lines(text) == [expected]


def loaded(path, text):
    """The sweep, or None if loading raises a well-formed error."""
    path.write_bytes(text.encode(errors="surrogatepass") if isinstance(text, str) else text)
    try:
        return load_sweep(path)
    except GridError as error:
        problems, lines = error.problems, str(error).splitlines()
    assert problems
    assert len(lines) == len(problems)
    assert all(line.startswith(f"{path}:") for line in lines)
    return None


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats()
    | st.integers()
    | st.sampled_from(["mlp", "digits", "adaloss", "auto", "{b0}", "{", "2h", "b0", "test/top1"])
    | st.text(max_size=5)
)
KEYS = st.sampled_from(
    [
        "name method metric parameters seeds overrides exclude include divergence resources "
        "execution wandb tables data program command project entity run_cap early_terminate "
        "match set value values goal at rows columns per cpu gpu timeout tags mode <<",
        "dataset model optimizer seed lr epochs batch_size b0 alpha c momentum weight_decay "
        "pretrained image_size split_seed train_examples eval_examples resize padding flip "
        "interpolation normalize mean std precision channels_last compile deterministic max_loss",
    ]
).flatmap(lambda names: st.sampled_from(names.split())) | st.text(max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
FUZZED = settings(
    max_examples=100,
    deadline=timedelta(seconds=20),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def json_of(value):
    """The value as JSON, a subset of YAML, with YAML's names of nan and infinity."""
    return json.dumps(value).replace("NaN", ".nan").replace("Infinity", ".inf")


@FUZZED
@given(
    st.text(
        alphabet=st.sampled_from("ab:,-?*&!|>%@`'\"{}[]#\\\n\t 01.~\x85\ufeff\u2028"), max_size=60
    )
)
def test_text_with_yaml_syntax_is_a_grid_or_an_error(tmp_path, text):
    assert loaded(tmp_path / "grid.yaml", text) is None


@pytest.mark.slow
@FUZZED
@given(st.text(max_size=60) | st.binary(max_size=60))
def test_any_text_is_a_grid_or_an_error(tmp_path, text):
    assert loaded(tmp_path / "grid.yaml", text) is None


@pytest.mark.slow
@FUZZED
@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_any_structure_is_a_grid_or_an_error(tmp_path, grid):
    loaded(tmp_path / "grid.yaml", json_of(grid))


@pytest.mark.slow
@FUZZED
@given(
    st.dictionaries(KEYS, VALUES, max_size=2),
    st.dictionaries(KEYS, VALUES, max_size=2),
)
def test_any_change_of_a_valid_grid_is_a_grid_or_an_error(tmp_path, keys, parameters):
    right = YAML(typ="safe", pure=True).load(GRID)
    right["parameters"] |= parameters
    sweep = loaded(tmp_path / "grid.yaml", json_of(right | keys))
    assert sweep is None or (isinstance(sweep, Sweep) and sweep.trials)


@FUZZED
@given(st.integers(0, len(GRID)), st.integers(0, 4), st.text(max_size=3))
def test_any_typo_is_a_grid_or_an_error(tmp_path, start, length, text):
    loaded(tmp_path / "grid.yaml", GRID[:start] + text + GRID[start + length :])


PLACES = {
    "name": "name: demo",
    "dataset": "dataset: digits",
    "model": "model: mlp",
    "pretrained": "lr: 0.1",
    "project": "seeds: 2",
}
PATHS = st.text(alphabet=st.sampled_from("../\\~\0\n\x1b\u202eab:-%{}"), max_size=12)


@pytest.mark.slow
@FUZZED
@given(st.sampled_from(sorted(PLACES)), PATHS | st.text(max_size=8))
def test_any_name_is_not_a_path_or_is_an_error(tmp_path, field, text):
    new = {
        "pretrained": f"lr: 0.1\n  pretrained: {json.dumps(text + '.pth')}",
        "project": f"wandb: {{project: {json.dumps(text)}, name: {json.dumps(text)}}}",
    }.get(field, f"{field}: {json.dumps(text)}")
    assert GRID.count(PLACES[field]) == 1
    sweep = loaded(tmp_path / "grid.yaml", GRID.replace(PLACES[field], new))
    if sweep is not None:
        assert "\0" not in text
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", sweep.name)
        assert all(re.fullmatch(r"[A-Za-z0-9._=+-]+", t.readable_name) for t in sweep.trials)
