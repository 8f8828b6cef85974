"""Note the parameters that the script's own parser of the command line declares."""

from __future__ import annotations

import functools
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    Note = Callable[[str, list[str] | str], None]
    Warn = Callable[[str, Exception], None]

# What a library calls to parse a command line. Each refuses an option that it does not know.
PARSES = {
    "absl.flags._flagvalues": ("FlagValues.__call__",),
    "click.core": ("BaseCommand.main", "Command.main"),
    "docopt": ("docopt",),
    "fire.core": ("Fire",),
    "hydra._internal.utils": ("_run_hydra",),
    "jsonargparse._core": ("ArgumentParser.parse_args",),
    "omegaconf.omegaconf": ("OmegaConf.from_cli",),
    "typer.main": ("Typer.__call__",),
    "tyro._cli": ("cli",),
}


def change(module: ModuleType, note: Note, warn: Warn) -> None:
    """Have the library note what the script parses with it."""
    if module.__name__ == "argparse":
        change_argparse(module, note, warn)
        return
    library = module.__name__.partition(".")[0]
    changed = [note_calls(module, path, library, note) for path in PARSES[module.__name__]]
    if not any(changed):
        # Another version of the library: its import is what can be known.
        note("parser", library)


def change_argparse(argparse: Any, note: Note, warn: Warn) -> None:
    """Note the names of all options, and of those given, after each parse, also one that fails."""
    original = argparse.ArgumentParser.parse_known_args

    @functools.wraps(original)
    def parse_known_args(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return original(self, *args, **kwargs)
        finally:
            try:
                words = args[0] if args else kwargs.get("args")
                note("given", sorted(given_in(sys.argv[1:] if words is None else words)))
                note("argparse", sorted(names_of(self)))
            except Exception as error:
                warn("the options of argparse are not recorded", error)

    argparse.ArgumentParser.parse_known_args = parse_known_args


def given_in(words: list[str]) -> set[str]:
    """The names in the words of a command line: `--name=value`, `--name value`, `name=value`."""
    named = (word for word in words if word[:1] == "-" or "=" in word)
    return {word.lstrip("-").partition("=")[0] for word in named}


def names_of(parser: Any) -> set[str]:
    """The destinations and the options, without dashes, of a parser and its subparsers."""
    names: set[str] = set()
    for action in parser._actions:
        names.update(option.lstrip("-") for option in action.option_strings)
        if isinstance(action.dest, str):
            names.add(action.dest)
        if isinstance(action.choices, dict):
            for inner in action.choices.values():
                names.update(names_of(inner) if hasattr(inner, "_actions") else ())
    return names - {"help", "h", "==SUPPRESS=="}


def note_calls(module: ModuleType, path: str, library: str, note: Note) -> bool:
    """Have the function note the library when it is called. False if there is none."""
    owner: Any = module
    *classes, name = path.split(".")
    for part in classes:
        owner = vars(owner).get(part)
    if owner is None or name not in vars(owner):
        return False
    found = vars(owner)[name]
    original = found.__func__ if isinstance(found, staticmethod) else found

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not is_wandb_itself():
            note("parser", library)
        return original(*args, **kwargs)

    setattr(owner, name, staticmethod(call) if isinstance(found, staticmethod) else call)
    return True


def is_wandb_itself() -> bool:
    """Whether this process is a command of wandb, such as `wandb login`, that the script starts."""
    return "wandb" in sys.argv[0].split(os.sep)[-2:]  # noqa: PTH206
