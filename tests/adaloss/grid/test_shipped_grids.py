"""The grids that come with the tool, by name."""

from pathlib import Path

import pytest
from small_grid import GRID

import adaloss
from adaloss.grid.sweep import GridError, load_sweep, resolve_grid, shipped_grids

SWEEPS = Path(adaloss.__file__).parent.parent / "sweeps"
SHIPPED = (
    "cifar100-resnet20-cpu, cifar100-resnet50-swsl, cifar100-vit-s16, example, modern, "
    "paper-lstm, paper-pendulum, paper-regression, paper-two-layer, paper, "
    "quickstart"
)


def test_shipped_grids_are_those_of_the_folder():
    assert set(shipped_grids()) == {path.stem for path in SWEEPS.glob("*.yaml")}
    assert {"quickstart", "example"} <= set(shipped_grids())


@pytest.mark.parametrize("name", shipped_grids())
def test_every_shipped_grid_expands(name):
    sweep = load_sweep(resolve_grid(name))
    assert len({trial.trial_id for trial in sweep.trials}) == len(sweep.trials)


def test_quickstart_is_a_small_version_of_the_papers_grid():
    axes = load_sweep(resolve_grid("quickstart")).axes
    assert axes["model"] == ("mlp", "small_cnn")
    assert len(axes["optimizer"]) == 4
    assert axes["b0"] == (0.01, 0.1, 1.0, 10.0, 100.0)
    assert axes["seed"] == (0, 1, 2, 3, 4)


def test_a_file_goes_before_a_shipped_grid_and_a_folder_does_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("quickstart").mkdir()
    Path("example").write_text(GRID)
    assert resolve_grid("quickstart") == shipped_grids()["quickstart"]
    assert resolve_grid("example") == Path("example")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("quikstart", f"; did you mean quickstart? Shipped grids: {SHIPPED}"),
        ("sweeps/quickstart.yml", "; did you mean quickstart? Shipped grids: "),
        ("zzz", f"; known: {SHIPPED}"),
    ],
)
def test_an_unknown_grid_is_an_error_that_lists_the_shipped_ones(
    tmp_path, monkeypatch, name, expected
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GridError) as caught:
        resolve_grid(name)
    start = f"{name}: there is no such file, and no shipped grid of this name{expected}"
    assert str(caught.value).startswith(start)


def test_of_a_path_that_is_not_there_no_shipped_grids_are_listed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GridError) as caught:
        resolve_grid("results/zzz")
    assert str(caught.value) == "results/zzz: there is no such file or folder"
