"""What the commands share: arguments, exit codes, and opening a sweep."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runners.pages.command_lines import RESULTS as RESULTS
from runners.pages.command_lines import command

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adaloss.grid.sweep import Sweep
    from adaloss.records.store import Store
    from adaloss.trial import Trial
    from runners.planning import Plan

COMPLETE, USER_ERROR, INCOMPLETE, FAILED, INTERRUPTED = 0, 2, 3, 4, 130


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


def grids_to_complete(incomplete: str) -> "list[str]":
    """What a shell offers for a grid: grid files, folders of results, and shipped grids."""
    from adaloss.grid.reading.shipped import shipped_grids

    files = (*Path().glob("*.yaml"), *Path().glob(f"{RESULTS}/*/"))
    return [name for name in (*map(str, files), *shipped_grids()) if name.startswith(incomplete)]


def modes_to_complete() -> "list[str]":
    """What a shell offers for a W&B mode."""
    from runners.tracking.mode import MODES

    return list(MODES)


GRID_HELP = "A grid file, the name of a shipped grid, or a folder of results."
Grid = Annotated[
    str, typer.Argument(help=GRID_HELP, metavar="GRID", autocompletion=grids_to_complete)
]
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
Notify = Annotated[
    str | None,
    typer.Option(metavar="COMMAND", help="Run this command at the sweep's end and first failure."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before a long run.")]
Version = Annotated[bool, typer.Option("--version", is_eager=True, help="Print the version.")]
Wandb = Annotated[
    str | None,
    typer.Option(
        help="W&B mode: auto, online, offline or disabled; default: the grid's.",
        metavar="MODE",
        autocompletion=modes_to_complete,
    ),
]


def output_option(text: str, metavar: str = "<path>") -> Any:
    """The option for what a command writes, with this help."""
    return typer.Option("--output", "-o", help=text, parser=local_path, metavar=metavar)


Output = Annotated[Path | None, output_option("Write to this file; its suffix sets the format.")]


def open_sweep(grid: str, storage: Path) -> "tuple[Sweep, Store]":
    """See :func:`runners.api.opening.open_sweep`; what it reports is printed."""
    from runners.api import opening

    return opening.open_sweep(grid, storage, say)


def open_results(grid: str, storage: Path) -> "tuple[Sweep, Store]":
    """See :func:`runners.api.opening.open_results`."""
    from runners.api import opening

    return opening.open_results(grid, storage, say)


def say(line: str) -> None:
    """Print a line to standard error."""
    typer.echo(line, err=True)


def show_command(sweep: "Sweep", store: "Store") -> "Callable[[Trial], str]":
    """What gives the command line that shows a trial of the sweep."""
    show = command("show", sweep, store)
    return lambda trial: f"{show} {trial.trial_id}"


def plan_of(
    sweep: "Sweep", trials: "tuple[Trial, ...]", only: list[str] | None, store: "Store"
) -> "Plan":
    """The plan of the trials that ``--only`` selects."""
    from runners.api import plans

    return plans.plan_of(sweep, trials, only, store)


def say_own_changes(sweep: "Sweep", trials: "Sequence[Trial]", store: "Store") -> None:
    """Report changed or missing code and data of the user that results were computed with."""
    from dataclasses import replace

    from adaloss.records.store import ignore
    from adaloss.tasks.fingerprints import own_of
    from runners.pages.own_changes import own_changes
    from runners.planning import make_plan

    using = [trial for trial in trials if own_of(trial)]
    made = make_plan(sweep.name, using, replace(store, unreadable=ignore))
    for change in own_changes(made.trials, made.results, sweep.places):
        for line in change.lines():
            say(f"note: {line}")
