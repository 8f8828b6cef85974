"""The sweep's own run in W&B: its grid, its tables and figures, and how its trials ended."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from adaloss.grid.sweep import Sweep
from adaloss.records.store import Store
from runners.tracking.labels import labels_of_sweep
from runners.tracking.ledger import Mirrored, finished_trials, ledger_of
from runners.tracking.target import Target


def put_sweep_run(sweep: Sweep, store: Store, target: Target) -> str | None:
    """Write the sweep's files to the target if they have changed.

    Returns the digest of the files, or None if the tables do not exist yet.

    Raises:
        TargetError: the target does not accept the files.
    """
    files = files_of(store)
    labels = labels_of_sweep(sweep)
    ledger, where, digest = ledger_of(store, target.name), target.where(labels), digest_of(files)
    mirrored = ledger.read(labels.run_id)
    if "tables" not in files:
        return None
    if mirrored is not None and (mirrored.where, mirrored.digest) == (where, digest):
        return digest
    ended = finished_trials(sweep.trials, store).values()
    counts = Counter(result.state.value for result in ended)
    last = max((result.finished_at for result in ended), default="")
    # The digest is written last: if the server shows it, the server has all files.
    numbers = {"trials": len(sweep.trials), **counts, "finished_at": f"{last} {digest}"}
    target.put_files(labels, files, numbers, first_figure(sweep))
    ledger.write(labels.run_id, Mirrored(state="finished", where=where, epochs=0, digest=digest))
    return digest


def files_of(store: Store) -> dict[str, Path]:
    """The existing ones of the sweep's grid, tables and figures, by name."""
    files = {
        "grid": store.grid_path,
        "tables": store.tables_folder,
        "figures": store.figures_folder,
    }
    return {name: path for name, path in files.items() if path.exists()}


def first_figure(sweep: Sweep) -> str:
    """The name of the figure of the first table, without suffix."""
    first = sweep.tables[0]
    return "points" if first.ranks_points else f"against-{first.rows}"


def digest_of(files: Mapping[str, Path]) -> str:
    """A digest of the files' names and content."""
    digest = hashlib.sha256()
    for path in files.values():
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:16]
