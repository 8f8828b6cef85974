"""A class's constructor and methods, read from its source without importing it."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from adaloss.own_code.modules import find_own_module

MOST_STEPS = 20
"""How many imports and base classes are followed."""


@dataclass(frozen=True, kw_only=True)
class Constructor:
    """The names of the arguments after ``self``; ``any_name`` where it also takes others.

    ``uses_others`` says that it does more with those than to unpack them into a dict.
    ``looked_up`` are names of others that count, where not all do. ``numbers``, ``switches`` and
    ``nothings`` are the arguments whose default is a number, a boolean and None.
    """

    arguments: tuple[str, ...]
    any_name: bool
    uses_others: bool = False
    looked_up: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    switches: frozenset[str] = frozenset()
    nothings: frozenset[str] = frozenset()


def constructor_of(module: str, name: str, folders: Sequence[Path]) -> Constructor | None:
    """The constructor of a class, or the arguments of a function; None where that is unknown.

    It is unknown where the source cannot be read or makes the class in another way than by a class
    statement, an import, or a name for another class.
    """
    for found in definitions(module, name, folders):
        if isinstance(found, ast.FunctionDef):
            return of_function(found, skipped=0)
        for statement in found.body:
            if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
                return of_function(statement, skipped=1)
    return None


def methods_of(module: str, name: str, folders: Sequence[Path]) -> frozenset[str]:
    """The names of a class's methods, with those of its bases as far as the source shows them."""
    classes = (d for d in definitions(module, name, folders) if isinstance(d, ast.ClassDef))
    statements = (statement for found in classes for statement in found.body)
    return frozenset(s.name for s in statements if isinstance(s, ast.FunctionDef))


def keys_of(module: str, name: str, folders: Sequence[Path]) -> frozenset[str]:
    """The texts that a class and its bases look up, as ``group["key"]`` or ``group.get("key")``."""
    nodes = chain.from_iterable(map(ast.walk, definitions(module, name, folders)))
    keys = (key for node in nodes for key in looked_up(node) if isinstance(key, ast.Constant))
    return frozenset(key.value for key in keys if isinstance(key.value, str))


def looked_up(node: ast.AST) -> Sequence[ast.expr]:
    """What an expression may look up."""
    match node:
        case ast.Subscript(slice=key):
            return (key,)
        case ast.Call(func=ast.Attribute(attr="get"), args=arguments):
            return arguments
    return ()


def definitions(
    module: str, name: str, folders: Sequence[Path]
) -> Iterator[ast.ClassDef | ast.FunctionDef]:
    """The function of this name; or the class, its first base, the base of that and so on."""
    for _ in range(MOST_STEPS):
        module, found = defined(module, name, folders, MOST_STEPS)
        if found is None:
            return
        yield found
        base = found.bases[0] if isinstance(found, ast.ClassDef) and found.bases else None
        if not isinstance(base, ast.Name):
            return
        name = base.id


def names_in(module: str, folders: Sequence[Path]) -> tuple[str, ...] | None:
    """The public classes and functions that a module defines or imports; None if unknown."""
    return listed(module, folders, MOST_STEPS)


def listed(module: str, folders: Sequence[Path], steps: int) -> tuple[str, ...] | None:
    """:func:`names_in`, with at most so many steps."""
    tree = tree_of(module, folders) if steps else None
    if tree is None:
        return None
    names = [name for name in bindings(tree) if not name.startswith("_")]
    for statement in star_imports(tree):
        names += listed(imported_from(statement, module, folders), folders, steps - 1) or ()
    return tuple(dict.fromkeys(names))


