"""Find and import the user's own Python modules.

A module is searched in the folders of :attr:`adaloss.records.places.Places.own`, then among the
installed packages. Finding a module imports nothing.
"""

import contextlib
import importlib
import os
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    PathFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from pathlib import Path
from types import ModuleType
from typing import Any

from adaloss.errors import UserError

# The same packages as in adaloss_sweep, which a test checks.
PACKAGES = ("adaloss", "runners", "analysis")
HERE = Path(__file__).resolve().parents[2]
"""The folder of the tool's packages."""


class OwnCodeError(UserError):
    """A module of the user's own cannot be used. The message says which module and why."""


@dataclass(frozen=True, kw_only=True)
class OwnModule:
    """A module, its file, and the folders in which its imports are searched.

    If the module is installed, ``package`` is its top-level package, and only the modules of that
    package count as the user's own. None for a module in the user's folders. ``is_program`` is True
    for what has a process of its own, in which the first folder comes before the tool's packages;
    the name is empty if a file is started that no import finds.
    """

    name: str
    file: Path
    folders: tuple[Path, ...]
    package: str | None
    is_program: bool = False


def find_own_module(name: str, folders: Sequence[Path]) -> OwnModule | None:
    """The module with this dotted name, or None if there is none."""
    top = name.partition(".")[0]
    for folder in folders:
        if (file := file_of(name, [folder])) is not None:
            return OwnModule(name=name, file=file, folders=tuple(folders), package=None)
    installed = PathFinder.find_spec(top) or spec_by_finders(top)
    if installed is None:
        return None
    files = installed.submodule_search_locations or [installed.origin or ""]
    parents = [Path(file).parent for file in files]
    file = file_of(name, parents)
    if file is None:
        return None
    return OwnModule(name=name, file=file, folders=tuple(parents), package=top)


def spec_by_finders(top: str) -> ModuleSpec | None:
    """The spec from the other finders, such as those of packages installed in place."""
    finders = [finder for finder in sys.meta_path if finder is not PathFinder]
    specs = (finder.find_spec(top, None) for finder in finders if hasattr(finder, "find_spec"))
    return next(filter(None, specs), None)


def file_of(name: str, folders: Sequence[Path]) -> Path | None:
    """The file of a module in one of these folders, or the ``__init__`` of a package.

    None if there is no such module, or if it is a folder without ``__init__``.
    """
    searched = [str(folder) for folder in folders]
    file = None
    for part in name.split("."):
        specs = [spec for folder in searched if (spec := finder_in(folder).find_spec(part))]
        if not specs:
            return None
        # As in Python, a folder without __init__ counts only if there is no other module.
        modules = [spec for spec in specs if spec.loader is not None][:1]
        file = modules[0].origin if modules else None
        searched = [
            folder for spec in modules or specs for folder in spec.submodule_search_locations or ()
        ]
    return Path(file) if file else None


def finder_in(folder: str) -> FileFinder:
    """A finder of modules in the folder, which does not import their parent packages."""
    return FileFinder(
        folder,
        (ExtensionFileLoader, EXTENSION_SUFFIXES),
        (SourceFileLoader, SOURCE_SUFFIXES),
        (SourcelessFileLoader, BYTECODE_SUFFIXES),
    )


def import_own_module(name: str, folders: Sequence[Path]) -> ModuleType:
    """Import the module from the file that :func:`find_own_module` finds.

    Raises:
        OwnCodeError: there is no such module, or another module already has its name.
    """
    own_module = find_own_module(name, folders)
    top = name.partition(".")[0]
    if top in PACKAGES:
        raise OwnCodeError(
            f"{top} is the name of a package of adaloss-sweep itself: rename your module"
        )
    if own_module is None:
        searched = ", ".join(map(str, folders))
        raise OwnCodeError(
            f"there is no module {name} in {searched} or among the installed packages"
        )
    module = importlib.import_module(name)
    file = getattr(module, "__file__", None)
    if file is None or not Path(file).exists() or not Path(file).samefile(own_module.file):
        raise OwnCodeError(
            f"another module with the name {name} is already imported ({file or 'built in'}): "
            f"rename {own_module.file}"
        )
    return module


@contextlib.contextmanager
def own_code_first(folders: Sequence[Path]) -> Iterator[None]:
    """Put the user's folders first on Python's path while the user's code is imported and called.

    After the block they come last: later imports of the user's code still work, and the folders
    shadow no other module.
    """
    names = [str(folder) for folder in folders]
    before = list(sys.path)
    sys.path_hooks.insert(0, finder_from_source(folders))
    for path in list(sys.path_importer_cache):
        if is_own_path(path, tuple(names)):
            del sys.path_importer_cache[path]
    sys.path[:] = [*names, *(path for path in before if path not in names)]
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = [*before, *(name for name in names if name not in before)]


def forget_own_modules(folders: Sequence[Path]) -> None:
    """Have the modules in the user's folders imported again when they are next used."""
    own = tuple(map(os.fspath, folders))
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        top = name.partition(".")[0]
        named = isinstance(file, str) and top not in (*PACKAGES, "__main__")
        if named and is_own_path(file, own):
            del sys.modules[name]


class FromSource(SourceFileLoader):
    """Always compiles the source file, and keeps what it compiled.

    Cached bytecode could be of an older file with the same size and time of change; and the file
    may be edited while the process runs.
    """

    content: bytes | None = None

    def get_data(self, path: str) -> bytes:
        """Read the source; what is read first is what is compiled."""
        data = super().get_data(path)
        if self.content is None:
            self.content = data
        return data

    def path_stats(self, path: str) -> Mapping[str, Any]:
        """Raise, so that Python finds no cached bytecode for the file."""
        raise FileNotFoundError(path)


def finder_from_source(folders: Sequence[Path]) -> Callable[[str], FileFinder]:
    """A path hook for Python that loads the modules in these folders from their source."""

    def finder(path: str) -> FileFinder:
        if not is_own_path(path, tuple(map(os.fspath, folders))):
            raise ImportError
        return FileFinder(
            path, (ExtensionFileLoader, EXTENSION_SUFFIXES), (FromSource, SOURCE_SUFFIXES)
        )

    return finder


# A worker asks this of all its modules, for every trial of the user's code.
@lru_cache(maxsize=100_000)
def is_own_path(path: str, folders: tuple[str, ...]) -> bool:
    """Whether a path is in one of the user's folders, and not in a package installed there."""
    path = os.path.normpath(path)
    # Almost all modules of a process end here.
    if not any(is_in(path, os.path.normpath(folder)) for folder in folders):
        return False
    if {"site-packages", "dist-packages"}.intersection(Path(path).parts):
        return False
    return not any(is_in(path, sysconfig.get_path(name)) for name in ("stdlib", "platstdlib"))


def is_in(path: str, folder: str) -> bool:
    """Whether this is the folder, or below it."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
