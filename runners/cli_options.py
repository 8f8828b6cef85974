"""What the commands of adaloss-sweep share: their arguments, exit codes, and finding the sweep."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from adaloss.store import Store
    from adaloss.sweep import Sweep
    from adaloss.trial import Trial
    from runners.plan import Plan

COMPLETE, USER_ERROR, INCOMPLETE, FAILED, INTERRUPTED = 0, 2, 3, 4, 130
RESULTS = Path("results")

Grid = Annotated[str, typer.Argument(help="A grid file, or the name of a shipped grid.")]
Storage = Annotated[Path, typer.Option(help="The folder below which results are kept.")]
Only = Annotated[
    list[str] | None,
    typer.Option(
        help="Only trials with these values: b0=1,optimizer=adaloss. A field twice: either."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of prose.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before a long run.")]
Version = Annotated[bool, typer.Option("--version", is_eager=True, help="Print the version.")]
Wandb = Annotated[
    str | None,
    typer.Option(
        help="W&B: auto, online, offline or disabled; default: the grid's.", metavar="MODE"
    ),
]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")]


def load(grid: str) -> "Sweep":
    """Load a sweep from a path or a shipped grid's name."""
    from adaloss.sweep import load_sweep, resolve_grid

    return load_sweep(resolve_grid(grid))


def store_of(sweep: "Sweep", storage: Path) -> "Store":
    """The store of the sweep's results; what of them cannot be read is said, and is missing."""
    from adaloss.store import Store
    from runners.unreadable import announcing

    return Store(storage / sweep.name, announcing(say))


def store_with_results(sweep: "Sweep", storage: Path) -> "Store":
    """The store of the sweep's results.

    Raises:
        UserError: there are none in the storage.
    """
    from adaloss.user_error import UserError

    store = store_of(sweep, storage)
    if not store.root.is_dir():
        raise UserError(
            f"there are no results of {sweep.name} here: {store.root} does not exist; run the "
            "sweep, or name the folder that has its results with --storage"
        )
    return store


def say(line: str) -> None:
    """Print a line beside the output."""
    typer.echo(line, err=True)


def command(verb: str, sweep: "Sweep", store: "Store") -> str:
    """The command line of another command on the same sweep and storage."""
    words = ["adaloss-sweep", verb, str(sweep.source)]
    if store.root.parent != RESULTS:
        words += ["--storage", str(store.root.parent)]
    return shlex.join(words)


def plan_of(
    sweep: "Sweep", trials: "tuple[Trial, ...]", only: list[str] | None, store: "Store"
) -> "Plan":
    """Hold the trials that ``--only`` leaves against the records."""
    from runners.plan import make_plan
    from runners.selection import select

    return make_plan(sweep.name, select(trials, only or ()), store)


def plan_to_run(
    sweep: "Sweep", trials: "tuple[Trial, ...]", only: list[str] | None, store: "Store"
) -> "Plan":
    """The same before a run: what cannot be read is set aside, and said to be."""
    from dataclasses import replace

    from adaloss.quarantine import set_unreadable_aside
    from adaloss.store import ignore
    from runners.unreadable import announce

    made = plan_of(sweep, trials, only, replace(store, unreadable=ignore))
    announce(set_unreadable_aside(made.missing, store), say)
    return made
