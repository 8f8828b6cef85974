"""The format of an output file by its suffix, checked before anything is computed."""

from collections.abc import Mapping
from pathlib import Path

from adaloss.errors import UserError

Endings = Mapping[str, tuple[str, ...]]
"""The suffixes that files of each format may have."""


def form_of(output: Path | None, requested: str | None, endings: Endings) -> str | None:
    """The format set by ``--format`` or the file's suffix; None if neither sets one.

    Raises:
        UserError: there is no such format or suffix, or they contradict each other.
    """
    if requested is not None and requested not in endings:
        raise UserError(f"--format {requested}: must be one of {', '.join(endings)}")
    if output is None:
        return requested
    if output.is_dir():
        raise UserError(f"-o {output} is a folder: name a file in it")
    name = output.name.lower()
    known = dict.fromkeys(ending for some in endings.values() for ending in some)
    # .siunitx.tex rather than .tex.
    ending = max(filter(name.endswith, known), key=len, default=None)
    fitting = [form for form, some in endings.items() if ending in some]
    if not fitting and output.suffix:
        raise UserError(
            f"-o {output}: files with the suffix {output.suffix} cannot be written; the suffixes "
            f"are {', '.join(known)}"
        )
    if requested is not None and fitting and requested not in fitting:
        suffixes = " or ".join(endings[requested])
        raise UserError(f"-o {output} contradicts --format {requested}, whose suffix is {suffixes}")
    return requested or next(iter(fitting), None)


def or_json(form: str | None, *, as_json: bool) -> str | None:
    """The format of ``--format``, for which ``--json`` is another name of one.

    Raises:
        UserError: they contradict each other.
    """
    if as_json and form not in (None, "json"):
        raise UserError(f"--json contradicts --format {form}")
    return "json" if as_json else form


def check_folder(folder: Path, what: str) -> None:
    """Refuse the name of a file for a new folder.

    Raises:
        UserError: it has a suffix, or is a file.
    """
    if folder.is_file() or (folder.suffix and not folder.is_dir()):
        raise UserError(f"-o {folder}: {what}; the name of a new folder has no suffix")
