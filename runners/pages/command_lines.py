"""The command lines that messages name."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adaloss.grid.sweep import Sweep
    from adaloss.records.store import Store

RESULTS = Path("results")


def command(verb: str, sweep: "Sweep", store: "Store") -> str:
    """The command line of a command on this sweep and storage."""
    if sweep.source == store.grid_path:
        return shlex.join(["adaloss-sweep", verb, argument(results_at(store))])
    words = ["adaloss-sweep", verb, argument(sweep.source)]
    if store.root.parent != RESULTS:
        from adaloss.records.remote.address import address_of

        words += ["--storage", address_of(store.root.parent) or argument(store.root.parent)]
    return shlex.join(words)


def results_at(store: "Store") -> str:
    """Where the results are: of a working copy, its URL."""
    from adaloss.records.remote.address import remote_of

    remote = remote_of(store.root)
    return str(store.root) if remote is None else remote.url


def argument(path: Path | str) -> str:
    """The path as an argument that cannot be mistaken for an option."""
    return f"./{path}" if str(path).startswith("-") else str(path)
