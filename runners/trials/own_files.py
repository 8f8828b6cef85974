"""The user's own code and data on other machines: what is sent there, and what must be there."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from adaloss.errors import UserError
from adaloss.optimizer_names import is_own_optimizer
from adaloss.own_code.modules import find_own_module
from adaloss.own_code.source_digests import code_files
from adaloss.records.places import Places
from adaloss.records.writing import replacing
from adaloss.tasks.fingerprints import own_of
from adaloss.tasks.images.data.sources.folder_layout import folder_path
from adaloss.tasks.images.dataset_names import IMAGE_FOLDER
from adaloss.tasks.program.digests import program_files
from adaloss.tasks.text.fields import TEXT_FILE
from adaloss.tasks.text.files import text_path
from adaloss.trial import Trial

# Key of a worker's configuration.
OWN = "own"
MOST_BYTES = 64 * 2**20


class OwnFilesError(UserError):
    """The user's own code cannot be sent to other machines."""


def own_code(trials: Iterable[Trial], places: Places) -> dict[str, bytes]:
    """The content of each file of the user's own code, by its path below each of the own folders.

    A file elsewhere, such as one of an installed package, is not among them.

    Raises:
        OwnFilesError: together they are too large to be code.
    """
    files = {path for trial in distinct(trials) for path in code_of(trial, places)}
    own: dict[str, Path] = {}
    for folder in places.own_folders:
        for path in sorted(files):
            for name in names_below(path, [folder]):
                # As where it is looked up: of two files with one name, that of the first folder.
                own.setdefault(name, path)
    if (size := sum(path.stat().st_size for path in own.values())) > MOST_BYTES:
        raise OwnFilesError(
            f"your own code has {len(own)} files with {size / 2**20:.0f} MiB, and at most "
            f"{MOST_BYTES // 2**20} MiB are sent to other machines: mount its folder there"
        )
    return {name: own[name].read_bytes() for name in sorted(own)}


def sent_code(code: Mapping[str, bytes]) -> str:
    """How much code is sent to machines that lack it."""
    size = sum(map(len, code.values())) / 1000
    return f"your own code ({len(code)} file{'s' * (len(code) > 1)}, {size:.1f} kB)"


def distinct(trials: Iterable[Trial]) -> Iterable[Trial]:
    """One trial for each combination of the user's own code and files."""
    return {tuple(own_of(trial).items()): trial for trial in trials}.values()


def code_of(trial: Trial, places: Places) -> Sequence[Path]:
    """The files of the trial's own model, optimizer and program."""
    files: list[Path] = []
    for field, name in own_of(trial).items():
        if field == "program":
            files += program_files(name, places)
        elif field == "model" or (field == "optimizer" and is_own_optimizer(name)):
            found = find_own_module(name.partition(":")[0], places.own_folders)
            files += code_files(found) if found is not None else []
    return files


def own_data(trials: Iterable[Trial], places: Places) -> list[Path]:
    """The user's own data sets and weights, which every machine must have at the same path."""
    paths: list[Path] = []
    for own in map(own_of, distinct(trials)):
        if (name := own.get("dataset")) is not None:
            is_text = name.startswith(TEXT_FILE)
            paths.append(
                text_path(name.removeprefix(TEXT_FILE), places)
                if is_text
                else folder_path(name.removeprefix(IMAGE_FOLDER), places)
            )
        if (weights := places.own_path(own.get("pretrained", ""))) and weights.is_file():
            paths.append(weights)
    return sorted(set(paths))


def names_below(path: Path, folders: Sequence[Path]) -> list[str]:
    """The paths of a file below the folders that it is in: a grid may use each of them."""
    return [path.relative_to(f).as_posix() for f in folders if path.is_relative_to(f)]


def placed(code: Mapping[str, bytes], places: Places, folder: Path) -> Places:
    """The places with the user's own code as this machine has it, or as it was sent.

    It is written to a folder below ``folder`` unless every file is in the user's own folders, with
    the same content.
    """
    if all(same(name, content, places.own_folders) for name, content in code.items()):
        return places
    digest = hashlib.sha256()
    for name, content in code.items():
        digest.update(b"%s\0%d\0%s" % (name.encode(), len(content), content))
    target = folder / f"code-{digest.hexdigest()[:16]}"
    for name, content in code.items():
        if not same(name, content, (target,)):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            with replacing(target / name, durable=False) as temporary:
                temporary.write_bytes(content)
    return replace(places, own=(target,))


def same(name: str, content: bytes, folders: Sequence[Path]) -> bool:
    """Whether the first of the folders that has the file has it with this content."""
    file = next((folder / name for folder in folders if (folder / name).is_file()), None)
    return file is not None and file.read_bytes() == content
