"""The JSON Schema accepts the grids that load, and no others."""

import json

import jsonschema
import pytest
from small_grid import GRID

from adaloss.grid.reading.file import read_grid_file
from adaloss.grid.schema.json_schema import described_fields
from adaloss.grid.sweep import GridError, grid_json_schema, resolve_grid, shipped_grids
from adaloss.tasks.table import FIELD_NAMES


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
    "points in W&B's form": "overrides:\n"
    "  - {match: {b0: {values: [0.1, 1]}}, set: {lr: {value: 1}}}\n"
    "exclude: [{b0: {value: 1}, optimizer: adaloss}]\n",
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
    "values in set": "overrides: [{match: {b0: 1}, set: {lr: {values: [1]}}}]\n",
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
