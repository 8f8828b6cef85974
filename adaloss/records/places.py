"""The folders of data sets, weights, the user's own files, and caches."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from adaloss.errors import UserError

ENVIRONMENT_VARIABLE = "ADALOSS_DATA"
APPLICATION = "adaloss-sweep"
FILES_FOLDER, CAPTURE_FOLDER = "files", ".capture"
# One slash is enough after these schemes, because pathlib turns two slashes into one.
URL = re.compile(
    r"[a-z][a-z0-9+.-]*://|(s3a?|gs|gcs|az|abfss?|adl|hdfs|file|https?|ftp|memory):/", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True)
class Places:
    """The folders in which a trial finds the files that its fields name.

    ``data_root`` holds the data sets and the published weights. ``own`` are the folders that are
    searched for the user's own files and modules, in this order: the grid's folder, then the
    working folder. ``trial`` is the folder of the trial's records, for what its program writes.
    """

    data_root: Path
    own: tuple[Path, ...] = ()
    trial: Path | None = None

    @property
    def weights(self) -> Path:
        """The folder of pretrained weights for which no library has a cache."""
        return self.data_root / "weights"

    @property
    def files(self) -> Path:
        """The folder of the files that a user's program writes."""
        return (self.trial or Path.cwd()) / FILES_FOLDER

    @property
    def captured(self) -> Path:
        """The folder of what is read of a user's program while it runs."""
        return (self.trial or Path.cwd()) / CAPTURE_FOLDER

    @property
    def own_folders(self) -> tuple[Path, ...]:
        """The folders of the user's own files. The working folder if ``own`` is empty."""
        return self.own or (Path.cwd(),)

    def own_path(self, declared: str) -> Path | None:
        """The existing file or folder that a path in the grid refers to, or None."""
        candidates = self.own_paths(declared)
        return next((path for path in candidates if path.exists()), None)

    def own_paths(self, declared: str) -> tuple[Path, ...]:
        """The absolute paths that a path in the grid may refer to, in the order of search."""
        path = Path(declared).expanduser()
        if path.is_absolute():
            return (path,)
        candidates = (Path(os.path.normpath(folder / path)) for folder in self.own_folders)
        return tuple(dict.fromkeys(candidates))

    def own_data_paths(self, declared: str) -> tuple[Path, ...]:
        """The same for the user's own data, which may be below the data root as well."""
        in_data = self.data_root / Path(declared).expanduser()
        return tuple(dict.fromkeys((*self.own_paths(declared), in_data)))


NOWHERE = Places(data_root=Path())
"""For trials that need no files: the digits data set and models without pretrained weights."""


def places_of_grid(grid: Path, declared_root: str | None) -> Places:
    """The places for the trials of a grid file. ``declared_root`` is its ``data.root``."""
    own = own_folders_of(grid)
    if declared_root is not None:
        existing = Places(data_root=Path(), own=own).own_path(declared_root)
        declared_root = str(existing) if existing else declared_root
    return Places(data_root=data_root(declared_root), own=own)


def own_folders_of(grid: Path) -> tuple[Path, ...]:
    """The folders in which the user's own files of a grid are searched."""
    return tuple(dict.fromkeys((grid.absolute().parent, Path.cwd())))


def data_root(declared: str | None) -> Path:
    """The folder of the data sets: the grid's ``data.root``, ``ADALOSS_DATA`` or the user's cache.

    Raises:
        UserError: the folder is a URL.
    """
    folder = declared or os.environ.get(ENVIRONMENT_VARIABLE)
    if folder:
        if problem := url_problem(folder):
            source = "data.root" if declared else ENVIRONMENT_VARIABLE
            raise UserError(f"{source}: {problem}")
        return Path(folder).expanduser().absolute()
    return user_cache_path(APPLICATION) / "data"


def is_storage_url(text: str) -> bool:
    """Whether results can be kept there with a file system of fsspec's."""
    return "://" in text and URL.match(text) is not None and not text.lower().startswith("file:")


def url_problem(path: str) -> str | None:
    """An error message if the path is a URL, else None."""
    match = URL.match(path)
    if match is None:
        return None
    scheme = match[0].partition(":")[0].lower()
    if scheme == "file":
        return f"{path} is a URL: write only the path, without file://"
    return (
        f"{path} is a URL, and files are read and written on this machine only: name a local "
        f"folder or file, and copy from or to {scheme}:// with another program"
    )


def prepared_folder() -> Path:
    """The cache of data sets as tensors, which are mapped into memory. Safe to delete."""
    return user_cache_path(APPLICATION) / "prepared"


def digests_folder() -> Path:
    """The cache of digests of the user's files. Safe to delete."""
    return user_cache_path(APPLICATION) / "digests"


def scripts_folder() -> Path:
    """The cache of the report's scripts. Safe to delete."""
    return user_cache_path(APPLICATION) / "scripts"
