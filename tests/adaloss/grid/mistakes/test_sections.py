"""Mistakes in the sections of a grid, and in its YAML."""

import pytest
from small_grid import CELL_FIELDS, FIELDS, GRID

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
    "metric of divergence": (
        "divergence: {metric: train/loss}",
        "11: divergence.metric is for a grid with program: (others diverge by their training loss)",
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
def test_a_mistake_in_a_section(problem_lines, text, expected):
    assert problem_lines(f"{GRID}{text}\n") == [expected]
