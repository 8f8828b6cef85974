"""timm's optimizers by timm's own names, read from its source: importing timm takes seconds."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache

from adaloss.own_code.signatures import tree_of

FACTORY = "timm.optim._optim_factory"


@cache
def timm_optimizers() -> Mapping[str, tuple[str, str]]:
    """The module and the class of each name; a test compares them with timm itself.

    Empty without timm, or with a timm that registers its optimizers in another way.
    """
    tree = tree_of(FACTORY, ())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)] if tree else []
    classes = dict(registered(calls))
    return classes | {alias: classes[name] for alias, name in aliases(calls) if name in classes}


def registered(calls: list[ast.Call]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Each name in an ``OptimInfo(name, class, …)``, and the class's module and name."""
    for call in calls:
        if ast.unparse(call.func) != "OptimInfo":
            continue
        given = dict(zip(("name", "opt_class"), call.args, strict=False))
        given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
        name, found = given.get("name"), given.get("opt_class")
        if isinstance(name, ast.Constant) and found is not None:
            text = found.value if isinstance(found, ast.Constant) else ast.unparse(found)
            module, _, class_name = str(text).rpartition(".")
            yield str(name.value), (module or FACTORY, class_name)


def aliases(calls: list[ast.Call]) -> Iterator[tuple[str, str]]:
    """Each pair of names in a ``register_alias(alias, name)``."""
    for call in calls:
        constants = [a.value for a in call.args if isinstance(a, ast.Constant)]
        if ast.unparse(call.func).endswith(".register_alias") and len(constants) == 2:
            yield str(constants[0]), str(constants[1])
