"""Use a folder of results in place of a grid file: it has a copy of its grid."""

from collections.abc import Iterable
from pathlib import Path

from adaloss.errors import UserError
from adaloss.records.store import Store
from adaloss.trial import Trial

EXPECTED = "a folder of results has grid.yaml and trials/, as results/NAME has after `run`"
MOST_NAMED = 5


class ResultsFolderError(UserError):
    """A folder does not have the results of one sweep. The message says what is missing."""


def store_at(folder: Path) -> Store:
    """The store in this folder. The folder may have been moved or copied.

    Raises:
        ResultsFolderError: the folder lacks the records of a sweep or their grid.
    """
    store = Store(folder)
    has_grid, has_trials = store.grid_path.is_file(), store.trials_folder.is_dir()
    if has_grid and has_trials:
        return store
    if has_grid:
        raise ResultsFolderError(
            f"{folder}: there is grid.yaml and no trials/, so nothing has run here: pass the file "
            f"{store.grid_path}"
        )
    if has_trials:
        raise ResultsFolderError(
            f"{folder}: there is trials/ and no grid.yaml: pass the grid file, and the parent of "
            "this folder with --storage"
        )
    stores = [path for path in sorted(folder.glob("*")) if Store(path).trials_folder.is_dir()]
    if stores:
        names = ", ".join(map(str, stores[:MOST_NAMED]))
        more = ", …" if len(stores) > MOST_NAMED else ""
        raise ResultsFolderError(
            f"{folder}: this folder has the results of several sweeps: name one of {names}{more}"
        )
    raise ResultsFolderError(f"{folder}: this folder is neither a grid nor results: {EXPECTED}")


def check_records(store: Store, trials: Iterable[Trial]) -> None:
    """Check that the folder's records belong to the trials of its grid.

    Raises:
        ResultsFolderError: there are records, but none of these trials.
    """
    names = {path.name for path in store.trials_folder.iterdir()}
    if names and names.isdisjoint(map(store.folder_name, trials)):
        raise ResultsFolderError(
            f"{store.root}: none of its {len(names)} trials is in its grid.yaml: they are from a "
            "smoke run or from another grid; pass the grid file and --storage"
        )
