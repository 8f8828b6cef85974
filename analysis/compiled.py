"""What the last compilation of a sweep has written, and from what."""

import contextlib
import hashlib
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from adaloss.records.store import METRICS_FILE, RESULT_FILE, Store
from analysis.frame.index import stamps_of
from analysis.results import Results
from analysis.tables.own_changes import NOW

# The stamp of a compilation that lacks an output, so that the next one tries again.
NO_STAMP = ""


class Compiled(BaseModel):
    """The digest of the last compiled content, its answer, and its files with sizes and times.

    ``undrawn`` are files of figures that were deleted because no figures were to be drawn.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stamp: str
    answer: tuple[str, ...] = ()
    files: dict[str, tuple[int, int]]
    undrawn: tuple[str, ...] = ()


def state_of(store: Store, files: Iterable[str]) -> dict[str, tuple[int, int]]:
    """The size and modification time of each file that exists."""
    found = {}
    for name in files:
        with contextlib.suppress(OSError):
            status = (store.root / name).stat()
            found[name] = (status.st_size, status.st_mtime_ns)
    return found


def forget(name: str, store: Store) -> None:
    """Delete a file that was compiled before and does not belong to the sweep."""
    path = store.root / name
    # Whatever compiled.json lists, only tables, pages and figures are deleted.
    if path.parent in (store.tables_folder, store.figures_folder):
        path.unlink(missing_ok=True)


def compiled_before(store: Store) -> Compiled | None:
    """The last compilation, None if it is unknown."""
    try:
        return Compiled.model_validate_json(compiled_file(store).read_bytes())
    except (OSError, ValidationError):
        return None


def compiled_file(store: Store) -> Path:
    """The file that describes the last compilation."""
    return store.root / "index" / "compiled.json"


def stamp_of(results: Results, version: str) -> str:
    """A digest of everything that the files depend on: the grid, the code and every record."""
    trials = {trial.trial_id: trial for trial in results.trials}
    digest = hashlib.sha256(f"{version}\n{results.sweep.text}\n{results.specs}".encode())
    for record in (RESULT_FILE, METRICS_FILE):
        for known in sorted(stamps_of(trials, results.store, record)):
            digest.update(str(known).encode())
    digest.update("".join(sorted(trials)).encode())
    # A record that was written after the frame was read is not in what is made of the frame.
    digest.update("".join(map(str, results.frame["finished_at"])).encode())
    if NOW in results.frame:
        digest.update("".join(map(str, dict.fromkeys(results.frame[NOW]))).encode())
    return digest.hexdigest()
