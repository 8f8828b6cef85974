"""The JSON Schema accepts the grids of programs that load, and refuses the others."""

import json

import jsonschema
import pytest
from program_grids import CHOSEN, GRID, POINTS, RANDOM, with_parameters

from adaloss.errors import UserError
from adaloss.grid.reading.file import read_grid_file
from adaloss.grid.sweep import grid_json_schema


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
    "metric of divergence": OURS + "divergence: {metric: train/loss}\n",
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
