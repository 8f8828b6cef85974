"""Give a sweep another name: its folder, its grid, and what W&B is told of it.

Ids of trials and their runs do not contain the name. The tags, the configuration and, by templates,
other labels of runs do, so that runs count as begun and are sent once more. The folder is renamed
last: until then the old name holds, and the same command finishes what a killed one has begun.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from adaloss.errors import UserError
from adaloss.grid.reading.edited import edited
from adaloss.grid.schema.schema import Grid
from adaloss.grid.sweep import Sweep
from adaloss.records.store import OWNER_FILE, Store
from adaloss.records.writing import replacing, write_utf8
from runners.tracking.labels import labels_of_sweep
from runners.tracking.ledger import Mirrored

PATTERN: str = Grid.model_fields["name"].metadata[0].pattern


@dataclass(frozen=True, kw_only=True)
class Renamed:
    """The store at its new place. W&B has ``runs`` of it that still have the old name."""

    store: Store
    runs: int


def rename(sweep: Sweep, store: Store, name: str) -> Renamed:
    """Rename the sweep, whose grid is the copy in its results.

    Raises:
        UserError: the name cannot be used, or there are results of this name.
    """
    target = store.root.parent / name
    check_name(name, target)
    text = edited(store.grid_path, sweep.text, {"name": name})
    for path in store.root.glob(f"wandb/mirrored/*/{labels_of_sweep(sweep).run_id}.json"):
        # The run with the sweep's tables gets another id with the new name.
        path.unlink()
    runs = begun_again(store)
    store.write_text(store.grid_path, text)
    store.root.rename(target)
    (target / OWNER_FILE).unlink(missing_ok=True)
    return Renamed(store=Store(target, store.unreadable), runs=runs)


def check_name(name: str, target: Path) -> None:
    """Check that a sweep can have this name, and its results this folder.

    Raises:
        UserError: it exists, or its name cannot be a sweep's.
    """
    if not re.search(PATTERN, name):
        raise UserError(
            f"{name!r} cannot be a sweep's name: it has up to 64 letters, digits and . _ -, "
            "and begins with a letter or digit; nothing was changed"
        )
    if os.path.lexists(target):
        raise UserError(f"{target} already exists: choose another name; nothing was changed")


def begun_again(store: Store) -> int:
    """Have the runs that W&B has sent again; return how many are on its server."""
    online = 0
    for path in sorted(store.root.glob("wandb/mirrored/*/*.json")):
        try:
            mirrored = Mirrored.model_validate_json(path.read_bytes())
        except ValueError:
            continue
        again = mirrored.model_copy(update={"state": "begun"})
        with replacing(path, durable=False) as temporary:
            write_utf8(temporary, again.model_dump_json() + "\n")
        online += path.parent.name == "online"
    return online
