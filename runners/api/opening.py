"""Open a sweep: its trials, and the store of its results."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from adaloss.errors import UserError
from adaloss.grid.mistakes.problems import GridError
from adaloss.grid.sweep import Sweep, load_sweep, resolve_grid, sweep_of
from adaloss.records.places import is_storage_url, url_problem
from adaloss.records.remote.address import working_copy, working_copy_of_results
from adaloss.records.results_folder import check_records, store_at
from adaloss.records.store import GRID_FILE, Store
from runners.pages.command_lines import RESULTS, results_at

GridLike = str | Path | Mapping[str, Any]
"""A grid file, a shipped grid's name, a folder or URL of results, or a grid as a dict."""
Say = Callable[[str], None]


def open_sweep(grid: GridLike, storage: Path, say: Say) -> tuple[Sweep, Store]:
    """The sweep of a grid or of a folder of results, and its store.

    Records that cannot be read are reported to ``say`` and count as missing.

    Raises:
        UserError: there is no such grid, it has mistakes, or the folder has no results.
    """
    from runners.pages.unreadable import announcing
    from runners.storage.uploading import brought_up_to_date

    if isinstance(grid, Mapping):
        sweep, store = sweep_of_mapping(grid, storage)
        brought_up_to_date(store.root, say)
        return sweep, replace(store, unreadable=announcing(say))
    if not isinstance(grid, str | Path):
        raise UserError(
            f"a grid is a file, a name, a folder of results or a dict; found {grid!r}, a "
            f"{type(grid).__name__}"
        )
    grid = str(grid)
    path = grid_or_results(grid, storage)
    if not path.is_dir():
        sweep = load_sweep(path)
        store = Store(storage / sweep.name, announcing(say))
        brought_up_to_date(store.root, say)
        return sweep, store
    brought_up_to_date(path, say)
    if path != Path(grid) and not (path / GRID_FILE).exists():
        raise UserError(f"{grid}: there are no results of a sweep at this address")
    # "." and ".." have no name of their own.
    path = path.resolve() if path.name in ("", "..") else path
    store = store_at(path)
    if storage != RESULTS and storage.resolve() != path.resolve().parent:
        raise UserError(
            f"{grid} is a folder of results, and --storage {storage} is another folder: omit "
            f"--storage, or combine it with the file {store.grid_path}"
        )
    sweep = load_sweep(store.grid_path)
    check_records(store, sweep.trials)
    return sweep, Store(path, announcing(say))


def sweep_of_mapping(grid: Mapping[str, Any], storage: Path) -> tuple[Sweep, Store]:
    """The sweep of a dict, as if its file were the copy in the results, and its store."""
    from adaloss.grid.reading.mapping import read_mapping

    sweep = sweep_of(read_mapping(grid))
    store = Store(storage / sweep.name)
    return replace(sweep, source=store.grid_path), store


def grid_or_results(grid: str, storage: Path) -> Path:
    """The path of a grid file, or of a folder of results, also if that is at a URL.

    Raises:
        UserError: there is neither; the message names the results of a sweep of this name.
    """
    if not is_storage_url(grid) or grid.endswith((".yaml", ".yml")):
        try:
            return resolve_grid(grid)
        except GridError as error:
            there = Store(storage / grid)
            if not there.grid_path.is_file():
                raise
            raise UserError(
                f"{grid}: there is no such file, and no shipped grid of this name; the results of "
                f"{grid} are in {results_at(there)}: name that"
            ) from error
    path = working_copy_of_results(grid)
    path.mkdir(exist_ok=True)
    return path


def open_results(grid: GridLike, storage: Path, say: Say) -> tuple[Sweep, Store]:
    """Like :func:`open_sweep`, for a sweep that must have results.

    Raises:
        UserError: the storage has no results of it.
    """
    sweep, store = open_sweep(grid, storage, say)
    if not store.root.is_dir():
        raise UserError(
            f"there are no results of {sweep.name} here: {store.root} does not exist; run the "
            "sweep, or name the folder that has its results with --storage"
        )
    return sweep, store


def storage_of(root: str | Path) -> Path:
    """The folder of a storage: of one at a URL, its working copy on this machine.

    Raises:
        UserError: it is a URL at which no results can be kept.
    """
    if is_storage_url(str(root)):
        return working_copy(str(root))
    if trouble := url_problem(str(root)):
        raise UserError(trouble)
    return Path(root)
