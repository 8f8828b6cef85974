"""Whether records can be written to a folder: tried with a temporary file."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from adaloss.records.store import RESULT_FILE
from adaloss.records.writing import replacing
from runners.preflight.finding import Finding, fine, refused

# More than a byte: file systems reserve space in blocks, and may report a full disk only later.
TRIED_BYTES = b"tried out before a sweep\n" * 160
WHY = {
    errno.EROFS: "the file system is mounted read-only",
    errno.EACCES: "this user may not write there",
    errno.EPERM: "this user has no permission for it",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the user's quota is used up",
    errno.ENAMETOOLONG: "a name is too long for the file system",
    errno.EINVAL: "the file system does not support it, or refuses a character of the path",
    errno.ENOTDIR: "a part of the path is a file",
    errno.ENOSYS: "the file system does not support it",
    errno.ENOTSUP: "the file system does not support it",
}


def exists(path: Path) -> bool:
    """Whether the path exists and is visible to this user."""
    try:
        path.stat()
    except (OSError, ValueError):
        return False
    return True


def nearest(path: Path) -> Path:
    """The path itself, or its closest parent that exists."""
    whole = path.expanduser().absolute()
    return next((part for part in (whole, *whole.parents) if exists(part)), Path(whole.anchor))


def writing(about: str, folder: Path, beneath: tuple[str, ...] = ()) -> Finding:
    """Whether records can be written below the folder, which need not exist yet."""
    trouble = writing_trouble(folder, beneath)
    if trouble is None:
        made = "" if exists(folder) else ", which is created when it is needed"
        return fine(about, f"files can be written, synchronised and renamed in {folder}{made}")
    return refused(about, f"{folder} cannot be used: {trouble}", "fix it, or name another folder")


def writing_trouble(folder: Path, beneath: tuple[str, ...] = ()) -> str | None:
    """Why a record cannot be written below the folder; None if it can.

    ``beneath`` are the names of the folders of the records. Missing parts of the path are created
    in a temporary folder, so that no other run is disturbed.
    """
    existing = nearest(folder)
    missing = folder.expanduser().absolute().relative_to(existing).parts
    step = "creating a folder"
    try:
        with temporary_folder(existing) as place:
            place = place.joinpath(*missing, *beneath)
            place.mkdir(parents=True, exist_ok=True)
            step = "writing, synchronising and renaming a file"
            write_twice(place / RESULT_FILE)
            step = "deleting"
    except OSError as error:
        return f"{step} failed ({reason(error)}) in {existing}"
    return None


@contextmanager
def temporary_folder(existing: Path) -> Iterator[Path]:
    """A new folder, deleted with its content at the end."""
    place = existing / f".try-{os.getpid()}-{uuid4().hex[:8]}"
    place.mkdir()
    try:
        yield place
    except BaseException:
        # Report the first error, not one of the cleanup.
        shutil.rmtree(place, ignore_errors=True)
        raise
    shutil.rmtree(place)


def write_twice(path: Path) -> None:
    """Write a file in the way of a result, replace it, and read it."""
    for content in (b"", TRIED_BYTES):
        with replacing(path, durable=True) as temporary:
            temporary.write_bytes(content)
    if path.read_bytes() != TRIED_BYTES:
        raise OSError(errno.EIO, "a renamed file lost its content")


def reason(error: OSError) -> str:
    """The operating system's error in words."""
    return WHY.get(error.errno or 0, error.strerror or str(error))
