"""The commands that copy, join and rename results: archive, import, merge, rename."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adaloss.errors import UserError
from runners.cli.options import RESULTS, AsJson, Storage, local_path, output_option, say
from runners.cli.output import print_json
from runners.cli.tidy.named import (
    Named,
    announcing_store,
    compile_again,
    named,
    results_folder,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adaloss.records.store import Store
    from runners.tidy.merge import Merge, Preferred
    from runners.tidy.merged_grid import MergedGrid

PREFERENCES = ("first", "second")
# W&B links to its own logs, four times in each offline run.
MOST_NAMED = 3


def archive(
    sweep: Named,
    storage: Storage = RESULTS,
    output: Annotated[
        Path | None,
        output_option("The file, which ends in .tar.gz; default: NAME.tar.gz."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a sweep's results to one file with checksums, which `import` reads."""
    from runners.tidy.archive import SUFFIX, write_archive
    from runners.tidy.in_hand import at_rest
    from runners.tidy.sizes import Size, bytes_in_words
    from runners.tidy.unpack import check_archive

    if output is not None and not output.name.endswith(SUFFIX):
        raise UserError(f"-o {output}: an archive's name ends in {SUFFIX}")
    store = announcing_store(results_folder(sweep, storage))
    target = output or Path(f"{store.root.name}{SUFFIX}")
    with at_rest(store):
        packed = write_archive(store.root, target)
    digest = check_archive(target)
    for name in packed.left_out[:MOST_NAMED]:
        say(f"note: {name} is left out: a link, or no ordinary file")
    if (more := len(packed.left_out) - MOST_NAMED) > 0:
        say(f"note: {more} more are left out, all of which --json names")
    if as_json:
        about = {"files": packed.files, "bytes": packed.bytes, "sha256": digest}
        print_json({"archive": str(target), **about, "left_out": packed.left_out})
        return
    size, file = Size(packed.files, packed.bytes), bytes_in_words(target.stat().st_size)
    typer.echo(f"wrote {target} ({file}) with {size}, and read it back without an error")
    typer.echo(f"sha256 {digest}")


