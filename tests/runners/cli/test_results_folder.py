"""A folder of results in the place of a grid, wherever it lies."""

import os
import shutil
import subprocess

import pytest

from adaloss.grid.sweep import load_sweep
from adaloss.records.store import Store
from analysis.frame.loading import load


@pytest.fixture
def folder(grid, finished):
    """The finished small sweep with the copy of its grid; the grid itself is gone."""
    finished.write_text(finished.grid_path, load_sweep(grid).text)
    grid.unlink()
    return finished.root


@pytest.mark.parametrize("written", ["results/small", "results/small/", "./results/small", "{}"])
def test_a_folder_is_named_as_any_path(cli, folder, written):
    code, message, errors = cli("status", written.format(folder))
    assert (code, errors) == (0, "")
    assert "8 of 8 trials are done" in message


def test_of_the_name_of_a_sweep_its_folder_is_said(cli, folder, tmp_path):
    for command in ("table", "plan", "run"):
        code, _, errors = cli(command, "small")
        assert code == 2
        assert "the results of small are in results/small: name that" in errors
    (tmp_path / "results").rename(tmp_path / "elsewhere")
    assert "known: " in cli("table", "small")[2]
    assert "are in elsewhere/small" in cli("table", "small", "--storage", "elsewhere")[2]


def test_a_folder_is_named_from_within(cli, folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert cli("table", ".")[0] == 0
    monkeypatch.chdir(folder / "trials")
    code, message, _ = cli("status", "..")
    assert (code, "8 of 8 trials are done" in message) == (0, True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("plan",),
        ("show", "mlp-adaloss-b0=1-seed0"),
        ("table",),
        ("stats",),
        ("compare", "--with", "{}"),
        ("plot", "-o", "x.svg"),
        ("report",),
        ("export",),
        ("doctor",),
        ("sync", "--dry-run"),
        ("run", "--wandb", "disabled"),
        ("trial", "--only", "optimizer=adaloss,b0=1,seed=0"),
    ],
    ids=str,
)
def test_every_command_takes_a_folder_that_was_moved(cli, folder, arguments, tmp_path):
    moved = tmp_path / "elsewhere" / "another name"
    shutil.copytree(folder, moved)
    shutil.rmtree(tmp_path / "results")
    command, *rest = arguments
    code, _, errors = cli(command, moved, *(word.format(moved) for word in rest))
    assert code == 0, errors
    # Nothing is written where the grid would have had it.
    assert not (tmp_path / "results").exists()
    assert {path.name for path in tmp_path.iterdir()} <= {"elsewhere", "home", "x.svg"}


def test_commands_that_change_records_change_those_of_the_folder(cli, folder, tmp_path):
    moved = folder.rename(tmp_path / "moved")
    code, _, errors = cli("retry", moved, "--failed")
    assert (code, "no trial of small is failed" in errors) == (2, True)
    code, message, _ = cli("verify", moved, "--sample", "1")
    assert (code, "1 differ" in message) == (4, True)


@pytest.mark.slow
def test_the_commands_that_are_printed_name_the_folder(cli, folder, tmp_path):
    folder.rename(tmp_path / "my results")
    _, _, errors = cli("sync", "my results", "--dry-run", "--wandb", "offline")
    assert "adaloss-sweep sync 'my results' --wandb online" in errors


def test_another_sweep_is_found_beside_the_folder_and_a_folder_anywhere(cli, folder, tmp_path):
    moved = folder.rename(tmp_path / "moved")
    grid = tmp_path / "other.yaml"
    grid.write_text((moved / "grid.yaml").read_text().replace("name: small", "name: other"))
    shutil.copytree(moved, tmp_path / "other")
    code, message, _ = cli("compare", "moved", "--with", "other.yaml", "--format", "md")
    assert (code, message.splitlines()[0]) == (0, "# small compared with other")
    shutil.copytree(moved, tmp_path / "deep" / "other")
    deep = ("other.yaml", "--storage", "deep", "--with", "moved", "--format", "md")
    assert cli("compare", *deep)[0] == 0


