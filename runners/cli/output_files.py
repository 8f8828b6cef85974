"""What the ending of an output file asks for; checked before anything is computed."""

from collections.abc import Mapping
from pathlib import Path

from adaloss.errors import UserError

Endings = Mapping[str, tuple[str, ...]]
"""The endings that files of each format may have."""


def form_of(output: Path | None, given: str | None, endings: Endings) -> str | None:
    """The format that ``--format`` or the file's ending asks for; None where neither does.

    Raises:
        UserError: there is no such format or ending, or they contradict each other.
    """
    if given is not None and given not in endings:
        raise UserError(f"--format {given}: must be one of {', '.join(endings)}")
    if output is None:
        return given
    if output.is_dir():
        raise UserError(f"-o {output} is a folder: name a file in it")
    name = output.name.lower()
    known = dict.fromkeys(ending for some in endings.values() for ending in some)
    # .siunitx.tex rather than .tex.
    ending = max(filter(name.endswith, known), key=len, default=None)
    fitting = [form for form, some in endings.items() if ending in some]
    if not fitting and output.suffix:
        raise UserError(
            f"-o {output}: no file ending in {output.suffix} can be written; the known endings are "
            f"{', '.join(known)}"
        )
    if given is not None and fitting and given not in fitting:
        wanted = " or ".join(endings[given])
        raise UserError(f"-o {output} does not go with --format {given}, which is {wanted}")
    return given or next(iter(fitting), None)


def check_folder(folder: Path, what: str) -> None:
    """Refuse the name of a file for a folder that is to be made.

    Raises:
        UserError: it has an ending, or is a file.
    """
    if folder.is_file() or (folder.suffix and not folder.is_dir()):
        raise UserError(f"-o {folder}: {what}; a new folder's name has no ending")
