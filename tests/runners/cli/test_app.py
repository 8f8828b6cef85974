"""The command line: quick to answer, and never a traceback for a user's mistake."""

import errno
import json
from importlib.metadata import version

import jsonschema
import pytest

from runners.cli.app import main


def test_init_writes_a_grid_that_plans(command, tmp_path):
    assert command("init").returncode == 0
    assert command("plan", "grid.yaml").returncode == 0
    again = command("init")
    assert again.returncode == 2
    assert "already exists" in again.stderr


def test_schema_is_one(command):
    jsonschema.Draft202012Validator.check_schema(json.loads(command("schema").stdout))


def test_nothing_has_run_yet(command, grid):
    plan = command("plan", grid)
    assert "4 cells, 8 trials" in plan.stdout
    assert "no estimate" in plan.stdout
    assert "data: digits: 1,169 training, 269 validation and 359 test images\n" in plan.stdout
    table = command("table", grid, "--format", "csv")
    assert table.returncode == 2
    assert "there are no results of small here: results/small does not exist" in table.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("plan", "quickstrat"), "did you mean quickstart?"),
        (("plan", "missing.yaml"), "missing.yaml: there is no such file"),
        (("run", "grid.yaml", "--only", "b0"), "write field=value"),
        (("run", "grid.yaml", "--only", "b0=7"), "no trial has b0=7; the trials have 0.01, 1"),
        (("run", "grid.yaml", "--only", "optimiser=adaloss"), "did you mean optimizer?"),
        (("show", "grid.yaml", "zzz"), "no trial's id or name starts with 'zzz'"),
        (("show", "grid.yaml", "mlp"), "8 trials start with 'mlp'"),
        (("trial", "grid.yaml"), "8 trials match: select one"),
        (("table", "grid.yaml", "--format", "pdf"), "must be one of md, csv, latex, siunitx, html"),
        (("retry", "grid.yaml"), "nothing to run again"),
    ],
)
def test_a_users_mistake_is_explained(command, grid, arguments, message):
    finished = command(*arguments)
    assert finished.returncode == 2
    assert message in finished.stderr
    assert "Traceback" not in finished.stderr


def test_the_plan_counts_the_images_of_a_folder(command, grid, tmp_path):
    text = grid.read_text().replace(
        "digits", "imagefolder:pets\n  image_size: 8\n  eval_examples: 3"
    )
    grid.write_text(f"{text}data: {{root: {tmp_path}}}\n")
    plan = command("plan", grid)
    assert plan.returncode == 0
    assert "data: dataset imagefolder:pets: there is no folder" in plan.stdout
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for index in range(20):
            (tmp_path / "pets" / name / f"{index}.png").write_bytes(b"not opened")
    plan = command("plan", grid)
    assert "data: imagefolder:pets: 26 training, 3 validation and 3 test images\n" in plan.stdout
    (entry,) = json.loads(command("plan", grid, "--json").stdout)["data"]
    assert entry == {
        "dataset": "imagefolder:pets",
        "train_examples": None,
        "eval_examples": 3,
        "train": 26,
        "validation": 3,
        "test": 3,
    }


def test_a_broken_grid_is_reported_with_its_lines(command, grid):
    grid.write_text(grid.read_text().replace("b0: [0.01, 1]", "b0: [0, 1]") + "sedes: 3\n")
    finished = command("run", grid)
    assert finished.returncode == 2
    assert "grid.yaml:6: b0 must be greater than 0, found 0" in finished.stderr
    assert "grid.yaml:11: unknown key" in finished.stderr
    assert "did you mean seeds?" in finished.stderr


def test_a_field_given_twice_means_either(command, grid):
    def trials(*only):
        return json.loads(command("plan", grid, "--json", "--only", *only).stdout)["trials"]

    assert trials("b0=1") == 4
    assert trials("b0=1,b0=0.01,seed=0") == 4
    assert trials("b0=1", "--only", "b0=0.01") == 8


def test_the_version_is_the_packages(command):
    printed = command("--version")
    assert (printed.returncode, printed.stdout.strip()) == (0, version("adaloss-sweep"))


def test_no_command_is_answered_with_the_commands(command):
    assert "retry" in command().stdout + command().stderr


def test_a_full_disk_is_named_with_what_to_do(monkeypatch, capsys):
    def full():
        raise OSError(errno.ENOSPC, "No space left on device", "results/result.json")

    monkeypatch.setattr("runners.cli.app.app", full)
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert capsys.readouterr().err == (
        "adaloss-sweep: [Errno 28] No space left on device: 'results/result.json': "
        "free some space, then run the same command again\n"
    )
