"""Commands, grids and Python in the documents work as they are shown.

Commands that are quick run on a small sweep. The others are parsed by the commands' own parsers:
those that train, ask servers, open a browser or depend on the machine (EXPENSIVE), those with a
URL, those that need a Slurm (--submit), files of another machine (FOREIGN), or the results of a
large shipped grid.
"""

import re
import shlex
import shutil
from pathlib import Path

import pytest
import typer
from documents import DOCUMENTS, ROOT, blocks, named, prose
from PIL import Image
from typer.testing import CliRunner

from adaloss.grid.sweep import load_sweep
from adaloss.records.result import TrialState
from adaloss.records.store import Store
from runners.cli.app import app
from runners.trials.in_process import execute_here

APP = typer.main.get_command(app)
COMMANDS = APP.commands
GLOBAL = {name for param in APP.params for name in param.opts}
EXPENSIVE = {"run", "retry", "watch", "dashboard", "verify", "doctor"}
FOREIGN = {"import", "merge"}
# They ask a user at a terminal.
ASKING = {"gc", "rm"}
INLINE = re.compile(r"`adaloss-sweep ([^`\n]+)`")
GRID = """
name: {name}
parameters:
  {{dataset: digits, model: mlp, optimizer: [adaloss, sgd_constant], b0: [0.01, 1], lr: 0.1,
   epochs: 2, batch_size: 200, train_examples: 400, eval_examples: 100}}
seeds: 2
wandb: {{mode: offline}}
"""


def shell_lines() -> list[tuple[str, str]]:
    """Each command of the documents once, with the document."""
    lines = {
        " ".join(shlex.split(line, comments=True)): (named(document), line)
        for document in DOCUMENTS
        for _, text in blocks(document, "sh")
        for line in text.splitlines()
        if shlex.split(line, comments=True)
    }
    return list(lines.values())


OURS = [
    shlex.split(line, comments=True)[1:]
    for _, line in shell_lines()
    if line.startswith("adaloss-sweep ")
]
QUICK = [
    arguments
    for arguments in OURS
    if arguments[0] not in {*EXPENSIVE, *FOREIGN, "init", "--version"}
    and not {"--calibrate", "--submit", "paper", "modern"}.intersection(arguments)
    and not any("://" in argument for argument in arguments)
]


def finished_sweep(folder: Path, name: str) -> None:
    """Write a grid and train its trials, without Ray."""
    grid = folder / ("grid.yaml" if name == "my-sweep" else f"{name}.yaml")
    grid.write_text(GRID.format(name=name))
    sweep = load_sweep(grid)
    store = Store(folder / "results" / name)
    store.write_text(store.grid_path, sweep.text)
    for trial in sweep.trials:
        execute_here(trial, sweep, store)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the sweeps that the documents name, grid.yaml and other.yaml, finished."""
    folder = tmp_path_factory.mktemp("documents")
    for name in ("my-sweep", "other"):
        finished_sweep(folder, name)
    return folder


def ids(arguments: list[str]) -> str:
    return " ".join(arguments)


@pytest.mark.parametrize("arguments", OURS, ids=ids)
def test_every_command_parses(arguments, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if arguments == ["--version"]:
        return
    name, *rest = arguments
    COMMANDS[name].make_context(name, rest)


@pytest.mark.parametrize("arguments", QUICK, ids=ids)
def test_every_quick_command_runs(arguments, folder, tmp_path, monkeypatch):
    # What one removes is there for the next.
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    yes = ["--yes"] if arguments[0] in ASKING else []
    finished = CliRunner().invoke(app, [*arguments, *yes])
    assert finished.exit_code == 0, finished.output + repr(finished.exception)


def test_init_and_the_version_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["--version"]).exit_code == 0
    assert CliRunner().invoke(app, ["init", "grid.yaml"]).exit_code == 0
    assert load_sweep(tmp_path / "grid.yaml").trials


def test_every_command_is_shown():
    shown = {arguments[0] for arguments in OURS}
    assert set(COMMANDS) - shown == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_commands_in_sentences_exist(document):
    for words in INLINE.findall(prose(document)):
        name, *rest = shlex.split(words)
        if name in GLOBAL:
            continue
        known = {name for param in COMMANDS[name].params for name in param.opts}
        assert {word for word in rest if word.startswith("--")} <= known


def test_targets_and_scripts_in_commands_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    lines = [shlex.split(line, comments=True) for _, line in shell_lines()]
    targets = [words[1] for words in lines if words[0] == "make"]
    assert targets
    assert [target for target in targets if f"\n{target}:" not in makefile] == []
    scripts = [word for words in lines for word in words if re.fullmatch(r"[\w/]+/\w+\.py", word)]
    assert scripts
    assert [script for script in scripts if not (ROOT / script).is_file()] == []


PYTHON = [
    pytest.param(title, text, id=f"{named(document)}-{number}")
    for document in DOCUMENTS
    for number, (title, text) in enumerate(blocks(document, "python"))
]


@pytest.mark.parametrize(("title", "text"), PYTHON)
def test_python_runs(title, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(text, title or "block", "exec"), {"__name__": "block"})


GRIDS = [
    pytest.param(document, text, id=f"{named(document)}-{number}")
    for document in DOCUMENTS
    if document.name != "grid-reference.md"
    for number, (_, text) in enumerate(blocks(document, "yaml"))
]


@pytest.mark.parametrize(("document", "text"), GRIDS)
def test_grids_load_and_their_first_trial_runs(document, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for title, code in blocks(document, "python"):
        if title:
            (tmp_path / title).write_text(code)
    for number in range(20):
        path = tmp_path / "pets" / ("cat", "dog")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 36), (12 * number, 99, 7)).save(path)
    lines = [f"good\ta fine film {n}\nbad\ta dull film {n}\n" for n in range(20)]
    (tmp_path / "films.tsv").write_text("".join(lines))
    grid = tmp_path / "grid.yaml"
    grid.write_text(text)
    sweep = load_sweep(grid)
    store = Store(tmp_path / "results" / sweep.name)
    # The last trial is the one of the user's own model.
    trial = sweep.trials[-1]
    execute_here(trial, sweep, store)
    result = store.read_result(trial)
    assert result.state is TrialState.COMPLETE, result.failure
