"""What commands print with --json is what the schema says, and every command is in it."""

import json
import math

import jsonschema
import pandas as pd
import pytest
import typer

from adaloss.grid.reading.shipped import shipped_folder
from adaloss.grid.sweep import load_sweep
from runners.cli.app import app
from runners.cli.tables import in_json

SCHEMA = json.loads((shipped_folder() / "outputs.schema.json").read_text(encoding="utf-8"))
COMMANDS = typer.main.get_command(app).commands
SERVER, ALWAYS = "watch", "schema"
# They run trials, ask servers, or are tested with their own results below.
QUICK = {
    "plan": (),
    "status": (),
    "table": (),
    "stats": (),
    "compare": ("--with", "other.csv"),
    "plot": ("--figure", "against", "-o", "figure.svg"),
    "report": ("-o", "report.html"),
    "export": ("--format", "csv", "-o", "data"),
    "sync": ("--wandb", "offline", "--dry-run"),
    "dashboard": ("--wandb", "disabled"),
    "trial": ("--only", "optimizer=adaloss,b0=1,seed=0"),
    "slurm": ("--time", "1:00:00"),
    "kubernetes": ("--image", "example/adaloss-sweep", "--claim", "results"),
    "run": ("--wandb", "disabled", "--no-figures"),
    "doctor": (),
}


def check(name, text):
    jsonschema.Draft202012Validator({**SCHEMA, "$ref": f"#/$defs/{name}"}).validate(
        json.loads(text, parse_constant=pytest.fail)
    )


@pytest.fixture
def small(grid, finished, tmp_path, cli):
    finished.write_text(finished.grid_path, load_sweep(grid).text)
    _, text, _ = cli("table", grid, "--format", "csv")
    (tmp_path / "other.csv").write_text(text)
    return grid


def test_every_command_has_json_and_a_schema():
    options = {
        name: {option for parameter in command.params for option in parameter.opts}
        for name, command in COMMANDS.items()
    }
    without = {name for name, found in options.items() if "--json" not in found}
    assert without == {SERVER, ALWAYS}
    assert SCHEMA["$defs"].keys() - {"files"} == COMMANDS.keys() - without


@pytest.mark.parametrize("name", QUICK)
def test_a_command_prints_what_the_schema_says(small, cli, name):
    code, text, errors = cli(name, small, *QUICK[name], "--json")
    assert code in (0, 2 if name == "doctor" else 0, 3 if name == "sync" else 0), errors
    check(name, text)


def test_small_numbers_keep_their_digits():
    frame = pd.DataFrame({"p": [3.25e-12, math.nan], "n": [5, 6], "row": pd.Series([None, 0.1])})
    assert in_json(frame) == [{"p": 3.25e-12, "n": 5, "row": None}, {"p": None, "n": 6, "row": 0.1}]


def test_show_has_the_records_of_a_trial(small, finished, cli):
    trial = load_sweep(small).trials[0]
    _, text, _ = cli("show", small, trial.trial_id, "--json")
    check("show", text)
    shown = json.loads(text)
    assert shown["result"]["state"] == shown["state"] == finished.read_result(trial).state
    assert shown["fields"]["b0"] == trial.b0
    assert len(shown["history"]) == len(finished.read_metrics(trial))


def test_a_trial_that_is_run_again_has_what_differs(small, cli):
    code, text, _ = cli("verify", small, "--sample", "1", "--json")
    assert code == 4
    check("verify", text)
    (again,) = json.loads(text)["trials"]
    assert again["difference"].keys() == {"epoch", "field", "recorded", "now"}
    assert again["changes"]


def test_a_diverged_trial_is_json_without_infinite_numbers(small, cli):
    (lost,) = [
        each
        for each in load_sweep(small).trials
        if (each.optimizer, each.b0, each.seed) == ("sgd_constant", 0.01, 0)
    ]
    _, text, _ = cli("show", small, lost.trial_id, "--json")
    check("show", text)
    assert json.loads(text)["state"] == "diverged"


def test_looking_after_results(small, cli):
    for words in (
        ("init", "new.yaml"),
        ("list",),
        ("gc", "small"),
        ("archive", "small"),
        ("rename", "small", "other"),
        ("import", "small.tar.gz"),
        ("merge", "small", "other", "--into", "both"),
        ("rm", "other"),
    ):
        code, text, errors = cli(*words, "--json")
        assert code == 0, (words, errors)
        check(words[0], text)


def test_a_wrong_output_does_not_pass():
    with pytest.raises(jsonschema.ValidationError):
        check("init", '{"files": "one"}')


def test_json_and_another_format_contradict_each_other(small, cli):
    code, _, errors = cli("table", small, "--json", "--format", "md")
    assert code == 2
    assert "--json contradicts --format md" in errors


def test_the_schema_of_the_outputs_is_printed(cli):
    _, text, _ = cli("schema", "--outputs")
    assert json.loads(text) == SCHEMA
