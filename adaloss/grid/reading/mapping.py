"""Read a grid that is a dict, as in a notebook: it becomes the text of a grid file."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from inspect import isclass, isroutine
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from adaloss.grid.mistakes.problems import GridError, KeyPath, Problem, dotted
from adaloss.grid.reading.file import GridFile, read_grid_text

SOURCE = Path("grid")
"""The name of a dict in messages, in place of a file's."""
BLOCKS = ("parameters", "wandb", "execution")
IN_A_FILE = "write it to a file beside the notebook (with %%writefile my_code.py, for example)"


def read_mapping(grid: Mapping[str, Any]) -> GridFile:
    """Read the structure of a grid.

    Raises:
        GridError: a value is none that a grid file may have.
    """
    problems: list[Problem] = []
    data = plain(grid, (), problems)
    if not problems:
        problems = [
            Problem(None, dotted(path), no_worker_has(value))
            for path, value in texts(data, ())
            if value.startswith("__main__:")
        ]
    if problems:
        raise GridError(SOURCE, problems)
    try:
        file = read_grid_text(SOURCE, "".join(written(data)))
    except GridError as error:
        # The lines are those of a text that the user has not seen.
        raise GridError(SOURCE, [replace(p, line=None) for p in error.problems]) from None
    return replace(file, lines={}, problems=tuple(replace(p, line=None) for p in file.problems))


def plain(value: Any, path: KeyPath, problems: list[Problem]) -> Any:
    """The value as dicts, lists and scalars; NumPy's arrays and numbers become Python's."""
    if isinstance(value, str):
        # str() of a member of an enum is the member's name.
        return str.__str__(value)
    if value is None or isinstance(value, bool | int | float):
        # A subclass, as NumPy's float64, may be written in another way.
        kinds = (bool, int, float)
        return value if value is None else next(k for k in kinds if isinstance(value, k))(value)
    if isinstance(value, Mapping):
        named = ((name_of(key, path, problems), inner) for key, inner in value.items())
        return {name: plain(inner, (*path, name), problems) for name, inner in named}
    if isinstance(value, PathLike):
        return fspath(value)
    if hasattr(value, "tolist"):
        return plain(value.tolist(), path, problems)
    if isclass(value) or isroutine(value):
        problems.append(Problem(None, dotted(path), named_instead(value)))
        return None
    if isinstance(value, Iterable):
        return [plain(item, (*path, number), problems) for number, item in enumerate(value)]
    message = f"a grid has numbers, texts, lists and dicts, found {type(value).__name__}"
    problems.append(Problem(None, dotted(path), message))
    return None


def name_of(key: Any, path: KeyPath, problems: list[Problem]) -> str:
    """A key as text, as a grid file has it."""
    name = plain(key, path, problems)
    return name if isinstance(name, str) else flow(name)


def named_instead(value: Any) -> str:
    """What to write for a class or function."""
    name = f"{value.__module__}:{value.__qualname__}"
    if value.__module__ == "__main__":
        return no_worker_has(name)
    return f'write the name as text: "{name}"'


def no_worker_has(name: str) -> str:
    """Why a name of this notebook or script cannot be used, and what to do."""
    own = name.partition(":")[2]
    return (
        f"{own} is defined in this notebook or script, which the workers cannot import: "
        f'{IN_A_FILE}, and name it as "my_code.py:{own}"'
    )


def texts(data: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Every text in the data with its path."""
    if isinstance(data, str):
        yield path, data
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from texts(value, (*path, key))
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from texts(value, (*path, number))


def written(data: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a grid file with this content: a line per key and per parameter."""
    for key, value in data.items():
        if key in BLOCKS and isinstance(value, dict) and value:
            yield f"{key}:\n"
            yield from (f"  {in_yaml(name)}: {flow(inner)}\n" for name, inner in value.items())
        else:
            yield f"{in_yaml(key)}: {flow(value)}\n"
    if not data:
        yield "{}\n"


def in_yaml(key: str) -> str:
    """A key, in quotes only if it needs them."""
    return key if key.isascii() and key.replace(".", "_").isidentifier() else flow(key)


def flow(value: Any) -> str:
    """The value on one line: JSON, with YAML's names for what is not finite."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{flow(key)}: {flow(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(flow, value))}]"
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    return json.dumps(value, ensure_ascii=False)
