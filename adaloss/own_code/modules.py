"""Python code of the user's own: where a module is found, how it is imported, and its digests.

A module is looked for in the folders of :attr:`adaloss.records.places.Places.own`, then among the
installed packages. Nothing is imported to find it or to compute its digests.
"""

import ast
import contextlib
import hashlib
import importlib
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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

DIGITS = 16
# Those that adaloss_sweep imports: a test holds the two together.
PACKAGES = ("adaloss", "runners", "analysis")
IMPORTING_FUNCTIONS = ("import_module", "__import__")


class OwnCodeError(UserError):
    """A module of the user's own cannot be used; the message says which and why."""


@dataclass(frozen=True, kw_only=True)
class OwnModule:
    """A module that was found: its file, and the folders in which what it imports is looked for.

    ``package`` limits what counts as the user's own to one installed package, None to nothing.
    """

    name: str
    file: Path
    folders: tuple[Path, ...]
    package: str | None


def find_own_module(name: str, folders: Sequence[Path]) -> OwnModule | None:
    """The module of this dotted name, None where there is none."""
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
    """What the other finders know, such as those of packages installed in place."""
    finders = [finder for finder in sys.meta_path if finder is not PathFinder]
    found = (finder.find_spec(top, None) for finder in finders if hasattr(finder, "find_spec"))
    return next(filter(None, found), None)


def file_of(name: str, folders: Sequence[Path]) -> Path | None:
    """The file of a module below one of these folders; of a package its ``__init__``.

    None where there is no such module, and for a folder without ``__init__``.
    """
    where = [str(folder) for folder in folders]
    file = None
    for part in name.split("."):
        found = [spec for folder in where if (spec := finder_in(folder).find_spec(part))]
        # As for Python, a folder without __init__ counts only where there is nothing else.
        modules = [spec for spec in found if spec.loader is not None][:1]
        file = modules[0].origin if modules else None
        where = [place for spec in modules or found for place in submodules_of(spec)]
        if not found:
            return None
    return Path(file) if file else None


def finder_in(folder: str) -> FileFinder:
    """What finds modules in a folder, and imports none of those above them."""
    return FileFinder(
        folder,
        (ExtensionFileLoader, EXTENSION_SUFFIXES),
        (SourceFileLoader, SOURCE_SUFFIXES),
        (SourcelessFileLoader, BYTECODE_SUFFIXES),
    )


def submodules_of(spec: ModuleSpec) -> list[str]:
    """The folders that a package's modules are in; none of another module."""
    return list(spec.submodule_search_locations or ())


def import_own_module(name: str, folders: Sequence[Path]) -> ModuleType:
    """Import the module, from where :func:`find_own_module` finds it.

    Raises:
        OwnCodeError: there is no such module, or its name is taken by another.
    """
    found = find_own_module(name, folders)
    top = name.partition(".")[0]
    if top in PACKAGES:
        raise OwnCodeError(
            f"{top} is the name of a package of adaloss-sweep's own: rename your module"
        )
    if found is None:
        looked = ", ".join(map(str, folders))
        raise OwnCodeError(f"there is no module {name} in {looked} or among the installed packages")
    module = importlib.import_module(name)
    file = getattr(module, "__file__", None)
    if file is None or not Path(file).exists() or not Path(file).samefile(found.file):
        raise OwnCodeError(
            f"{name} is the name of another module that is imported already ({file or 'built in'})"
            f": rename {found.file}"
        )
    return module


@contextlib.contextmanager
def own_code_first(folders: Sequence[Path]) -> Iterator[None]:
    """While the user's code is imported and builds, its folders come first, as for a script.

    Afterwards they come last: what it imports later is found, and shadows nothing of others.
    """
    names = [str(folder) for folder in folders]
    before = list(sys.path)
    sys.path_hooks.insert(0, finder_from_source(folders))
    for path in list(sys.path_importer_cache):
        if is_below(Path(path), folders):
            del sys.path_importer_cache[path]
    sys.path[:] = [*names, *(path for path in before if path not in names)]
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = [*before, *(name for name in names if name not in before)]


class FromSource(SourceFileLoader):
    """Compiles what is in the file now.

    Bytecode that Python has kept may be of an older file of the same size and time of change.
    """

    def path_stats(self, path: str) -> Mapping[str, Any]:
        """Nothing by which kept bytecode could be taken for that of the file."""
        raise FileNotFoundError(path)


def finder_from_source(folders: Sequence[Path]) -> Callable[[str], FileFinder]:
    """What Python asks for modules in a folder: those of the user's own come from their source."""

    def finder(path: str) -> FileFinder:
        if not is_below(Path(path), folders):
            raise ImportError
        return FileFinder(
            path, (ExtensionFileLoader, EXTENSION_SUFFIXES), (FromSource, SOURCE_SUFFIXES)
        )

    return finder


