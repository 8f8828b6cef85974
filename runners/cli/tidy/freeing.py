"""The commands that show and free space: list, gc, rm."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runners.cli.options import RESULTS, AsJson, Storage
from runners.cli.output import print_json
from runners.cli.tidy.named import Named, Yes, announcing_store, confirm, named, results_folder

if TYPE_CHECKING:
    from adaloss.records.store import Store
    from runners.tidy.garbage import Found
    from runners.tidy.overview import Overview
    from runners.tidy.removal import Contents
    from runners.tidy.sizes import Size


def list_sweeps(storage: Storage = RESULTS, as_json: AsJson = False) -> None:
    """List the sweeps of a storage: state, trials, size and last run of each."""
    from adaloss.records.remote.address import address_of
    from runners.tidy.listing import overview_lines, overview_record
    from runners.tidy.overview import overviews
    from runners.tidy.overview_at_url import overviews_at

    address = address_of(storage)
    found = tuple(overviews_at(address) if address else overviews(storage))
    if as_json:
        print_json(overview_record(found, address or str(storage)))
        return
    print_overviews(found)
    for line in overview_lines(found, address or str(storage)):
        typer.echo(line)


def print_overviews(found: "tuple[Overview, ...]") -> None:
    """Print a row for each sweep that can be read."""
    from runners.cli.output import WIDTH_OF_A_PIPE
    from runners.pages.safe_console import SafeConsole
    from runners.tidy.listing import overview_table

    console = SafeConsole()
    if not console.is_terminal:
        console = SafeConsole(width=WIDTH_OF_A_PIPE)
    if any(each.counts is not None for each in found):
        console.print(overview_table(found))


def gc(
    sweeps: Annotated[list[str], named("SWEEPS", "Sweeps, by name, folder or grid file.")],
    storage: Storage = RESULTS,
    kept_checkpoints: Annotated[
        bool,
        typer.Option(
            "--kept-checkpoints", help="Also those that the grid keeps (keep_checkpoints: true)."
        ),
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Free what no command needs any more, after a list of it: checkpoints, attempts, caches."""
    from runners.tidy.garbage import garbage_of
    from runners.tidy.in_hand import in_hand
    from runners.tidy.sizes import total

    roots = list(dict.fromkeys(results_folder(sweep, storage) for sweep in sweeps))
    with ExitStack() as held:
        found: dict[Path, Found] = {}
        for root in roots:
            store = announcing_store(root)
            held.enter_context(in_hand(store))
            found[root] = garbage_of(store, with_kept=kept_checkpoints)
        size = total(each.size for each in found.values())
        if as_json:
            if yes:
                free_all(found)
            record = [garbage_record(root, each) for root, each in found.items()]
            print_json({"sweeps": record, **size_record(size), "freed": yes})
            return
        for root, each in found.items():
            print_garbage(root, each)
        if not size.files:
            typer.echo("there is nothing to free")
            return
        confirm(f"Free {size}?", yes=yes)
        free_all(found)
    typer.echo(f"freed {size}")


def free_all(found: "dict[Path, Found]") -> None:
    """Delete all of it."""
    from runners.tidy.garbage import free

    for each in found.values():
        free(each)


def print_garbage(root: Path, found: "Found") -> None:
    """Print what can be freed of one sweep, by kind, and what is kept."""
    from runners.tidy.garbage import KINDS
    from runners.tidy.sizes import bytes_in_words

    typer.echo(f"{root}: {found.size}")
    for each in found.garbage:
        size = bytes_in_words(each.size.bytes)
        typer.echo(f"  {len(each.paths):,} {KINDS[each.kind]}: {size}")
    if found.kept_checkpoints.files:
        typer.echo(
            f"  checkpoints that the grid keeps stay: {found.kept_checkpoints} "
            "(--kept-checkpoints frees them)"
        )


def garbage_record(root: Path, found: "Found") -> dict[str, Any]:
    """What can be freed of one sweep, for JSON."""
    kinds = {
        each.kind: {"count": len(each.paths), **size_record(each.size)} for each in found.garbage
    }
    kept = size_record(found.kept_checkpoints)
    return {"folder": str(root), "kinds": kinds, "kept_checkpoints": kept}


def size_record(size: "Size") -> dict[str, int]:
    """A size, for JSON."""
    return {"files": size.files, "bytes": size.bytes}


def rm(sweep: Named, storage: Storage = RESULTS, yes: Yes = False, as_json: AsJson = False) -> None:
    """Delete a sweep's results, after a list of what they are."""
    from runners.tidy.in_hand import in_hand
    from runners.tidy.removal import contents_of, remove

    store = announcing_store(results_folder(sweep, storage))
    with in_hand(store):
        found = contents_of(store)
        if as_json:
            if yes:
                remove(store.root)
            print_json(contents_record(store, found) | {"deleted": yes})
            return
        print_contents(store, found)
        confirm(f"Delete {store.root}?", yes=yes)
        remove(store.root)
    typer.echo(f"deleted {store.root}: {found.overview.size}")


def print_contents(store: "Store", found: "Contents") -> None:
    """Print what is in a sweep's folder."""
    counts = found.overview.counts
    what = (
        f"{found.overview.done} of {counts.trials} trials have a result"
        if counts is not None
        else f"it cannot be read ({found.overview.problem})"
    )
    typer.echo(f"{store.root}: {what}, {found.overview.size}")
    for name, size in found.entries.items():
        typer.echo(f"  {name}: {size}")
    if found.only_here:
        typer.echo(
            f"  {found.only_here} W&B runs were written here and never uploaded, or not as they "
            "are now"
        )


def contents_record(store: "Store", found: "Contents") -> dict[str, Any]:
    """What is in a sweep's folder, for JSON."""
    counts = found.overview.counts
    return {
        "folder": str(store.root),
        "trials": None if counts is None else counts.trials,
        "finished": found.overview.done,
        "entries": {name: size_record(size) for name, size in found.entries.items()},
        "wandb_runs_only_here": found.only_here,
        **size_record(found.overview.size),
    }
