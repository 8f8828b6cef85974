"""What a shell offers for the word at the cursor."""

import pytest
from typer.testing import CliRunner

from adaloss.grid.sweep import shipped_grids
from runners.cli.app import app


@pytest.fixture
def completed(tmp_path, finished, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def complete(line):
        words = {"COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
        environment = {"_ADALOSS_SWEEP_COMPLETE": "complete_bash", **words}
        ended = CliRunner().invoke(app, [], env=environment, prog_name="adaloss-sweep")
        assert ended.exit_code == 0, ended.output
        return ended.output.split()

    return complete


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("adaloss-sweep ru", ["run"]),
        ("adaloss-sweep run --not", ["--notify"]),
        ("adaloss-sweep run g", ["grid.yaml"]),
        ("adaloss-sweep table res", ["results/small"]),
        ("adaloss-sweep run quick", ["quickstart"]),
        ("adaloss-sweep run grid.yaml --wandb o", ["online", "offline"]),
        ("adaloss-sweep doctor results/", ["results/small"]),
        ("adaloss-sweep gc sm", ["small"]),
        ("adaloss-sweep merge small res", ["results/small"]),
        ("adaloss-sweep run nothing-like-this", []),
    ],
)
def test_the_word_is_completed(completed, line, offered):
    assert completed(line) == offered


def test_every_grid_is_offered(completed):
    assert completed("adaloss-sweep plan ") == ["grid.yaml", "results/small", *shipped_grids()]


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("plan", "GRID"),
        ("show", "GRID TRIAL"),
        ("gc", "SWEEPS..."),
        ("merge", "FIRST SECOND"),
        ("rename", "SWEEP NEW"),
    ],
)
def test_help_names_arguments_as_the_documentation_does(cli, command, arguments):
    usage = cli(command, "--help")[1].splitlines()[0].replace("{", "").replace("}", "")
    assert usage == f"Usage: adaloss-sweep {command} [OPTIONS] {arguments}"


def test_it_can_be_installed(cli):
    assert "--install-completion" in cli("--help")[1]
