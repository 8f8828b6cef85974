"""A grid without a name is named after its file, and so are copies of its text."""

import os
import re
from pathlib import Path
from threading import Thread

import pytest

from adaloss.grid.reading.name import name_of
from adaloss.grid.sweep import GridError, load_sweep

PARAMETERS = """\
parameters:
  dataset: digits
  model: mlp
  optimizer: adaloss
  lr: 1
  epochs: 1
  batch_size: 64
"""
JSON = (
    '{\n  "parameters": {"dataset": {"value": "digits"}, "model": "mlp", "optimizer": "adaloss", '
    '"lr": 1, "epochs": 1, "batch_size": 64}\n}\n'
)


def written(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("sweep.yaml", "sweep"),
        ("sweep.yml", "sweep"),
        ("config", "config"),
        ("my sweep v1.2.yaml", "my-sweep-v1.2"),
        ("lr=0.1,b0=1.yaml", "lr-0.1-b0-1"),
        (".hidden.yaml", "hidden"),
        ("-x-.yaml", "x"),
        ("a" * 100 + ".yaml", "a" * 64),
        ("größe.yaml", "gr-e"),
        ("a\nb.yaml", "a-b"),
    ],
)
def test_the_name_of_the_file_becomes_a_valid_folder_name(tmp_path, file, name):
    sweep = load_sweep(written(tmp_path / file, PARAMETERS))
    assert sweep.name == name
    assert sweep.defaulted == {"name", "seeds"}
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name)


@pytest.mark.parametrize("stem", ["", ".", "..", "日本", "---", "_._"])
def test_some_file_names_give_no_name(stem):
    assert name_of(stem) == ""


def test_a_file_name_that_gives_no_name_is_reported_with_other_mistakes(tmp_path):
    path = written(tmp_path / "日本.yaml", PARAMETERS.replace("lr: 1", "lr: -1"))
    with pytest.raises(GridError) as caught:
        load_sweep(path)
    assert [problem.message for problem in caught.value.problems] == [
        "name is missing, and the file's name cannot be used; write name: …",
        "lr must be at least 0, found -1",
    ]


@pytest.mark.parametrize(
    "text",
    [
        PARAMETERS,
        PARAMETERS.rstrip("\n"),
        PARAMETERS.replace("\n", "\r\n"),
        f"---\n{PARAMETERS}",
        f"%YAML 1.2\n---\n{PARAMETERS}",
        f"{PARAMETERS}...\n",
        f"{PARAMETERS}...\n\n",
        f"\ufeff{PARAMETERS}",
        "".join(f"   {line}\n" for line in PARAMETERS.splitlines()),
        f"# {{ a brace\n{PARAMETERS}",
        f"{PARAMETERS}description: |\n  text\n   more\n\n",
        f"{PARAMETERS}description: >+\n  text\n\n\n",
        f"&all\n{PARAMETERS}",
        JSON,
        JSON.replace("\n", ""),
    ],
)
def test_a_copy_of_the_text_in_another_file_is_the_same_sweep(tmp_path, text):
    sweep = load_sweep(written(tmp_path / "first.yaml", text))
    copy = load_sweep(written(tmp_path / "kept" / "grid.yaml", sweep.text))
    assert sweep.name == copy.name == "first"
    assert copy.trials == sweep.trials
    assert copy.grid == sweep.grid
    assert copy.text == sweep.text
    assert "name" not in copy.defaulted


def test_the_name_is_added_without_moving_a_line(tmp_path):
    sweep = load_sweep(written(tmp_path / "first.yaml", PARAMETERS))
    assert sweep.text == f'{PARAMETERS}name: "first"\n'


def test_a_name_in_the_grid_is_kept_and_so_is_the_text(tmp_path):
    text = f"name: mine\n{PARAMETERS}seeds: 2\n"
    sweep = load_sweep(written(tmp_path / "first.yaml", text))
    assert (sweep.name, sweep.text, sweep.defaulted) == ("mine", text, frozenset())


@pytest.mark.parametrize("name", ['""', "~", "12", "[a]", '"a b"'])
def test_an_invalid_name_is_not_replaced(tmp_path, name):
    path = written(tmp_path / "first.yaml", f"name: {name}\n{PARAMETERS}")
    with pytest.raises(GridError, match=r"first\.yaml:1: name must be "):
        load_sweep(path)


def test_seeds_in_the_parameters_are_not_defaulted(tmp_path):
    text = f"name: mine\n{PARAMETERS}  seed: {{values: [3]}}\n"
    assert load_sweep(written(tmp_path / "first.yaml", text)).defaulted == frozenset()


def test_files_with_the_same_name_share_only_trials_with_the_same_content(tmp_path):
    first = load_sweep(written(tmp_path / "one" / "sweep.yaml", PARAMETERS))
    same = load_sweep(written(tmp_path / "two" / "sweep.yaml", PARAMETERS))
    other = load_sweep(
        written(tmp_path / "three" / "sweep.yaml", PARAMETERS.replace("lr: 1", "lr: 2"))
    )
    assert first.name == same.name == other.name
    ids = [{trial.trial_id for trial in sweep.trials} for sweep in (first, same, other)]
    assert ids[0] == ids[1]
    assert ids[0].isdisjoint(ids[2])


def test_a_grid_from_a_pipe_needs_a_name(tmp_path):
    pipe = tmp_path / "63"
    os.mkfifo(pipe)
    writer = Thread(target=Path(pipe).write_text, args=(PARAMETERS,))
    writer.start()
    with pytest.raises(GridError, match="name is missing, and the file's name cannot be used"):
        load_sweep(pipe)
    writer.join()
