"""Read files of texts with their labels, and download the published ones."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

from filelock import FileLock

from adaloss.errors import DataError
from adaloss.own_code.digests import file_digest
from adaloss.records.places import Places
from adaloss.records.writing import replacing
from adaloss.tasks.data.network import patience_with_the_network
from adaloss.tasks.data.parts import TRAIN
from adaloss.tasks.data.sets import HOW_TO_PROVIDE
from adaloss.tasks.text.fields import TEXT_FILE
from adaloss.tasks.text.published import TEXT_DATASETS, TextDataset

LAYOUT = "each line must be a label, a tab and a text, in UTF-8"
# 15 and 20 % of fewer are no text to validate or to test.
FEWEST_OF_A_CLASS = 4


@dataclass(frozen=True, kw_only=True)
class Texts:
    """All texts of a data set, with the class and the part of each.

    ``classes`` are the labels in order; ``digest`` is that of the user's own file.
    """

    texts: tuple[str, ...]
    labels: tuple[int, ...]
    parts: tuple[int, ...]
    classes: tuple[str, ...]
    digest: str | None = None


def text_path(declared: str, places: Places) -> Path:
    """The file that ``textfile:PATH`` means.

    Raises:
        DataError: there is no such file; the message lists the paths that were tried.
    """
    try:
        candidates = places.own_data_paths(declared)
        if found := next((path for path in candidates if path.is_file()), None):
            return found
    # The home folder of an unknown user, or a name that is too long.
    except (OSError, RuntimeError) as error:
        raise DataError(f"dataset {TEXT_FILE}{declared}: {error}") from error
    looked = ", ".join(map(str, candidates))
    raise DataError(f"dataset {TEXT_FILE}{declared}: there is no file {looked}")


def texts_of(name: str, root: Path) -> Texts:
    """Read the texts of a data set: a published one below the root, or ``textfile:`` and a path.

    Raises:
        DataError: a file is missing, damaged or not written as it must be.
    """
    if name in TEXT_DATASETS:
        return published_texts(name, root)
    path = Path(name.removeprefix(TEXT_FILE))
    try:
        digest = file_digest(path)
        pairs = own_lines(path)
        changed = file_digest(path) != digest
    except OSError as error:
        raise DataError(f"dataset {name}: it cannot be read ({error.strerror})") from error
    if changed:
        raise DataError(f"dataset {name}: the file changed while it was read: run again")
    return texts_from(pairs, [TRAIN] * len(pairs), digest)


def own_lines(path: Path) -> list[tuple[str, str]]:
    """The labels and texts of the user's own file; empty lines and repeated texts are skipped.

    Raises:
        DataError: a line is not a label, a tab and a text, which the message names, or there are
            too few texts of a class.
        OSError: the file cannot be read.
    """
    pairs = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            label, tab, text = line.decode("utf-8-sig").partition("\t")
        except UnicodeDecodeError as error:
            raise DataError(f"{path}, line {number}: it is not UTF-8 ({error.reason})") from error
        if not tab or not label.strip() or not text.strip():
            raise DataError(f"{path}, line {number}: it has no label, tab and text")
        pairs.append((label.strip(), text))
    pairs = without_repetitions(pairs)
    counts = Counter(label for label, _ in pairs)
    if len(counts) < 2:
        raise DataError(f"{path}: two labels are the fewest, and it has {len(counts)}")
    rarest, count = min(counts.items(), key=itemgetter(1))
    if count < FEWEST_OF_A_CLASS:
        raise DataError(
            f"{path}: the label {rarest!r} is on too few texts ({count}): {FEWEST_OF_A_CLASS} "
            "are needed for training, validation and test; is it a heading, or misspelt?"
        )
    return pairs


def without_repetitions(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each label and text once: the same text in training and test would test nothing."""
    first = {(label, " ".join(text.lower().split())): (label, text) for label, text in pairs[::-1]}
    return list(first.values())[::-1]


def published_texts(name: str, root: Path) -> Texts:
    """Read a published data set and verify its checksums; nothing is downloaded.

    Raises:
        DataError: a file is missing or damaged.
    """
    about = TEXT_DATASETS[name]
    if missing := about.missing(root):
        raise DataError(
            f"dataset {name}: {', '.join(map(str, missing))} not found; `adaloss-sweep run` "
            f"downloads it, or {HOW_TO_PROVIDE}"
        )
    pairs: list[tuple[str, str]] = []
    parts: list[int] = []
    for path, part, checksum in zip(about.paths(root), about.parts, about.checksums, strict=True):
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(f"dataset {name}: {path} cannot be read ({error.strerror})") from error
        if hashlib.md5(content, usedforsecurity=False).hexdigest() != checksum:
            raise DataError(
                f"dataset {name}: {path} is damaged (it differs from the published one): delete "
                "it and run again to download it, or put a good copy there"
            )
        lines = [as_text(line).partition(about.separator) for line in content.split(b"\n") if line]
        found = [(label, text) for label, _, text in lines]
        # Sets with parts of their own stay as they were published.
        found = found if len(about.parts) > 1 else without_repetitions(found)
        pairs += found
        parts += [part] * len(found)
    return texts_from(pairs, parts)


def as_text(line: bytes) -> str:
    """The line, which is UTF-8 or else Latin-1."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def texts_from(pairs: list[tuple[str, str]], parts: list[int], digest: str | None = None) -> Texts:
    """The texts with numbers for their labels."""
    classes = tuple(sorted({label for label, _ in pairs}))
    numbers = {label: number for number, label in enumerate(classes)}
    return Texts(
        texts=tuple(text for _, text in pairs),
        labels=tuple(numbers[label] for label, _ in pairs),
        parts=tuple(parts),
        classes=classes,
        digest=digest,
    )


def fetch(name: str, root: Path) -> None:
    """Download a published data set unless it exists; two sweeps that start together do it once.

    Raises:
        DataError: it cannot be downloaded; the message says which files to put where.
    """
    about = TEXT_DATASETS[name]
    if not about.missing(root):
        return
    folder = root / about.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{name}.lock"), patience_with_the_network():
            download(about, root)
    # What downloads passes on exceptions of the network and the disk.
    except (OSError, RuntimeError, ValueError) as error:
        wanted = ", ".join(f"{about.folder}/{file}" for file in about.files)
        raise DataError(
            f"dataset {name}: it is not in {root} and cannot be downloaded from {about.server} "
            f"({type(error).__name__}: {error}). Put {wanted} into {root}; or {HOW_TO_PROVIDE}"
        ) from error


def download(about: TextDataset, root: Path) -> None:
    """Download the missing files and check them."""
    # Importing torchvision takes a second.
    from torchvision.datasets.utils import download_url

    missing = about.missing(root)
    for path, checksum in zip(about.paths(root), about.checksums, strict=True):
        if path in missing:
            with replacing(path, durable=False) as temporary:
                url = f"{about.server}{path.name}"
                download_url(url, path.parent, temporary.name, md5=checksum)
