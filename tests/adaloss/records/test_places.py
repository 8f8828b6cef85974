"""Paths in a grid are searched in its folder and the working folder, which the message lists."""

from pathlib import Path

import pytest

from adaloss.errors import DataError, WeightsError
from adaloss.records.places import Places, places_of_grid
from adaloss.tasks.images.data.splits import spec_of
from adaloss.tasks.images.models.published import local_path


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """The folder of the grid and the working folder."""
    for name in ("grids", "work"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.delenv("ADALOSS_DATA", raising=False)
    return tmp_path / "grids", tmp_path / "work"


def test_the_grids_folder_comes_before_the_working_folder(folders):
    beside_grid, here = folders
    places = places_of_grid(Path("../grids/grid.yaml"), None)
    assert places.own_path("own.pth") is None
    (here / "own.pth").touch()
    assert places.own_path("own.pth") == here / "own.pth"
    (beside_grid / "own.pth").touch()
    assert places.own_path("own.pth") == beside_grid / "own.pth"
    assert places.own_path(str(here / "own.pth")) == here / "own.pth"


def test_the_data_root_is_searched_in_the_same_folders(folders):
    beside_grid, here = folders
    assert places_of_grid(beside_grid / "grid.yaml", "data").data_root == here / "data"
    (beside_grid / "data").mkdir()
    assert places_of_grid(beside_grid / "grid.yaml", "data").data_root == beside_grid / "data"


def test_an_image_folder_is_searched_next_to_the_grid_here_and_in_the_data(folders, make_trial):
    beside_grid, here = folders
    places = Places(data_root=here / "data", own=(beside_grid, here))
    trial = make_trial(dataset="imagefolder:pets", image_size=8)
    for folder in (here / "data", here, beside_grid):
        (folder / "pets").mkdir(parents=True)
        assert spec_of(trial, places).dataset == f"imagefolder:{folder / 'pets'}"
    # The folder is not part of the trial's identity.
    assert trial.dataset == "imagefolder:pets"


def test_the_message_lists_the_searched_folders(folders, make_trial):
    beside_grid, here = folders
    places = Places(data_root=here / "data", own=(beside_grid, here))
    with pytest.raises(DataError) as refused:
        spec_of(make_trial(dataset="imagefolder:pets", image_size=8), places)
    for folder in (beside_grid, here, here / "data"):
        assert str(folder / "pets") in str(refused.value)
    with pytest.raises(WeightsError) as refused:
        local_path("own.pth", places)
    for folder in (beside_grid, here):
        assert str(folder / "own.pth") in str(refused.value)