def defined(
    module: str, name: str, folders: Sequence[Path], steps: int
) -> tuple[str, ast.ClassDef | ast.FunctionDef | None]:
    """The module and the statement that define a name; None after so many steps in vain."""
    tree = tree_of(module, folders) if steps else None
    if tree is None:
        return module, None
    found = bindings(tree).get(name)
    if found is None:
        modules = (imported_from(star, module, folders) for star in star_imports(tree))
        others = (defined(other, name, folders, steps - 1) for other in modules)
        return next((other for other in others if other[1] is not None), (module, None))
    if isinstance(found, ast.ImportFrom):
        original = next(a.name for a in found.names if (a.asname or a.name) == name)
        return defined(imported_from(found, module, folders), original, folders, steps - 1)
    if isinstance(found, ast.Assign) and isinstance(found.value, ast.Name):
        return defined(module, found.value.id, folders, steps - 1)
    return module, found if isinstance(found, ast.ClassDef | ast.FunctionDef) else None


def tree_of(module: str, folders: Sequence[Path]) -> ast.Module | None:
    """The syntax tree of a module; None where there is no source that Python can parse."""
    found = find_own_module(module, folders)
    if found is None or found.file.suffix != ".py":
        return None
    try:
        return ast.parse(found.file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None


def bindings(tree: ast.Module) -> dict[str, ast.stmt]:
    """The statements at the top of a module that define a name, by name."""
    return dict(bound(tree.body))


def star_imports(tree: ast.Module) -> list[ast.ImportFrom]:
    """The statements at the top of a module that import everything from another."""
    return [
        statement
        for statement in tree.body
        if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*"
    ]


def bound(statements: Sequence[ast.stmt]) -> Iterator[tuple[str, ast.stmt]]:
    """Each defined name with its statement, also below ``if`` and ``try``."""
    for statement in statements:
        if isinstance(statement, ast.ClassDef | ast.FunctionDef):
            yield statement.name, statement
        elif isinstance(statement, ast.ImportFrom):
            yield from ((alias.asname or alias.name, statement) for alias in statement.names)
        elif isinstance(statement, ast.Assign):
            names = (target.id for target in statement.targets if isinstance(target, ast.Name))
            yield from ((name, statement) for name in names)
        elif isinstance(statement, ast.If | ast.Try):
            yield from bound([*statement.body, *statement.orelse])


def imported_from(statement: ast.ImportFrom, module: str, folders: Sequence[Path]) -> str:
    """The dotted name of the module that the statement imports from."""
    if not statement.level:
        return statement.module or ""
    found = find_own_module(module, folders)
    is_package = found is not None and found.file.name == "__init__.py"
    parts = module.split(".")
    parts = parts[: len(parts) - statement.level + is_package]
    return ".".join([*parts, *([statement.module] if statement.module else [])])


def of_function(function: ast.FunctionDef, *, skipped: int) -> Constructor:
    """The arguments of a function without the first ones."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args][skipped:]
    last = positional[len(positional) - len(arguments.defaults) :]
    given: list[ast.expr | None] = [*arguments.defaults, *arguments.kw_defaults]
    pairs = zip([*last, *arguments.kwonlyargs], given, strict=True)
    constants = {a.arg: d.value for a, d in pairs if isinstance(d, ast.Constant)}
    switches = frozenset(name for name, value in constants.items() if isinstance(value, bool))
    numbers = (name for name, value in constants.items() if isinstance(value, int | float))
    return Constructor(
        arguments=tuple(a.arg for a in (*positional, *arguments.kwonlyargs)),
        any_name=arguments.kwarg is not None,
        uses_others=uses_others(function),
        numbers=frozenset(numbers) - switches,
        switches=switches,
        nothings=frozenset(name for name, value in constants.items() if value is None),
    )


def uses_others(function: ast.FunctionDef) -> bool:
    """Whether a function does more with its ``**`` argument than to unpack it into a dict."""
    nodes, others = list(ast.walk(function)), function.args.kwarg
    dicts = [node for node in nodes if isinstance(node, ast.Dict)]
    pairs = (pair for each in dicts for pair in zip(each.keys, each.values, strict=True))
    unpacked = {id(value) for key, value in pairs if key is None}
    names = {n.id for n in nodes if isinstance(n, ast.Name) and id(n) not in unpacked}
    return others is not None and others.arg in names
