"""Delete a sweep's results, after a list of what they are."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from adaloss.records.store import LOCK_FILE, OWNER_FILE, Store
from runners.tidy.overview import LEFT_BEHIND, Overview, overview
from runners.tidy.sizes import Size, size_of
from runners.tracking.ledger import ledger_of
from runners.tracking.sweep_run import digest_of, files_of


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What is in a sweep's folder: its trials, the size of each entry, and W&B runs.

    ``only_here`` are offline runs that were never uploaded, or not as they are now.
    """

    overview: Overview
    entries: dict[str, Size]
    only_here: int


def contents_of(store: Store) -> Contents:
    """What would be deleted."""
    names = sorted({*os.listdir(store.root)} - {LOCK_FILE, OWNER_FILE})  # noqa: PTH208
    offline = store.root / "wandb" / "offline"
    runs = os.listdir(offline) if offline.is_dir() else []  # noqa: PTH208
    tables = digest_of(files_of(store)) if runs else ""
    return Contents(
        overview=overview(store.root),
        entries={name: size_of(store.root / name) for name in names},
        only_here=sum(not is_uploaded(run, store, tables) for run in runs),
    )


def is_uploaded(run: str, store: Store, tables: str) -> bool:
    """Whether W&B's server has all of what an offline run has.

    Of the sweep's own run it needs the tables as they are now, with this digest.
    """
    online, offline = (ledger_of(store, target).read(run) for target in ("online", "offline"))
    if online is None or offline is None:
        return False
    of_both = ((each.result_written_at, each.digest) for each in (online, offline))
    return online.digest == tables or len(set(of_both)) == 1


def remove(root: Path) -> None:
    """Delete the folder: under another name, so that no half of it is taken for results."""
    gone = root.with_name(f"{LEFT_BEHIND}removed-{root.name}-{uuid4().hex[:8]}")
    if not root.name.startswith(LEFT_BEHIND):
        root.rename(gone)
        root = gone
    shutil.rmtree(root)