def import_(
    file: Annotated[Path, typer.Argument(help="An archive.", parser=local_path, metavar="FILE")],
    storage: Storage = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Unpack an archive below the storage, if it is whole and undamaged."""
    from adaloss.records.remote.address import address_of
    from runners.tidy.unpack import import_archive

    if address := address_of(storage):
        raise UserError(f"{address} is at a URL: import to a folder of this machine")
    root = import_archive(file, storage)
    if as_json:
        print_json({"folder": str(root)})
    else:
        typer.echo(f"imported {root}")


def merge(
    first: Annotated[str, named("FIRST")],
    second: Annotated[str, named("SECOND")],
    storage: Storage = RESULTS,
    into: Annotated[
        Path | None,
        typer.Option(
            help="A new folder for both; default: the first one.",
            parser=local_path,
            metavar="<path>",
        ),
    ] = None,
    prefer: Annotated[
        str | None,
        typer.Option(help="first or second: whose result counts where both have different ones."),
    ] = None,
    grid: Annotated[
        Path | None,
        typer.Option(
            help="The grid of the merged results, if those of both differ.",
            parser=local_path,
            metavar="<path>",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add the trials of a second folder of results to a first; the second stays as it is."""
    from runners.tidy.in_hand import at_rest, in_hand
    from runners.tidy.merge import plan_merge
    from runners.tidy.sizes import counted

    preferred = preference(prefer)
    one, other = (announcing_store(results_folder(name, storage)) for name in (first, second))
    if one.root.resolve() == other.root.resolve():
        raise UserError(f"{one.root} is both of the results: name two folders")
    with ExitStack() as held:
        held.enter_context(in_hand(one) if into is None else at_rest(one))
        held.enter_context(at_rest(other))
        chosen = grid_of(one, other, grid, into)
        planned = plan_merge(one, other, preferred)
        target, aside = carry_out(one, other, planned, chosen, into)
    compile_again(target)
    if as_json:
        print_json(merge_record(target, planned, chosen, aside))
        return
    typer.echo(
        f"of {other.root}: {counted(len(planned.added), 'trial')} added, {planned.equal} the same "
        f"in both, {planned.replacing} in place of what {one.root} had, {planned.declined} not "
        "taken"
    )
    typer.echo(f"the grid is {chosen.source}")
    if aside is not None:
        typer.echo(f"kept in {aside}: {' and '.join(kept_aside(aside))}")
    typer.echo(f"merged: {target.root}")


def preference(text: str | None) -> "Preferred | None":
    """The value of ``--prefer``.

    Raises:
        UserError: there is no such value.
    """
    if text is None:
        return None
    if text not in PREFERENCES:
        raise UserError(f"--prefer {text}: must be {' or '.join(PREFERENCES)}")
    return "first" if text == "first" else "second"


def grid_of(one: "Store", other: "Store", grid: Path | None, into: Path | None) -> "MergedGrid":
    """The grid of the merged results, with their name."""
    from dataclasses import replace

    from adaloss.grid.reading.edited import edited
    from adaloss.grid.sweep import load_sweep
    from runners.tidy.merged_grid import MergedGrid, left_out, merged_grid

    if grid is None:
        chosen = merged_grid(one, other)
    else:
        given = load_sweep(grid)
        if lacking := left_out(given, (one, other)):
            say(f"note: {lacking}")
        chosen = MergedGrid(text=given.text, origin=given.text, source=f"{grid}")
    known = load_sweep(one.grid_path, (other.trials_folder,))
    name = known.name if into is None else into.name
    return replace(chosen, text=edited(one.grid_path, chosen.text, {"name": name}))


def carry_out(
    one: "Store", other: "Store", planned: "Merge", chosen: "MergedGrid", into: Path | None
) -> "tuple[Store, Path | None]":
    """Merge into the first, or into a copy of it; return the store and what is kept aside."""
    from runners.tidy.merge import copied_to, merge_into

    if into is None:
        return one, merge_into(one, other, planned, chosen)
    with copied_to(into, one) as copy:
        aside = merge_into(copy, other, planned, chosen)
    merged = announcing_store(into)
    return merged, None if aside is None else into / aside.relative_to(copy.root)


def kept_aside(aside: Path) -> "Iterator[str]":
    """What the merged results do not have, in words."""
    from runners.tidy.sizes import counted

    if trials := len([*aside.glob("trials/*")]):
        yield f"the other records of {counted(trials, 'trial')}"
    yield from sorted(path.name for path in aside.glob("*.yaml"))


def merge_record(
    target: "Store", planned: "Merge", chosen: "MergedGrid", aside: Path | None
) -> dict[str, Any]:
    """What was merged, for JSON."""
    return {
        "folder": str(target.root),
        "added": planned.added,
        "equal": planned.equal,
        "replaced": [each.folder for each in planned.meetings if each.takes_second],
        "declined": [each.folder for each in planned.meetings if each.is_declined],
        "conflicts": {each.folder: each.conflict for each in planned.conflicts},
        "grid": chosen.source,
        "kept_aside": None if aside is None else str(aside),
    }


def rename(
    sweep: Named,
    new: Annotated[str, typer.Argument(help="The new name.", metavar="NEW")],
    storage: Storage = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Give a sweep another name; its trials keep their ids and numbers."""
    from adaloss.grid.sweep import load_sweep
    from adaloss.records.results_folder import store_at
    from runners.tidy.in_hand import in_hand
    from runners.tidy.rename import rename as rename_sweep

    store = announcing_store(store_at(results_folder(sweep, storage)).root)
    with in_hand(store):
        loaded = load_sweep(store.grid_path)
        renamed = rename_sweep(loaded, store, new)
    compile_again(renamed.store)
    if as_json:
        about = {"sweep": new, "folder": str(renamed.store.root), "wandb_runs": renamed.runs}
        print_json({"before": loaded.name, **about})
        return
    typer.echo(f"renamed {store.root} to {renamed.store.root}")
    typer.echo(
        f"write name: {new} in your grid file, too: a run of a grid with name: {loaded.name} "
        "begins a new sweep"
    )
    if renamed.runs:
        typer.echo(
            f"W&B: {renamed.runs} runs there keep their ids and still have the name {loaded.name}; "
            f"`adaloss-sweep sync {renamed.store.root}` gives them the new one"
        )
