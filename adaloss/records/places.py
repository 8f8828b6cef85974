"""Where data sets, weights, the user's own files and what is worked out from them are."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from adaloss.errors import UserError

ENVIRONMENT_VARIABLE = "ADALOSS_DATA"
APPLICATION = "adaloss-sweep"
# With one slash too: that is what pathlib makes of two.
URL = re.compile(
    r"[a-z][a-z0-9+.-]*://|(s3a?|gs|gcs|az|abfss?|adl|hdfs|file|https?|ftp|memory):/", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where a trial finds what its fields name.

    ``data_root`` has the data sets and the published weights. ``own`` are the folders in which
    relative paths and modules of the user's own are looked for, in this order: the grid's folder,
    then the working folder.
    """

    data_root: Path
    own: tuple[Path, ...] = ()

    @property
    def weights(self) -> Path:
        """Where pretrained weights that no library has a cache for are kept."""
        return self.data_root / "weights"

    @property
    def own_folders(self) -> tuple[Path, ...]:
        """The folders of the user's own files; the working folder where none are named."""
        return self.own or (Path.cwd(),)

    def own_path(self, declared: str) -> Path | None:
        """The file or folder that a path in the grid means, None where there is none."""
        candidates = self.own_paths(declared)
        return next((path for path in candidates if path.exists()), None)

    def own_paths(self, declared: str) -> tuple[Path, ...]:
        """Where a path in the grid is looked for; an absolute one is what it is."""
        path = Path(declared).expanduser()
        if path.is_absolute():
            return (path,)
        found = (Path(os.path.normpath(folder / path)) for folder in self.own_folders)
        return tuple(dict.fromkeys(found))


NOWHERE = Places(data_root=Path())
"""For trials that need no file: of the digits, from fresh weights."""


def places_of_grid(grid: Path, declared_root: str | None) -> Places:
    """The places of the grid file's trials; ``declared_root`` is its ``data.root``."""
    own = tuple(dict.fromkeys((grid.absolute().parent, Path.cwd())))
    if declared_root is not None:
        found = Places(data_root=Path(), own=own).own_path(declared_root)
        declared_root = str(found) if found else declared_root
    return Places(data_root=data_root(declared_root), own=own)


def data_root(declared: str | None) -> Path:
    """The folder of the data sets: the grid's ``data.root``, ``ADALOSS_DATA``, the user's cache."""
    named = declared or os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        if trouble := url_trouble(named):
            where = "data.root" if declared else ENVIRONMENT_VARIABLE
            raise UserError(f"{where}: {trouble}")
        return Path(named).expanduser().absolute()
    return user_cache_path(APPLICATION) / "data"


def url_trouble(path: str) -> str | None:
    """Why this is no path of this machine, and what to do; None where it may be one."""
    found = URL.match(path)
    if found is None:
        return None
    scheme = found[0].partition(":")[0].lower()
    if scheme == "file":
        return f"{path} is a URL: write the path alone, without file://"
    return (
        f"{path} is a URL, and files are read and written on this machine only: name a folder or "
        f"file here, and copy from or to {scheme}:// with another program"
    )


def prepared_folder() -> Path:
    """Where the data sets lie as tensors, ready to be mapped into memory; safe to delete."""
    return user_cache_path(APPLICATION) / "prepared"


def digests_folder() -> Path:
    """Where the digests of the user's files are remembered; safe to delete."""
    return user_cache_path(APPLICATION) / "digests"


def scripts_folder() -> Path:
    """Where the scripts of the report are kept; safe to delete."""
    return user_cache_path(APPLICATION) / "scripts"
