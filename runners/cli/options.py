"""What the commands share: arguments, exit codes, and opening a sweep."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adaloss.grid.sweep import Sweep
    from adaloss.records.store import Store
    from adaloss.trial import Trial
    from runners.plan import Plan

COMPLETE, USER_ERROR, INCOMPLETE, FAILED, INTERRUPTED = 0, 2, 3, 4, 130
RESULTS = Path("results")


def local_path(text: str | Path) -> Path:
    """A path on the command line; a URL is refused before anything is written."""
    from adaloss.records.places import url_problem

    if trouble := url_problem(str(text)):
        raise typer.BadParameter(trouble)
    return Path(text)


def storage_folder(text: str | Path) -> Path:
    """The folder of a storage: of one at a URL, its working copy on this machine."""
    from adaloss.records.places import is_storage_url
    from adaloss.records.remote.address import working_copy

    return working_copy(str(text)) if is_storage_url(str(text)) else local_path(text)


GRID_HELP = "A grid file, the name of a shipped grid, or a folder of results."
Grid = Annotated[str, typer.Argument(help=GRID_HELP)]
Storage = Annotated[
    Path,
    typer.Option(
        help="The folder or URL (s3://…) below which results are kept.",
        parser=storage_folder,
        metavar="<path>",
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        help="Only trials with these values: b0=1,optimizer=adaloss. Repeat a field to allow "
        "several values."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of prose.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
NoFigures = Annotated[
    bool, typer.Option("--no-figures", help="Draw no figures; the next run or plot draws them.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before a long run.")]
Version = Annotated[bool, typer.Option("--version", is_eager=True, help="Print the version.")]
Wandb = Annotated[
    str | None,
    typer.Option(
        help="W&B mode: auto, online, offline or disabled; default: the grid's.", metavar="MODE"
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Write to this file; its suffix sets the format.",
        parser=local_path,
        metavar="<path>",
    ),
]


def open_sweep(grid: str, storage: Path) -> "tuple[Sweep, Store]":
    """The sweep of a grid file, a shipped grid's name or a folder of results, and its store.

    Records that cannot be read are reported and count as missing.

    Raises:
        UserError: there is no such grid, or the folder has no results.
    """
    from adaloss.errors import UserError
    from adaloss.grid.sweep import load_sweep
    from adaloss.records.results_folder import check_records, store_at
    from adaloss.records.store import GRID_FILE, Store
    from runners.pages.unreadable import announcing
    from runners.storage.uploading import brought_up_to_date

    path = grid_or_results(grid)
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


def grid_or_results(grid: str) -> Path:
    """The path of a grid file, or of a folder of results, also if that is at a URL."""
    from adaloss.grid.sweep import resolve_grid
    from adaloss.records.places import is_storage_url
    from adaloss.records.remote.address import working_copy_of_results

    if not is_storage_url(grid) or grid.endswith((".yaml", ".yml")):
        return resolve_grid(grid)
    path = working_copy_of_results(grid)
    path.mkdir(exist_ok=True)
    return path


def open_results(grid: str, storage: Path) -> "tuple[Sweep, Store]":
    """Like :func:`open_sweep`, for a sweep that must have results.

    Raises:
        UserError: the storage has no results of it.
    """
    from adaloss.errors import UserError

    sweep, store = open_sweep(grid, storage)
    if not store.root.is_dir():
        raise UserError(
            f"there are no results of {sweep.name} here: {store.root} does not exist; run the "
            "sweep, or name the folder that has its results with --storage"
        )
    return sweep, store


def say(line: str) -> None:
    """Print a line to standard error."""
    typer.echo(line, err=True)


def command(verb: str, sweep: "Sweep", store: "Store") -> str:
    """The command line of another command on the same sweep and storage."""
    from adaloss.records.remote.address import address_of

    address = address_of(store.root.parent)
    if sweep.source == store.grid_path:
        return shlex.join(["adaloss-sweep", verb, results_at(store)])
    words = ["adaloss-sweep", verb, argument(sweep.source)]
    if store.root.parent != RESULTS:
        words += ["--storage", address or argument(store.root.parent)]
    return shlex.join(words)


def results_at(store: "Store") -> str:
    """Where the results are, as an argument: the URL of a working copy."""
    from adaloss.records.remote.address import remote_of

    remote = remote_of(store.root)
    return argument(store.root) if remote is None else remote.url


def show_command(sweep: "Sweep", store: "Store") -> "Callable[[Trial], str]":
    """What gives the command line that shows a trial of the sweep."""
    show = command("show", sweep, store)
    return lambda trial: f"{show} {trial.trial_id}"


def argument(path: Path) -> str:
    """The path as an argument that cannot be mistaken for an option."""
    return f"./{path}" if str(path).startswith("-") else str(path)


def plan_of(
    sweep: "Sweep", trials: "tuple[Trial, ...]", only: list[str] | None, store: "Store"
) -> "Plan":
    """The plan of the trials that ``--only`` selects."""
    from runners.cli.selection import select
    from runners.plan import make_plan

    return make_plan(sweep.name, select(trials, only or ()), store)


def plan_to_run(
    sweep: "Sweep", trials: "tuple[Trial, ...]", only: list[str] | None, store: "Store"
) -> "Plan":
    """Like :func:`plan_of`, before a run: unreadable records are set aside and reported."""
    from dataclasses import replace

    from adaloss.records.quarantine import set_unreadable_aside
    from adaloss.records.store import ignore
    from runners.pages.unreadable import announce

    made = plan_of(sweep, trials, only, replace(store, unreadable=ignore))
    announce(set_unreadable_aside(made.missing, store), say)
    return made


def say_own_changes(sweep: "Sweep", trials: "Sequence[Trial]", store: "Store") -> None:
    """Report changed or missing code and data of the user that results were computed with."""
    from dataclasses import replace

    from adaloss.records.store import ignore
    from adaloss.tasks.fingerprints import own_of
    from runners.pages.own_changes import own_changes
    from runners.plan import make_plan

    using = [trial for trial in trials if own_of(trial)]
    made = make_plan(sweep.name, using, replace(store, unreadable=ignore))
    for change in own_changes(made.trials, made.results, sweep.places):
        for line in change.lines():
            say(f"note: {line}")
