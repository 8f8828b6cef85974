"""The digests of a user's program."""

import shutil
from collections.abc import Mapping
from pathlib import Path, PurePath

from adaloss.errors import DataError
from adaloss.own_code.fingerprints import code_digest
from adaloss.own_code.modules import PACKAGES, OwnModule, file_of, find_own_module
from adaloss.own_code.source_digests import code_digests, code_files, source_digest
from adaloss.records.places import Places
from adaloss.tasks.program.fields import function_in


def program_digest(program: str, places: Places) -> dict[str, str]:
    """The digest of each of the user's files that make up the program, by relative path.

    Raises:
        UserError, OSError: there is no such file or module, or it cannot be read.
    """
    function = function_in(program)
    if function is not None and not function[0].endswith(".py"):
        return code_digest(program, places)
    if function is None and not is_own_file(program, places):
        if shutil.which(program):
            # A command of the machine is no code of the user's.
            return {}
        if (module := started_by_name(program, places)) is not None:
            return code_digests(module)
    path = program_path(program if function is None else function[0], places)
    if path.suffix != ".py":
        return {path.name: source_digest(path, path.read_bytes())}
    return code_digests(file_module(path, places, is_program=function is None))


def program_files(program: str, places: Places) -> list[Path]:
    """The user's files that make up the program, as in :func:`program_digest`."""
    function = function_in(program)
    if function is not None and not function[0].endswith(".py"):
        found = find_own_module(function[0], places.own_folders)
        return [] if found is None else code_files(found)
    if function is None and not is_own_file(program, places):
        module = None if shutil.which(program) else started_by_name(program, places)
        return [] if module is None else code_files(module)
    path = program_path(program if function is None else function[0], places)
    if path.suffix != ".py":
        return [path]
    return code_files(file_module(path, places, is_program=function is None))


def is_recorded(program: str, recorded: Mapping[str, str], now: Mapping[str, str]) -> bool:
    """Whether recorded digests are of this script, whose current ones are ``now``.

    Older records have none, or those of another file, of a script that no import would find:
    ``train.v2.py``, ``analysis.py``, or ``train.py`` beside a folder ``train``. They also lack what
    a script imports by a name of :data:`PACKAGES`.
    """
    if function_in(program) is not None:
        return True
    own = PurePath(program).name
    names = (own, *PACKAGES, *(f"{name}.py" for name in PACKAGES))
    lacking = [name for name in now if PurePath(name).parts[0] in names and name not in recorded]
    # What it has of the script may show a change all the same.
    differs = any(recorded[name] != now[name] for name in recorded.keys() & now.keys())
    return not lacking or (own in recorded and differs)


def is_own_file(program: str, places: Places) -> bool:
    """Whether a program is a file of the user's."""
    path = places.own_path(program)
    return path is not None and path.is_file()


def started_by_name(program: str, places: Places) -> OwnModule | None:
    """The module in the user's folders that a command such as ``python -m`` starts."""
    for name in (f"{program}.__main__", program):
        if (file := file_of(name, places.own_folders)) is not None:
            folders = places.own_folders
            return OwnModule(name=name, file=file, folders=folders, package=None, is_program=True)
    return None


def file_module(path: Path, places: Places, *, is_program: bool) -> OwnModule:
    """A file as a module: Python puts its folder first on its path."""
    folders = tuple(dict.fromkeys((path.parent, *places.own_folders)))
    return OwnModule(name="", file=path, folders=folders, package=None, is_program=is_program)


def program_path(file: str, places: Places) -> Path:
    """The file of a program.

    Raises:
        DataError: there is no such file.
    """
    path = places.own_path(file)
    if path is None or not path.is_file():
        searched = ", ".join(map(str, places.own_paths(file)))
        raise DataError(f"there is no program {file} (looked for {searched})")
    return path
