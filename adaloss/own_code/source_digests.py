"""Digests of the user's own Python code, without importing it."""

import ast
import hashlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from adaloss.own_code.modules import (
    HERE,
    PACKAGES,
    FromSource,
    OwnModule,
    file_of,
    is_own_path,
)

DIGITS = 16
IMPORTING_FUNCTIONS = ("import_module", "__import__")


def with_loaded(recorded: Mapping[str, str], folders: Sequence[Path]) -> dict[str, str]:
    """The digests with those of the files in the user's folders that this process has imported.

    This includes files that no import statement names. What was compiled counts, whatever the file
    has become since; a module that was not compiled here keeps the digest that is recorded.
    """
    digests = dict(recorded)
    for module in own_modules(tuple(sys.modules), tuple(map(os.fspath, folders))):
        imported = sys.modules[module]
        path = Path(str(imported.__file__))
        name = relative_name(path, folders)
        loader = getattr(getattr(imported, "__spec__", None), "loader", None)
        if isinstance(loader, FromSource) and loader.content is not None:
            digests[name] = source_digest(path, loader.content)
        elif name not in digests and path.is_file():
            digests[name] = source_digest(path, path.read_bytes())
    return digests


# A worker asks this for every trial, and rarely has imported another module since.
@lru_cache(maxsize=8)
def own_modules(modules: tuple[str, ...], folders: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the imported modules with these names whose files are in the user's folders."""
    others = (*PACKAGES, "adaloss_sweep", "__main__")
    named = [name for name in modules if name.partition(".")[0] not in others]
    files = ((name, getattr(sys.modules.get(name), "__file__", None)) for name in named)
    return tuple(n for n, file in files if isinstance(file, str) and is_own_path(file, folders))


def digests_of_files(names: Iterable[str], folders: Sequence[Path]) -> dict[str, str]:
    """The digests of the files with these names in the user's folders, as far as they exist."""
    digests = {}
    for name in names:
        file = next((folder / name for folder in folders if (folder / name).is_file()), None)
        if file is not None:
            digests[name] = source_digest(file, file.read_bytes())
    return digests


def code_digests(module: OwnModule) -> dict[str, str]:
    """The digest of each of the user's files that make up the module, by relative path.

    The text of which docopt makes the options of a file has a digest of its own.
    """
    digests = {}
    for file in code_files(module):
        name, content = relative_name(file, module.folders), file.read_bytes()
        digests[name] = source_digest(file, content)
        if (usage := usage_in(content)) is not None:
            digests[f"{name} (usage)"] = hashlib.sha256(usage.encode()).hexdigest()[:DIGITS]
    return dict(sorted(digests.items()))


def usage_in(content: bytes) -> str | None:
    """The documentation of a file that imports docopt; None of another one."""
    if b"docopt" not in content or "docopt" not in imported_modules(content, ""):
        return None
    return ast.get_docstring(ast.parse(content), clean=False)


def code_files(module: OwnModule) -> list[Path]:
    """The user's files that make up the module.

    These are the module's file and the files that it imports from the same folders, directly or
    indirectly. Imports inside functions count, and so do calls of ``import_module`` with a literal
    name. Files that the code opens itself do not count.
    """
    # It is not looked up by its name, which another file could have as well.
    files = {module.file: None}
    seen = {module.name}
    queue = further_modules(module.name, module.file)
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        file = own_file(name, module)
        if file is not None:
            files[file] = None
        queue += further_modules(name, file)
    return list(files)


def further_modules(name: str, file: Path | None) -> list[str]:
    """The package of a module with this name and file, and the modules that the file may import."""
    parent = name.rpartition(".")[0]
    found = [parent] if parent else []
    if file is not None and file.suffix == ".py":
        is_package = file.name == "__init__.py"
        found += imported_modules(file.read_bytes(), name if is_package else parent)
    return found


def own_file(name: str, module: OwnModule) -> Path | None:
    """The file of a module with this name, if it counts as the user's own."""
    top = name.partition(".")[0]
    if module.package is not None and top != module.package:
        return None
    if top not in PACKAGES:
        return file_of(name, module.folders)
    file = file_of(name, module.folders[:1]) if module.is_program else None
    return None if file is None or HERE / top in file.resolve().parents else file


def relative_name(file: Path, folders: Sequence[Path]) -> str:
    """The file's path relative to the folder that it is in."""
    for folder in folders:
        if file.is_relative_to(folder):
            return file.relative_to(folder).as_posix()
    return file.name


def imported_modules(source: bytes, package: str) -> Iterator[str]:
    """The dotted names that a file may import. ``package`` is the package of the file."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package_at(node.level, package) if node.level else []
            whole = ".".join([*start, *([node.module] if node.module else [])])
            yield whole
            yield from (f"{whole}.{alias.name}".lstrip(".") for alias in node.names)
        elif isinstance(node, ast.Call) and called_name(node) in IMPORTING_FUNCTIONS and node.args:
            argument = node.args[0]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                name = argument.value.lstrip(".")
                level = len(argument.value) - len(name)
                if package or not level:
                    yield ".".join([*(package_at(level, package) if level else []), name])


def package_at(level: int, package: str) -> list[str]:
    """The parts of the package that so many dots before a name mean in a file of ``package``."""
    parts = package.split(".") if package else []
    return parts[: len(parts) - level + 1]


def called_name(call: ast.Call) -> str:
    """The last part of the name of the called function."""
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def source_digest(file: Path, content: bytes) -> str:
    """A digest of the code of a file, which comments, layout and docstrings do not change."""
    return digest_of_source(content, is_python=file.suffix == ".py")


# A worker digests the same few files for every trial.
@lru_cache(maxsize=256)
def digest_of_source(content: bytes, *, is_python: bool) -> str:
    """The digest of a file with this content."""
    digest = hashlib.sha256()
    try:
        tree = ast.parse(content) if is_python else None
    except (SyntaxError, ValueError):
        tree = None
    if tree is None:
        digest.update(content)
    else:
        for piece in pieces(tree):
            digest.update(piece.encode())
    return digest.hexdigest()[:DIGITS]


def pieces(node: ast.AST) -> Iterator[str]:
    """The syntax tree as text without docstrings, the same in every version of Python."""
    yield f"({type(node).__name__}"
    for name, value in ast.iter_fields(node):
        # Newer versions of Python have additional fields, which are empty.
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
    """Whether this is a statement that consists only of a string, such as a docstring."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
