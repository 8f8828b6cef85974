"""Watch a script of the user's own: Python imports this module when it starts.

It imports nothing. After the script imports wandb or a library for command lines, the module beside
this one changes that library. An error here is printed and never stops the script.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

FOLDER = __file__.rpartition(os.sep)[0]
READS = os.environ.get("ADALOSS_READS", "")

# Which file beside this one changes a module after its import.
CHANGED_BY = {
    "wandb": "wandb_calls",
    "argparse": "command_lines",
    "absl.flags._flagvalues": "command_lines",
    "click.core": "command_lines",
    "docopt": "command_lines",
    "fire.core": "command_lines",
    "hydra._internal.utils": "command_lines",
    "jsonargparse._core": "command_lines",
    "omegaconf.omegaconf": "command_lines",
    "typer.main": "command_lines",
    "tyro._cli": "command_lines",
}
noted: set[tuple[str, str]] = set()


def warn(what: str, error: Exception) -> None:
    """Print one line about an error of this package."""
    print(f"adaloss-sweep: {what}: {type(error).__name__}: {error}", file=sys.stderr)


def note(kind: str, value: list[str] | str) -> None:
    """Append to the file of reads what is not in it of a list of names, or of one word."""
    import json

    try:
        if not noted and os.access(READS, os.R_OK):
            # Another process of this trial may have noted the same.
            with open(READS, encoding="utf-8") as lines:  # noqa: PTH123
                for line in lines:
                    for entry in json.loads(line).items():
                        noted.update(marks_of(*entry))
        new = [mark for mark in marks_of(kind, value) if mark not in noted]
        if not new:
            return
        noted.update(new)
        if isinstance(value, list):
            value = [name for _, name in new if name]
        file = os.open(READS, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(file, f"{json.dumps({kind: value})}\n".encode())
        finally:
            os.close(file)
    except Exception as error:
        warn("what the script reads is not recorded", error)


def marks_of(kind: str, value: list[str] | str) -> list[tuple[str, str]]:
    """What is noted once: the word, or each name and that there was a list."""
    if isinstance(value, str):
        return [(f"{kind}=", value)]
    return [(kind, ""), *((kind, name) for name in value)]


class Finder:
    """Finds the modules that are to be changed, where Python finds them."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Called by Python for every import."""
        forget_this_module()
        if name not in CHANGED_BY:
            return None
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = find(name, path, target) if find else None
            if spec is not None:
                try:
                    change_after(spec.loader, name)
                except Exception as error:
                    warn(f"{name} is not watched", error)
                return spec
        return None


def change_after(loader: Any, name: str) -> None:
    """Have the loader change the module after it ran its code."""
    load = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        vars(loader).pop("exec_module", None)
        load(module)
        if module.__name__ == name:
            change(module)

    loader.exec_module = exec_module


def change(module: ModuleType) -> None:
    """Let the file beside this one change the module."""
    try:
        beside(CHANGED_BY[module.__name__]).change(module, note, warn)
    except Exception as error:
        warn(f"{module.__name__} is not watched", error)


def beside(file: str) -> Any:
    """The module in a file of this folder, under a name that no module of the user's has."""
    import importlib.util

    name = f"_adaloss_{file}"
    if name not in sys.modules:
        path = os.path.join(FOLDER, f"{file}.py")  # noqa: PTH118
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[name] = module
    return sys.modules[name]


def forget_this_module() -> None:
    """A module of this name that the script has is found when the script imports it."""
    if sys.modules.get("sitecustomize") is THIS_MODULE:
        del sys.modules["sitecustomize"]


def run_the_next_sitecustomize() -> None:
    """Run the sitecustomize of the user's environment, which this one stands before."""
    del sys.modules["sitecustomize"]
    try:
        __import__("sitecustomize")
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
    sys.modules.setdefault("sitecustomize", THIS_MODULE)


THIS_MODULE = sys.modules[__name__]
if __name__ == "sitecustomize":
    # What the script starts has this folder on its PYTHONPATH as well.
    sys.path[:] = [folder for folder in sys.path if folder != FOLDER]
    if READS:
        sys.meta_path.insert(0, Finder())
        for early in set(CHANGED_BY).intersection(sys.modules):
            change(sys.modules[early])
    run_the_next_sitecustomize()
