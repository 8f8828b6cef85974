"""What these commands share: the sweep that the user names, and the question before a deletion."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adaloss.errors import UserError
from runners.cli.options import RESULTS, say

if TYPE_CHECKING:
    from adaloss.records.store import Store

# What begins so is a path, and not looked up in the storage.
PATHS = ("./", "../")
SWEEP_HELP = "The name of a sweep in the storage, its folder of results, or its grid file."


def sweeps_to_complete(incomplete: str) -> "list[str]":
    """What a shell offers for a sweep: those in the results, and their folders."""
    found = sorted(RESULTS.glob("*/"))
    offered = (*(path.name for path in found), *map(str, found))
    return [name for name in offered if name.startswith(incomplete)]


def named(metavar: str, text: str = SWEEP_HELP) -> Any:
    """The argument that names a sweep, or several."""
    return typer.Argument(help=text, metavar=metavar, autocompletion=sweeps_to_complete)


Named = Annotated[str, named("SWEEP")]
Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="Delete without asking; --json alone deletes nothing.")
]


def results_folder(sweep: str, storage: Path) -> Path:
    """The folder with the results of the sweep that the user names.

    Raises:
        UserError: there is none.
    """
    from adaloss.grid.sweep import load_sweep
    from adaloss.records.places import is_storage_url
    from adaloss.records.remote.address import address_of, working_copy_of_results
    from adaloss.records.results_folder import store_at
    from runners.storage.uploading import brought_up_to_date
    from runners.tidy.overview import LEFT_BEHIND

    path = Path(sweep)
    if is_storage_url(sweep):
        root = working_copy_of_results(sweep)
        brought_up_to_date(root, say)
    elif path.is_dir() and ("/" in sweep or not (storage / sweep).is_dir()):
        # "." and ".." have no name of their own.
        root = path.resolve() if path.name in ("", "..") else path
        if not root.name.startswith(LEFT_BEHIND) and not is_results(root):
            # Raises the error that says what the folder lacks.
            store_at(root)
    elif not path.is_file() and (path.is_absolute() or sweep.startswith(PATHS)):
        raise UserError(f"{sweep}: there is no such folder and no such grid file")
    else:
        root = storage / (load_sweep(path).name if path.is_file() else sweep)
        brought_up_to_date(root, say)
    if not root.is_dir() or (not is_results(root) and not root.name.startswith(LEFT_BEHIND)):
        where = sweep if is_storage_url(sweep) else address_of(storage) or storage
        raise UserError(
            f"{sweep}: there are no results of this sweep in {where}: "
            "`adaloss-sweep list` shows those that there are"
        )
    if root.is_symlink():
        raise UserError(f"{root} is a symbolic link: name the folder itself, {root.resolve()}")
    return root


def is_results(folder: Path) -> bool:
    """Whether the folder has results, with their grid or without."""
    from adaloss.records.store import Store

    store = Store(folder)
    return store.grid_path.is_file() or store.trials_folder.is_dir()


def confirm(question: str, *, yes: bool) -> None:
    """Ask before a deletion.

    Raises:
        DeclinedError: the answer is no, or there is nobody to ask.
    """
    from runners.launch import DeclinedError
    from runners.pages.terminal import agreed, is_attended

    if yes:
        return
    if not is_attended():
        raise DeclinedError("nothing was deleted: add --yes to delete without a question")
    if not agreed(question):
        raise DeclinedError("nothing was deleted")


def announcing_store(root: Path) -> "Store":
    """The store of this folder; what cannot be read is reported."""
    from adaloss.records.store import Store
    from runners.pages.unreadable import announcing

    return Store(root, announcing(say))


def compile_again(store: "Store") -> None:
    """Compile tables, figures and report again, if they were compiled before."""
    from adaloss.grid.sweep import load_sweep
    from adaloss.records.provenance import code_version
    from analysis.outputs import save_everything
    from analysis.results import read_results
    from runners.cli.run_end import say_unwritten
    from runners.tidy.in_hand import in_hand

    if not store.tables_folder.is_dir():
        return
    try:
        with in_hand(store):
            sweep = load_sweep(store.grid_path)
            results = read_results(sweep, sweep.trials, store, sweep.tables)
            outcome = save_everything(results, code_version())
        say_unwritten(outcome, sweep, sweep.trials, store)
    except UserError as error:
        say(f"note: tables, figures and report are those of before: {error}")
