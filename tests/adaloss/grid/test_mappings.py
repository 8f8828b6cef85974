"""A grid that is a dict: the same sweep as its file, and mistakes are named by their key."""

from enum import Enum
from pathlib import Path

import numpy as np
import pytest
import torch

from adaloss.grid.reading.file import read_grid_text
from adaloss.grid.reading.mapping import read_mapping
from adaloss.grid.sweep import GridError, load_sweep, shipped_grids, sweep_of

GRID = {
    "name": "small",
    "parameters": {
        "dataset": "digits",
        "model": "mlp",
        "optimizer": ["adaloss", "sgd_constant"],
        "b0": [0.01, 1],
        "lr": 1,
        "epochs": 2,
        "batch_size": 128,
    },
    "seeds": 2,
}


class OfThisModule:
    """A class that a user may put into a grid."""


class Named(str, Enum):  # noqa: UP042
    """Members are texts, but are printed as ``Named.ADAM``."""

    ADAM = "adam"


def with_parameters(**changes):
    return {**GRID, "parameters": {**GRID["parameters"], **changes}}


def mistakes(grid):
    with pytest.raises(GridError) as error:
        sweep_of(read_mapping(grid))
    return str(error.value).splitlines()


@pytest.mark.parametrize("path", shipped_grids().values(), ids=lambda path: path.stem)
def test_a_dict_and_its_file_are_the_same_sweep(path):
    of_file = load_sweep(path)
    data = {**read_grid_text(path, path.read_text()).data, "name": of_file.name}
    of_dict = sweep_of(read_mapping(data))
    assert of_dict.trials == of_file.trials
    assert (of_dict.grid, of_dict.tables) == (of_file.grid, of_file.tables)


def test_the_text_that_is_kept_is_a_grid_file_with_the_same_trials(tmp_path):
    grid = with_parameters(optimizer=["adaloss", "timm:lamb"], lr=1e-05) | {
        "description": 'a "text": {with} #signs, ± and\na line',
        "labels": {"optimizer": {"timm:lamb": "on: [off]"}, "b0": {0.01: "1e-2", "b0": "b: 0"}},
        "notify": {"diverged_share": 0.5},
    }
    sweep = sweep_of(read_mapping(grid))
    file = tmp_path / "grid.yaml"
    file.write_text(sweep.text, encoding="utf-8")
    again = load_sweep(file)
    assert again.trials == sweep.trials
    assert again.grid == sweep.grid
    assert again.grid.description == grid["description"]
    assert again.labels == sweep.labels


def test_pythons_and_numpys_values_are_those_of_a_file():
    grid = with_parameters(
        b0=np.array([0.01, 1]),
        optimizer=("adaloss", "sgd_constant"),
        epochs=np.int64(2),
        lr=np.float64(1),
    )
    assert sweep_of(read_mapping(grid | {"seeds": range(2)})).trials == (
        sweep_of(read_mapping(with_parameters(lr=1.0))).trials
    )
    folder = sweep_of(read_mapping(GRID | {"data": {"root": Path("sets")}}))
    assert folder.grid.data.root == "sets"


def test_a_member_of_an_enum_is_its_text():
    grid = with_parameters(optimizer=Named.ADAM) | {"labels": {"optimizer": {Named.ADAM: "Adam"}}}
    sweep = sweep_of(read_mapping(grid))
    assert {trial.optimizer for trial in sweep.trials} == {"adam"}
    assert "Named" not in sweep.text
    assert sweep.labels.values == {"optimizer": {"adam": "Adam"}}


def test_mistakes_are_named_by_their_key():
    grid = with_parameters(b0=[1, "a", float("inf")], optimzer="adaloss") | {"seeds": "many"}
    assert mistakes(grid) == [
        "grid: seeds must be a count of seeds, or a list of them, found the text 'many'",
        "grid: parameters.b0[1]: b0 must be a number, found the text 'a'",
        "grid: parameters.b0[2]: b0 must be a finite number, found .inf",
        "grid: parameters.optimzer: unknown parameter 'optimzer'; did you mean optimizer?",
    ]


def test_a_dict_needs_a_name():
    grid = {key: value for key, value in GRID.items() if key != "name"}
    assert mistakes(grid) == [
        "grid: name is missing: give the sweep a name, which its results folder gets as well"
    ]


def test_a_class_is_written_as_text():
    assert mistakes(with_parameters(optimizer=["sgd", torch.optim.AdamW])) == [
        'grid: parameters.optimizer[1]: write the name as text: "torch.optim.adamw:AdamW"'
    ]


@pytest.mark.parametrize("how", ["the class", "its name"])
def test_what_only_the_notebook_has_is_refused_with_what_to_do(how, monkeypatch):
    monkeypatch.setattr(OfThisModule, "__module__", "__main__")
    value = OfThisModule if how == "the class" else "__main__:OfThisModule"
    assert mistakes(with_parameters(optimizer=value)) == [
        "grid: parameters.optimizer: OfThisModule is defined in this notebook or script, which the "
        "workers cannot import: write it to a file beside the notebook (with %%writefile "
        'my_code.py, for example), and name it as "my_code.py:OfThisModule"'
    ]


def test_another_object_is_refused():
    assert mistakes(with_parameters(model=object())) == [
        "grid: parameters.model: a grid has numbers, texts, lists and dicts, found object"
    ]
