"""A folder of results in the place of a grid: it keeps a copy of the grid that it came from."""

from collections.abc import Iterable
from pathlib import Path

from adaloss.errors import UserError
from adaloss.records.store import Store
from adaloss.trial import Trial

LOOKS_LIKE = "a folder of results has grid.yaml and trials/, as results/NAME has after `run`"
MOST_NAMED = 5


class ResultsFolderError(UserError):
    """A folder that is none of a sweep's results; the message says what one looks like."""


def store_at(folder: Path) -> Store:
    """The store whose folder this is, wherever it has been moved or copied to.

    Raises:
        ResultsFolderError: the folder has not both a sweep's records and the grid that they are of.
    """
    store = Store(folder)
    has_grid, has_trials = store.grid_path.is_file(), store.trials_folder.is_dir()
    if has_grid and has_trials:
        return store
    if has_grid:
        raise ResultsFolderError(
            f"{folder}: there is grid.yaml and no trials/, so nothing has run here: give the file "
            f"{store.grid_path}"
        )
    if has_trials:
        raise ResultsFolderError(
            f"{folder}: there is trials/ and no grid.yaml: give the grid file, and with --storage "
            "the folder that this one is in"
        )
    inside = [path for path in sorted(folder.glob("*")) if Store(path).trials_folder.is_dir()]
    if inside:
        named = ", ".join(map(str, inside[:MOST_NAMED]))
        more = ", …" if len(inside) > MOST_NAMED else ""
        raise ResultsFolderError(
            f"{folder}: this is the folder of several sweeps' results: name one of {named}{more}"
        )
    raise ResultsFolderError(f"{folder}: this folder is neither a grid nor results: {LOOKS_LIKE}")


def check_records(store: Store, trials: Iterable[Trial]) -> None:
    """Hold the folder's records against the trials of its grid.

    Raises:
        ResultsFolderError: there are records, and none is of these trials.
    """
    there = {path.name for path in store.trials_folder.iterdir()}
    if there and there.isdisjoint(map(store.folder_name, trials)):
        raise ResultsFolderError(
            f"{store.root}: none of its {len(there)} trials is one of its grid.yaml: they are of a "
            "smoke run, or of another grid; give the grid file and --storage"
        )