@pytest.mark.parametrize(
    ("make", "name", "message"),
    [
        (("empty/",), "empty", "has grid.yaml and trials/, as results/NAME has after `run`"),
        (("a/grid.yaml",), "a", "nothing has run here: pass the file a/grid.yaml"),
        (("a/trials/",), "a", "there is trials/ and no grid.yaml: pass the grid file"),
        (("r/a/trials/", "r/b/trials/"), "r", "results of several sweeps: name one of r/a, r/b"),
        ((), "results/none", "there is no such file"),
    ],
)
def test_another_folder_is_told_what_one_of_results_looks_like(cli, tmp_path, make, name, message):
    for path in make:
        place = tmp_path / path
        (place if path.endswith("/") else place.parent).mkdir(parents=True)
        if not path.endswith("/"):
            place.write_text("name: a\n")
    for command in ("status", "table", "run"):
        code, _, errors = cli(command, name)
        assert (code, message in errors) == (2, True), errors
    assert not (tmp_path / "results").exists()


def test_records_of_other_trials_than_the_grids_are_not_passed_off_as_its_own(cli, folder):
    grid = folder / "grid.yaml"
    grid.write_text(grid.read_text().replace("lr: 1", "lr: 2"))
    code, _, errors = cli("status", folder)
    assert code == 2
    assert "none of its 8 trials is in its grid.yaml" in errors


def test_a_folder_and_another_storage_contradict_each_other(cli, folder, tmp_path):
    code, _, errors = cli("status", folder, "--storage", "other")
    assert code == 2
    assert "omit --storage" in errors
    assert cli("status", folder, "--storage", tmp_path / "results")[0] == 0


def test_a_shipped_grid_is_not_hidden_by_a_folder_of_its_name(cli, tmp_path):
    (tmp_path / "quickstart").mkdir()
    code, message, _ = cli("plan", "quickstart")
    assert (code, "200 trials" in message) == (0, True)


@pytest.mark.slow
def test_a_folder_that_can_only_be_read_is_read(cli, folder, tmp_path):
    if os.getuid() != 0:
        pytest.skip("only root can mount a file system")
    place = tmp_path / "mounted"
    place.mkdir()
    bound = subprocess.run(["mount", "--bind", "-o", "ro", folder, place], capture_output=True)
    if bound.returncode:
        pytest.skip(f"no file system can be mounted here: {bound.stderr.decode().strip()}")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", place], check=True)
        for command in (
            ("status",), ("table",), ("stats",), ("report", "-o", "r.html"), ("export", "-o", "d"),
            ("plan",), ("plot", "-o", "p.svg"), ("show", "mlp-adaloss-b0=1-seed0"),
        ):  # fmt: skip
            assert cli(command[0], place, *command[1:])[0] == 0
        code, message, errors = cli("compare", place, "--with", folder)
        assert (code, message.splitlines()[0]) == (0, f"# small compared with small by {folder}")
        assert "not written to the results' folder: " in errors
        for command in ("report", "run", "watch", "sync"):
            code, _, errors = cli(command, place)
            assert code == 2
            assert "read-only" in errors.lower()
    finally:
        subprocess.run(["umount", place], check=True)


def test_a_trial_alone_leaves_a_folder_that_can_be_named(cli, grid):
    grid.write_text(grid.read_text().replace("epochs: 2", "epochs: 1"))
    assert cli("trial", grid, "--only", "optimizer=adaloss,b0=1,seed=0")[0] == 0
    code, message, _ = cli("status", "results/small")
    assert (code, "1 of 8 trials are done" in message) == (0, True)
    assert len(load("results/small")) == len(load_sweep(grid).trials) == 8
    assert Store(grid.parent / "results" / "small").grid_path.read_text() == grid.read_text()
