"""Read an archive of results: whole and undamaged, or not at all."""

import gzip
import hashlib
import os
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from adaloss.errors import UserError
from adaloss.records.printable import printable
from adaloss.records.store import Store
from runners.interrupt import sigterm_as_interrupt
from runners.tidy.archive import (
    MANIFEST,
    PAYLOAD,
    TAG_MANIFEST,
    Digesting,
    Digests,
    parsed_manifest,
)
from runners.tidy.overview import LEFT_BEHIND

MOST_NAMED = 5
AT_ONCE = 2**20
# Manifests; larger ones are not read into memory.
MOST_TAG_BYTES = 2**28
DAMAGES = (
    *(tarfile.TarError, zlib.error, gzip.BadGzipFile, EOFError),
    *(ValueError, ArithmeticError, FileExistsError, NotADirectoryError),
)

Put = Callable[[str, IO[bytes] | Digesting, int], None]
"""Takes a file of the results: its path below their folder, its content and its time (ns)."""


class ArchiveError(UserError):
    """An archive cannot be used; the message says what is wrong with which part."""


@dataclass
class Contents:
    """What was read of an archive so far. ``at`` is what is being read."""

    name: str = ""
    digests: Digests = field(default_factory=dict)
    tags: dict[str, bytes] = field(default_factory=dict)
    at: str = "its beginning"


def check_archive(path: Path) -> str:
    """Read an archive to its end, and return the SHA-256 of the file.

    Raises:
        ArchiveError: it is damaged.
    """

    def skip(name: str, content: IO[bytes] | Digesting, mtime_ns: int) -> None:
        while content.read(AT_ONCE):
            pass

    read_archive(path, skip, lambda name: None)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def import_archive(path: Path, storage: Path) -> Path:
    """Unpack an archive below the storage, and return the folder, which appears whole.

    Raises:
        ArchiveError: it is damaged or no archive of results, or there are results of its name.
    """
    with sigterm_as_interrupt():
        staging = storage / f"{LEFT_BEHIND}import-{uuid4().hex[:8]}"

        def is_free(name: str) -> None:
            if os.path.lexists(storage / name):
                raise ArchiveError(
                    f"{storage / name} already exists and is not overwritten: import to another "
                    "folder with --storage and `merge` the two, or `rename` or `rm` that one first"
                )

        def put(name: str, content: IO[bytes] | Digesting, mtime_ns: int) -> None:
            target = staging / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                shutil.copyfileobj(content, file, AT_ONCE)
            os.utime(target, ns=(mtime_ns, mtime_ns))

        try:
            name = read_archive(path, put, is_free)
            store = Store(staging)
            if not store.grid_path.is_file() and not store.trials_folder.is_dir():
                raise ArchiveError(f"{path}: {name} has neither grid.yaml nor trials/: no results")
            is_free(name)
            staging.rename(storage / name)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        return storage / name


def read_archive(path: Path, put: Put, begin: Callable[[str], None]) -> str:
    """Read an archive to its end and compare it with its manifests; return the sweep's name.

    ``begin`` is called with the name before the first file is put.

    Raises:
        ArchiveError: it is damaged or no archive of results; the message names the part.
    """
    if not path.is_file():
        raise ArchiveError(f"{path}: there is no such file: name one that `archive` wrote")
    found = Contents()
    with (
        damage_named(path, found),
        gzip.open(path) as whole,
        tarfile.open(fileobj=whole, mode="r|") as tar,
    ):
        for entry in tar:
            name, inner = parts_of(entry)
            if not found.name:
                begin(name)
                found.name = name
            if name != found.name:
                raise ValueError(f"it has {name} beside {found.name}")
            found.at = inner
            read_entry(tar, entry, inner, found, put)
        # Before gzip's own checksum, which names no file.
        last, found.at = found.at, ""
        compare(found, last)
        found.at = "its end"
        while whole.read(AT_ONCE):
            pass
    return found.name


def read_entry(
    tar: tarfile.TarFile, entry: tarfile.TarInfo, inner: str, found: Contents, put: Put
) -> None:
    """Read one file of the archive."""
    content = tar.extractfile(entry)
    if content is None or inner in found.digests or inner in found.tags:
        raise ValueError("it is there twice or no file")
    payload = inner.removeprefix(f"{PAYLOAD}/")
    if payload == inner:
        if entry.size > MOST_TAG_BYTES:
            raise ValueError("it is too large")
        found.tags[inner] = content.read()
        return
    reading = Digesting(content)
    put(payload, reading, int(Decimal(entry.pax_headers.get("mtime", entry.mtime)) * 10**9))
    found.digests[inner] = reading.digest.hexdigest()


def parts_of(entry: tarfile.TarInfo) -> tuple[str, str]:
    """The sweep's name, and the path of a file of the bag below it.

    Raises:
        ValueError: it is no file, or could lie outside the folder.
    """
    name, _, inner = entry.name.partition("/")
    parts = entry.name.split("/")
    is_outside = any(part in ("", ".", "..") or "\0" in part for part in parts)
    if not entry.isreg() or is_outside or not inner or name.startswith("."):
        raise ValueError(f"{printable(entry.name)} is no file in a folder of results")
    return name, inner


def compare(found: Contents, last: str) -> None:
    """Compare the files with the manifests, which follow the ``last`` of them.

    Raises:
        ValueError: a file is missing, too many or another; the message names it.
    """
    for needed in (MANIFEST, TAG_MANIFEST):
        if needed not in found.tags:
            raise ValueError(f"{needed} is missing; what can be read ends after {printable(last)}")
    tags = {name: hashlib.sha256(text).hexdigest() for name, text in found.tags.items()}
    del tags[TAG_MANIFEST]
    for there, name in ((tags, TAG_MANIFEST), (found.digests, MANIFEST)):
        expected = parsed_manifest(found.tags[name])
        wrong = [each for each in {**expected, **there} if expected.get(each) != there.get(each)]
        if wrong:
            words = {True: "is missing", False: "is not what was packed"}
            said = [f"{printable(each)} {words[each not in there]}" for each in wrong[:MOST_NAMED]]
            more = f", and {len(wrong) - MOST_NAMED} more" if len(wrong) > MOST_NAMED else ""
            raise ValueError("; ".join(said) + more)


@contextmanager
def damage_named(path: Path, found: Contents) -> Iterator[Any]:
    """Turn every error of reading into one that names the archive and the damaged part.

    Raises:
        ArchiveError: there was one.
    """
    try:
        yield
    except DAMAGES as error:
        why = " ".join(str(error).split()) or type(error).__name__
        where = f", at {printable(found.at)}" if found.at else ""
        raise ArchiveError(f"{path} is damaged or no archive of results{where}: {why}") from None
