"""Whether a folder can be written as the records are: tried out, and nothing is left behind."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from adaloss.records.store import RESULT_FILE, replacing
from runners.preflight.finding import Finding, fine, refused

# A file system reserves room in blocks: of one byte it might say later that there is none.
TRIED_BYTES = b"tried out before a sweep\n" * 160
WHY = {
    errno.EROFS: "the file system is mounted read-only",
    errno.EACCES: "this user may not write there",
    errno.EPERM: "this user may not do that there",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the user's quota is used up",
    errno.ENAMETOOLONG: "a name is longer than the file system takes",
    errno.EINVAL: "the file system refuses that, or a character in the path",
    errno.ENOTDIR: "a part of the path is a file",
    errno.ENOSYS: "the file system cannot do that",
    errno.ENOTSUP: "the file system cannot do that",
}


def exists(path: Path) -> bool:
    """Whether there is something at the path that this user can see."""
    try:
        path.stat()
    except (OSError, ValueError):
        return False
    return True


def nearest(path: Path) -> Path:
    """The path itself, or the closest of its parents that is there."""
    whole = path.expanduser().absolute()
    return next((part for part in (whole, *whole.parents) if exists(part)), Path(whole.anchor))


def writing(about: str, folder: Path, beneath: tuple[str, ...] = ()) -> Finding:
    """Whether records can be written below the folder, which need not be there yet."""
    trouble = writing_trouble(folder, beneath)
    if trouble is None:
        made = "" if exists(folder) else ", which is made when it is needed"
        return fine(about, f"files can be written, synchronised and renamed in {folder}{made}")
    return refused(about, f"{folder} cannot be used: {trouble}", "name another folder or mend it")


def writing_trouble(folder: Path, beneath: tuple[str, ...] = ()) -> str | None:
    """Why a file cannot be written below the folder as a record is; None where it can.

    ``beneath`` are the names of the folders that the records would lie in. What of the path is
    missing is made in a folder of its own for a moment, so that no other run is disturbed.
    """
    there = nearest(folder)
    missing = folder.expanduser().absolute().relative_to(there).parts
    step = "making a folder"
    try:
        with passing_folder(there) as place:
            place = place.joinpath(*missing, *beneath)
            place.mkdir(parents=True, exist_ok=True)
            step = "writing, synchronising and renaming a file"
            write_twice(place / RESULT_FILE)
            step = "deleting"
    except OSError as error:
        return f"{step} failed ({reason(error)}) in {there}"
    return None


@contextmanager
def passing_folder(there: Path) -> Iterator[Path]:
    """A new folder, deleted with all that is in it."""
    place = there / f".try-{os.getpid()}-{uuid4().hex[:8]}"
    place.mkdir()
    try:
        yield place
    except BaseException:
        # What went wrong first is what counts.
        shutil.rmtree(place, ignore_errors=True)
        raise
    shutil.rmtree(place)


def write_twice(path: Path) -> None:
    """Write a file as a result is written, and again in its place, and read it."""
    for content in (b"", TRIED_BYTES):
        with replacing(path, durable=True) as temporary:
            temporary.write_bytes(content)
    if path.read_bytes() != TRIED_BYTES:
        raise OSError(errno.EIO, "a file that was renamed does not have its content")


def reason(error: OSError) -> str:
    """Why the operating system refuses, in words."""
    return WHY.get(error.errno or 0, error.strerror or str(error))
