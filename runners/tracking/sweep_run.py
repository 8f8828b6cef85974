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
    """Give the target the sweep's files, if it does not have them as they are.

    Returns their identity, None where there are no tables yet.

    Raises:
        TargetError: the target does not take them.
    """
    files = files_of(store)
    labels = labels_of_sweep(sweep)
    ledger, where, digest = ledger_of(store, target.name), target.where(labels), digest_of(files)
    given = ledger.read(labels.run_id)
    if "tables" not in files:
        return None
    if given is not None and (given.where, given.digest) == (where, digest):
        return digest
    ended = finished_trials(sweep.trials, store).values()
    numbers = {"trials": len(sweep.trials), **Counter(result.state.value for result in ended)}
    last = max((result.finished_at for result in ended), default="")
    # With the identity of the files: that is what the server must show to have taken them.
    target.put_files(labels, files, numbers | {"finished_at": f"{last} {digest}"})
    ledger.write(labels.run_id, Mirrored(state="finished", where=where, epochs=0, digest=digest))
    return digest


def files_of(store: Store) -> dict[str, Path]:
    """What the sweep's folder has of what it is and what came out."""
    wanted = {
        "grid": store.grid_path,
        "tables": store.tables_folder,
        "figures": store.figures_folder,
    }
    return {name: path for name, path in wanted.items() if path.exists()}


def digest_of(files: Mapping[str, Path]) -> str:
    """The identity of the files' names and content."""
    digest = hashlib.sha256()
    for path in files.values():
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:16]