def is_below(path: Path, folders: Sequence[Path]) -> bool:
    """Whether a path is in one of the user's folders, and not of a package installed there."""
    if {"site-packages", "dist-packages"}.intersection(path.parts):
        return False
    pythons = (Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib"))
    if any(path.is_relative_to(folder) for folder in pythons):
        return False
    return any(path.is_relative_to(folder) for folder in folders)


def loaded_digests(folders: Sequence[Path]) -> dict[str, str]:
    """The digest of each file of the user's folders that this process has imported a module from.

    Among them are those that no import statement names.
    """
    digests = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not file or name.partition(".")[0] in (*PACKAGES, "adaloss_sweep", "__main__"):
            continue
        path = Path(file)
        if is_below(path, folders) and path.is_file():
            digests[relative_name(path, folders)] = source_digest(path, path.read_bytes())
    return digests


def digests_of_files(names: Iterable[str], folders: Sequence[Path]) -> dict[str, str]:
    """The digests of the files of these names in the user's folders, of those that are there."""
    digests = {}
    for name in names:
        file = next((folder / name for folder in folders if (folder / name).is_file()), None)
        if file is not None:
            digests[name] = source_digest(file, file.read_bytes())
    return digests


def code_digests(module: OwnModule) -> dict[str, str]:
    """The digest of each file of the user's own that the module is made of, by relative path.

    Those are its file and, from file to file, those that its imports name in the same folders:
    wherever an import stands, and by ``import_module`` where the name is written out. Files that
    the code opens by itself are not among them.
    """
    digests: dict[str, str] = {}
    seen: set[str] = set()
    waiting = [module.name]
    while waiting:
        name = waiting.pop()
        if name in seen or not is_own(name, module):
            continue
        seen.add(name)
        parent = name.rpartition(".")[0]
        waiting += [parent] if parent else []
        if (file := file_of(name, module.folders)) is None:
            continue
        content = file.read_bytes()
        digests[relative_name(file, module.folders)] = source_digest(file, content)
        if file.suffix == ".py":
            is_package = file.name == "__init__.py"
            waiting += imported_modules(content, name if is_package else parent)
    return dict(sorted(digests.items()))


def is_own(name: str, module: OwnModule) -> bool:
    """Whether the files of a module of this name count as the user's own."""
    top = name.partition(".")[0]
    if top in PACKAGES:
        return False
    return module.package is None or top == module.package


def relative_name(file: Path, folders: Sequence[Path]) -> str:
    """The file's path below the folder that it was found in."""
    for folder in folders:
        if file.is_relative_to(folder):
            return file.relative_to(folder).as_posix()
    return file.name


def imported_modules(source: bytes, package: str) -> Iterator[str]:
    """The dotted names that a file may import; ``package`` is the one that it belongs to."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if package else []
            start = base if node.level else []
            whole = ".".join([*start, *([node.module] if node.module else [])])
            yield whole
            yield from (f"{whole}.{alias.name}".lstrip(".") for alias in node.names)
        elif isinstance(node, ast.Call) and called_name(node) in IMPORTING_FUNCTIONS and node.args:
            named = node.args[0]
            if isinstance(named, ast.Constant) and isinstance(named.value, str):
                name = named.value
                yield f"{package}.{name.lstrip('.')}" if name.startswith(".") else name


def called_name(call: ast.Call) -> str:
    """The last part of the name of the function that is called."""
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def source_digest(file: Path, content: bytes) -> str:
    """A digest that changes with what the file does, and not with its comments and its layout."""
    digest = hashlib.sha256()
    try:
        tree = ast.parse(content) if file.suffix == ".py" else None
    except (SyntaxError, ValueError):
        tree = None
    if tree is None:
        digest.update(content)
    else:
        for piece in pieces(tree):
            digest.update(piece.encode())
    return digest.hexdigest()[:DIGITS]


def pieces(node: ast.AST) -> Iterator[str]:
    """The syntax as text: what every version of Python has of it, without documentation."""
    yield f"({type(node).__name__}"
    for name, value in ast.iter_fields(node):
        # Later versions of Python have further fields, which are empty.
        if value is None or value == [] or name in ("kind", "type_comment"):
            continue
        yield f" {name}="
        for item in value if isinstance(value, list) else [value]:
            if is_documentation(item):
                continue
            if isinstance(item, ast.AST):
                yield from pieces(item)
            else:
                yield f"{item!r},"
    yield ")"


def is_documentation(node: object) -> bool:
    """Whether this is a statement that is nothing but a text."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
