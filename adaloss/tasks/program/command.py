"""The arguments of the process that runs the user's script, from the ``command`` of a W&B sweep.

Scripts get what ``wandb agent`` gives them. Three things surprise users there:

- Booleans are written ``--flag=True`` and ``--flag=False``, and ``type=bool`` of argparse reads
  both as true. ``${args_no_boolean_flags}`` writes ``--flag`` for true and nothing for false.
- Hydra's ``+key``: a name that begins with ``+`` in the grid keeps its own sign in
  ``${args_append_hydra}`` and ``${args_override_hydra}``. Both write a group of nested parameters
  as dotted names, because Hydra cannot read the mapping that ``wandb agent`` writes.
- A command without an interpreter starts the program itself. The interpreter is added if that is
  a Python file that the system cannot start.

``wandb agent`` replaces only ``${envvar:NAME}`` inside a longer word. Here every macro is replaced
there. In a script for a shell, as the last word of ``[bash, -c, 'cd x && python ${program}']``,
macros are quoted and need no quotes around them; ``${envvar:NAME}`` is not, as with the agent.
Other ``${…}`` in a longer word are left to the shell. A command of one word with white space is run
by ``/bin/sh``. An unknown macro is a mistake; the agent drops it.
"""

import json
import os
import platform
import re
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from adaloss.errors import UserError
from adaloss.grid.mistakes.problems import closest, suggestion
from adaloss.grid.mistakes.wording import described

DEFAULT_COMMAND = ("${env}", "${interpreter}", "${program}", "${args}")
MACRO = re.compile(r"\$\{([^{}]*)\}")
VARIABLE = "envvar:"
VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SHELLS = ("sh", "bash", "zsh", "dash", "ksh")
SHELL_OPTION = re.compile(r"-[a-z]*c")
ARGS_FILE = "args_json_file"

Parameters = Mapping[str, Any]


def command_line(
    command: Sequence[object] | None,
    program: str,
    interpreter: str,
    parameters: Parameters,
    args_file: Path,
    home: Path,
) -> list[str]:
    """The arguments of the process in the folder ``home``.

    The caller writes ``args_file`` if ``needs_args_file``.

    Raises:
        UserError: the command has one of the ``mistakes_in_command``.
    """
    for _, mistake in mistakes_in_command(command):
        raise UserError(f"command: {mistake}")
    single = {
        "env": [] if platform.system() == "Windows" else ["/usr/bin/env"],
        "interpreter": [interpreter],
        "program": [program],
        "args_json": [args_json(parameters)],
        ARGS_FILE: [str(args_file)],
    }
    plain = {name: plain_value(value) for name, value in parameters.items()}
    several = {name: arguments(plain) for name, arguments in ARGUMENTS.items()}
    words = words_of(command)
    line: list[str] = []
    for index, word in enumerate(words):
        macro = MACRO.fullmatch(word)
        if macro is None or macro[1].startswith(VARIABLE):
            line.append(replaced(word, single, several, quote=is_for_shell(words, index)))
            continue
        if (
            macro[1] == "program"
            and line in ([], single["env"])
            and needs_interpreter(program, home)
        ):
            line.append(interpreter)
        line += single.get(macro[1]) or several.get(macro[1], [])
    return ["/bin/sh", "-c", *line] if is_script(words) else line


def needs_args_file(command: Sequence[object] | None) -> bool:
    """Whether the command names the file with the parameters, whose content is ``args_json``."""
    return any(ARGS_FILE in MACRO.findall(word) for word in words_of(command))


def args_json(parameters: Parameters) -> str:
    """All parameters as one JSON object."""
    return json.dumps({name: plain_value(value) for name, value in parameters.items()})


def mistakes_in_command(command: Sequence[object] | None) -> Iterator[tuple[int, str]]:
    """The index of each word with a mistake, and the mistake."""
    for index, word in enumerate(command or ()):
        if not isinstance(word, str | int | float):
            found = described(tuple(word) if isinstance(word, list) else word)
            yield index, f"each word of a command must be text, found {found}"
            continue
        text = str(word)
        for macro in MACRO.finditer(text):
            if mistake := mistake_in_macro(macro[1], alone=macro[0] == text):
                yield index, mistake


