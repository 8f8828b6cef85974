"""Digests of the contents of files, cached until a file changes.

A file counts as unchanged while its size, its inode, and the times of the last change of its
content and of its status are the same. If another file is copied over it and the time of the
content is restored, the time of the status still changes.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from adaloss.records.places import digests_folder
from adaloss.records.writing import replacing, write_utf8

DIGITS = 16
Stamp = list[int]
CachedDigests = dict[str, tuple[Stamp, str]]


def file_digest(path: Path) -> str:
    """The digest of one file's content.

    Raises:
        OSError: the file cannot be read.
    """
    return content_digests(path.parent, [path])[0]


def files_digest(folder: Path, files: Sequence[Path]) -> str:
    """One digest of the names, sizes and contents of these files below the folder.

    Raises:
        OSError: a file cannot be read.
    """
    digest = hashlib.sha256()
    for path, content in zip(files, content_digests(folder, files), strict=True):
        name = os.fsencode(path.relative_to(folder).as_posix())
        digest.update(b"%s\0%d\0%s\n" % (name, path.stat().st_size, content.encode()))
    return digest.hexdigest()[:DIGITS]


def content_digests(folder: Path, files: Sequence[Path]) -> list[str]:
    """The digest of each file's content. Only files that changed since the last call are read."""
    cache = digests_folder() / f"{hashlib.sha256(os.fsencode(folder)).hexdigest()[:DIGITS]}.json"
    cached = read_cache(cache)
    stamps = [stamp_of(path) for path in files]
    unchanged: list[str | None] = []
    for path, stamp in zip(files, stamps, strict=True):
        cached_stamp, digest = cached.get(str(path), ([], None))
        unchanged.append(digest if cached_stamp == stamp else None)
    unread = [path for path, digest in zip(files, unchanged, strict=True) if digest is None]
    # Hashing and reading release the interpreter's lock.
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        computed = dict(zip(unread, threads.map(sha256_of, unread), strict=True))
    digests = [digest or computed[path] for path, digest in zip(files, unchanged, strict=True)]
    if unread:
        entries = zip(files, stamps, digests, strict=True)
        new: CachedDigests = {str(path): (stamp, digest) for path, stamp, digest in entries}
        write_cache(cache, cached | new)
    return digests


def stamp_of(path: Path) -> Stamp:
    """The values that change when a file changes."""
    status = path.stat()
    return [status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns]


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_cache(cache: Path) -> CachedDigests:
    """The cached digests of a folder's files. Empty if the cache cannot be read."""
    try:
        content: Any = json.loads(cache.read_bytes())
        return {path: (stamp, digest) for path, (stamp, digest) in content.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def write_cache(cache: Path, digests: CachedDigests) -> None:
    """Write the digests to the cache. If that fails, the next call computes them again."""
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        with replacing(cache, durable=False) as temporary:
            write_utf8(temporary, json.dumps(digests))
    except OSError:
        return
