"""Read a record's file safely: its path may be a link, a pipe, a folder or a huge file."""

import errno
import os
import stat
from pathlib import Path

from adaloss.errors import UserError
from adaloss.records.printable import printable, shortened

COUNTED_AS_MISSING = (
    "counted as missing; `adaloss-sweep run` sets it aside and runs the trial again"
)
LONGEST_REASON = 300
FOLDER = "a folder, not a file"
TAIL_BYTES = 64 * 1024

# Do not follow a link out of the storage, and do not wait for a pipe.
FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# Temporary errors of the system. The file may be sound, so they are raised unchanged.
TEMPORARY_ERRORS = (
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM),
    *(errno.ESTALE, errno.ETIMEDOUT, errno.EINTR),
)


class CorruptRecordError(UserError):
    """A record on disk cannot be read. The message is one line that names the file.

    ``why`` is what is wrong with the file, ``consequence`` what this means for the trial.
    """

    def __init__(self, path: Path, why: str, consequence: str = COUNTED_AS_MISSING) -> None:
        self.path = path
        self.why = printable(shortened(why, LONGEST_REASON))
        super().__init__(f"{printable(str(path))} cannot be read ({self.why}): {consequence}")


def read_record(path: Path, most_bytes: int) -> bytes:
    """The content of a record's file.

    Raises:
        FileNotFoundError: there is no such file.
        CorruptRecordError: it is not an ordinary file, cannot be opened, or has more than
            ``most_bytes``.
        OSError: the system has a temporary problem, such as too many open files.
    """
    try:
        file = open_without_links(path)
        try:
            status = os.fstat(file)
            why = why_not_a_record(status, most_bytes)
            content = b"" if why else read_all(file, status.st_size, most_bytes + 1)
        finally:
            os.close(file)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in TEMPORARY_ERRORS:
            raise
        raise CorruptRecordError(path, why_not_opened(error)) from error
    if why is None and len(content) > most_bytes:
        why = too_large(most_bytes)
    if why is not None:
        raise CorruptRecordError(path, why)
    return content


def read_all(file: int, expected: int, most: int) -> bytes:
    """Up to ``most`` bytes of an open file whose size should be ``expected``."""
    # The buffers of open() would take a tenth of a second for ten thousand records.
    content = b""
    while len(content) < most and (part := os.read(file, min(most - len(content), expected + 1))):
        content += part
    return content


def open_without_links(path: Path) -> int:
    """Open the file and return its descriptor. A symbolic link to it or its folder is an error."""
    parent, name = os.path.split(path)
    folder = os.open(parent, FLAGS | os.O_DIRECTORY)
    try:
        return os.open(name, FLAGS, dir_fd=folder)
    finally:
        os.close(folder)


def why_not_a_record(status: os.stat_result, most_bytes: int) -> str | None:
    """Why this cannot be a record's file, or None."""
    if kind := kind_of_non_file(status):
        return kind
    return too_large(most_bytes) if status.st_size > most_bytes else None


def kind_of_non_file(status: os.stat_result) -> str | None:
    """What this is if it is not an ordinary file, else None."""
    if stat.S_ISREG(status.st_mode):
        return None
    if stat.S_ISLNK(status.st_mode):
        return "a symbolic link"
    return FOLDER if stat.S_ISDIR(status.st_mode) else "not an ordinary file"


def too_large(most_bytes: int) -> str:
    """Why a file that is too large is not a record."""
    return f"larger than {most_bytes // 1024**2} MiB"


def why_not_opened(error: OSError) -> str:
    """Why a file could not be opened."""
    if error.errno == errno.ELOOP:
        return "a symbolic link"
    if error.errno == errno.ENOTDIR:
        return "the path of its folder is not a folder"
    if error.errno == errno.EISDIR:
        return FOLDER
    return error.strerror or type(error).__name__


def last_lines(path: Path, most_lines: int, most_characters: int) -> tuple[str, ...]:
    """The last lines of a log, each cut to ``most_characters``. Empty if there is no log."""
    try:
        with path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - TAIL_BYTES))
            text = log.read().decode(errors="replace")
    except OSError:
        return ()
    return tuple(line[:most_characters] for line in text.splitlines()[-most_lines:])