def mistake_in_macro(name: str, *, alone: bool) -> str | None:
    """The mistake in ``${name}``, or None. In a longer word it may be a variable of the shell."""
    if name.startswith(VARIABLE):
        variable = name.removeprefix(VARIABLE)
        if not VARIABLE_NAME.fullmatch(variable):
            return f"${{{name}}} needs the name of an environment variable, as in ${{envvar:HOME}}"
        if variable not in os.environ:
            return f"${{{name}}}: the environment variable {variable} is not set"
        return None
    if name in MACROS:
        return None
    if alone and name in os.environ:
        return f"unknown macro ${{{name}}}; write ${{envvar:{name}}} for the environment variable"
    if alone or (name.islower() and closest(name, MACROS)):
        return f"unknown macro ${{{name}}}{suggestion(name, (*MACROS, 'envvar:NAME'))}"
    return None


def words_of(command: Sequence[object] | None) -> list[str]:
    """The words of the command as text. W&B takes an empty command for the default as well."""
    return [str(word) for word in command or DEFAULT_COMMAND]


def is_script(words: Sequence[str]) -> bool:
    """Whether the command is one word for a shell."""
    return len(words) == 1 and len(words[0].split()) > 1


def is_for_shell(words: Sequence[str], index: int) -> bool:
    """Whether a shell splits this word again: it is the script in ``bash -c script``."""
    if is_script(words):
        return True
    after_option = index > 0 and SHELL_OPTION.fullmatch(words[index - 1]) is not None
    return after_option and any(Path(word).name in SHELLS for word in words[: index - 1])


def needs_interpreter(program: str, home: Path) -> bool:
    """Whether the program is a Python file that the system does not find or may not execute."""
    # Without a folder the system looks in those of PATH, not in the working folder.
    searched = program if Path(program).name == program else str(home / program)
    return program.endswith(".py") and shutil.which(searched) is None


def replaced(
    word: str, single: Mapping[str, list[str]], several: Mapping[str, list[str]], *, quote: bool
) -> str:
    """The word with its macros replaced. Several arguments are always quoted, as in a shell."""

    def text_of(macro: re.Match[str]) -> str:
        if macro[1].startswith(VARIABLE):
            return os.environ[macro[1].removeprefix(VARIABLE)]
        if macro[1] in several:
            return shlex.join(several[macro[1]])
        texts = single.get(macro[1])
        if texts is None:
            return macro[0]
        return shlex.join(texts) if quote else "".join(texts)

    return MACRO.sub(text_of, word)


def plain_value(value: Any) -> Any:
    """The value with lists and dicts for all sequences and mappings in it."""
    if isinstance(value, Mapping):
        return {str(key): plain_value(item) for key, item in value.items()}
    return [plain_value(item) for item in value] if isinstance(value, tuple | list) else value


def options(parameters: Parameters) -> list[str]:
    """``--name=value`` of each parameter."""
    return [f"--{name}={value}" for name, value in parameters.items()]


def options_in_two(parameters: Parameters) -> list[str]:
    """``--name`` and ``value`` of each parameter."""
    return [text for name, value in parameters.items() for text in (f"--{name}", str(value))]


def assignments(parameters: Parameters) -> list[str]:
    """``name=value`` of each parameter."""
    return [f"{name}={value}" for name, value in parameters.items()]


def options_and_flags(parameters: Parameters) -> list[str]:
    """``--name=value``, but ``--name`` for true and nothing for false."""
    return [
        f"--{name}" if value is True else f"--{name}={value}"
        for name, value in parameters.items()
        if value is not False
    ]


def hydra_overrides(sign: str, parameters: Parameters) -> list[str]:
    """``+name=value`` of each parameter and of each member of a group."""
    return [
        f"{'' if name.startswith('+') else sign}{name}={value}"
        for name, value in ungrouped(parameters)
    ]


def ungrouped(parameters: Parameters, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The names and values with those of groups dotted: ``optimizer.lr``."""
    for name, value in parameters.items():
        if isinstance(value, dict) and value:
            yield from ungrouped(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


ARGUMENTS: Mapping[str, Callable[[Parameters], list[str]]] = {
    "args": options,
    "args_no_equals": options_in_two,
    "args_no_hyphens": assignments,
    "args_no_boolean_flags": options_and_flags,
    "args_append_hydra": partial(hydra_overrides, "+"),
    "args_override_hydra": partial(hydra_overrides, "++"),
}
MACROS = ("env", "interpreter", "program", *ARGUMENTS, "args_json", ARGS_FILE)
