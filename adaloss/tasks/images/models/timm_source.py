"""Licences in the source of timm: its configurations, read without running them."""

import ast
from collections.abc import Iterable, Mapping
from functools import cache

# Stands for a licence that the source computes in a way that this module does not read.
COMPUTED = "computed"

Functions = Mapping[str, ast.FunctionDef]
# The licence under its key, or empty if the configuration states none.
Stated = dict[str, str | None]


@cache
def licences_in(source: str) -> Mapping[str, Mapping[str, str | None]]:
    """Licences by architecture and tag ('' without one) in one source file of timm."""
    tree = ast.parse(source)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    licences: dict[str, dict[str, str | None]] = {}
    for node in tree.body:
        if not isinstance(node, ast.Assign) or "default_cfgs" not in map(name_of, node.targets):
            continue
        entries = dictionary_in(node.value)
        for key, value in zip(entries.keys, entries.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                architecture, _, tag = key.value.partition(".")
                stated = stated_by(value, functions, {})
                licences.setdefault(architecture, {})[tag.strip("*")] = stated.get("license")
    return licences


def name_of(node: ast.expr | None) -> str | None:
    """The identifier that an expression consists of, None for other expressions."""
    return node.id if isinstance(node, ast.Name) else None


def dictionary_in(node: ast.expr) -> ast.Dict:
    """The assigned dictionary, also inside a call; otherwise an empty one."""
    if isinstance(node, ast.Call) and node.args:
        node = node.args[0]
    return node if isinstance(node, ast.Dict) else ast.Dict(keys=[], values=[])


def stated_by(node: ast.expr | None, functions: Functions, passed: Stated) -> Stated:
    """The licence in an expression for a dictionary, in a function whose kwargs are ``passed``.

    The expression may use dictionaries, ``dict(…)``, the file's own functions, and ``**kwargs``.
    """
    if name_of(node) == "kwargs":
        return passed
    if isinstance(node, ast.Dict):
        keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
        return merged(zip(keys, node.values, strict=True), functions, passed)
    if not isinstance(node, ast.Call):
        return {"license": COMPUTED}
    named = [(keyword.arg, keyword.value) for keyword in node.keywords]
    called = name_of(node.func)
    if called == "dict":
        return merged([*((None, part) for part in node.args), *named], functions, passed)
    function = functions.get(called or "")
    if function is None or not isinstance(function.body[-1], ast.Return):
        return {"license": COMPUTED}
    return stated_by(function.body[-1].value, functions, merged(named, functions, passed))


def merged(
    entries: Iterable[tuple[object, ast.expr]], functions: Functions, passed: Stated
) -> Stated:
    """The licence after all entries of a dictionary; an entry without a key is a dictionary."""
    stated: Stated = {}
    for key, value in entries:
        if key is None:
            stated |= stated_by(value, functions, passed)
        elif key == "license":
            literal = value.value if isinstance(value, ast.Constant) else COMPUTED
            stated = {"license": literal if isinstance(literal, str) else None}
    return stated
