"""Digests of the contents of files, computed once and remembered while the files stay the same.

A file is taken for the same while its size, its inode and the times of its last change, of content
and of status, are. Copying another file over it, with the old time put back, changes the latter.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from adaloss.records.places import digests_folder
from adaloss.records.store import replacing, write_utf8

DIGITS = 16
Stamp = list[int]
Remembered = dict[str, tuple[Stamp, str]]


def file_digest(path: Path) -> str:
    """The digest of one file's content.

    Raises:
        OSError: it cannot be read.
    """
    return content_digests(path.parent, [path])[0]


def files_digest(folder: Path, files: Sequence[Path]) -> str:
    """One digest of these files below the folder: of their names, sizes and contents.

    Raises:
        OSError: one of them cannot be read.
    """
    digest = hashlib.sha256()
    for path, content in zip(files, content_digests(folder, files), strict=True):
        name = os.fsencode(path.relative_to(folder).as_posix())
        digest.update(b"%s\0%d\0%s\n" % (name, path.stat().st_size, content.encode()))
    return digest.hexdigest()[:DIGITS]


def content_digests(folder: Path, files: Sequence[Path]) -> list[str]:
    """The digest of each file's content; those that changed since they were last read are read."""
    memory = digests_folder() / f"{hashlib.sha256(os.fsencode(folder)).hexdigest()[:DIGITS]}.json"
    before = remembered(memory)
    stamps = [stamp_of(path) for path in files]
    found: list[str | None] = []
    for path, stamp in zip(files, stamps, strict=True):
        known_stamp, digest = before.get(str(path), ([], None))
        found.append(digest if known_stamp == stamp else None)
    unread = [path for path, digest in zip(files, found, strict=True) if digest is None]
    # Hashing and reading let go of the interpreter's lock.
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        computed = dict(zip(unread, threads.map(sha256_of, unread), strict=True))
    digests = [digest or computed[path] for path, digest in zip(files, found, strict=True)]
    if unread:
        entries = zip(files, stamps, digests, strict=True)
        new: Remembered = {str(path): (stamp, digest) for path, stamp, digest in entries}
        remember(memory, before | new)
    return digests


def stamp_of(path: Path) -> Stamp:
    """What tells whether a file is still the same."""
    about = path.stat()
    return [about.st_size, about.st_ino, about.st_mtime_ns, about.st_ctime_ns]


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def remembered(memory: Path) -> Remembered:
    """What is known of a folder's files; nothing where that cannot be read."""
    try:
        content: Any = json.loads(memory.read_bytes())
        return {path: (stamp, digest) for path, (stamp, digest) in content.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def remember(memory: Path, known: Remembered) -> None:
    """Keep what is known; where the cache cannot be written, it is computed again the next time."""
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        with replacing(memory, durable=False) as temporary:
            write_utf8(temporary, json.dumps(known))
    except OSError:
        return
