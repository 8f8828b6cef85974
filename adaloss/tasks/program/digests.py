"""The digests of a user's program."""

import shutil
from pathlib import Path

from adaloss.errors import DataError
from adaloss.own_code.fingerprints import code_digest
from adaloss.own_code.modules import OwnModule, find_own_module
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
    if function is None and places.own_path(program) is None and shutil.which(program):
        # A command of the machine is no code of the user's.
        return {}
    path = program_path(program if function is None else function[0], places)
    if path.suffix != ".py":
        return {path.name: source_digest(path, path.read_bytes())}
    return code_digests(script_module(path, places))


def program_files(program: str, places: Places) -> list[Path]:
    """The user's files that make up the program, as in :func:`program_digest`."""
    function = function_in(program)
    if function is not None and not function[0].endswith(".py"):
        found = find_own_module(function[0], places.own_folders)
        return [] if found is None else code_files(found)
    if function is None and places.own_path(program) is None:
        return []
    path = program_path(program if function is None else function[0], places)
    return code_files(script_module(path, places)) if path.suffix == ".py" else [path]


def script_module(path: Path, places: Places) -> OwnModule:
    """A script as a module: Python puts its folder first on its path."""
    folders = tuple(dict.fromkeys((path.parent, *places.own_folders)))
    return OwnModule(name=path.stem, file=path, folders=folders, package=None)


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
