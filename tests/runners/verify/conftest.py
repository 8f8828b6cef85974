"""A finished sweep, and the command that verifies it."""

import shutil
import tempfile

import pytest
import typer
from typer.testing import CliRunner
from verified_records import GRID, Records

from adaloss.grid.sweep import load_sweep
from adaloss.records.store import Store
from runners.cli.verify import verify
from runners.trials.in_process import execute_here
from runners.verify import verify as verification


@pytest.fixture(scope="session")
def finished_folder(tmp_path_factory):
    """The folder of a grid of which every trial has ended."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "grid.yaml").write_text(GRID)
    sweep = load_sweep(folder / "grid.yaml")
    for trial in sweep.trials:
        execute_here(trial, sweep, Store(folder / "results" / "small"))
    return folder


@pytest.fixture
def records(finished_folder, tmp_path, monkeypatch):
    folder = shutil.copytree(finished_folder, tmp_path / "work")
    monkeypatch.chdir(folder)
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    verification.provenance_here.cache_clear()
    return Records(folder / "grid.yaml")


@pytest.fixture
def audit(records):
    """The command in this process; a user's mistake is raised, as the program's main expects."""
    app = typer.Typer()
    app.command()(verify)

    def run(*arguments):
        finished = CliRunner().invoke(app, ["grid.yaml", *arguments])
        if finished.exception and not isinstance(finished.exception, SystemExit):
            raise finished.exception
        return finished

    return run
