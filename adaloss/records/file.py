"""A record's file as it lies on the disk, where anything at all may lie in its place."""

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
A_FOLDER = "a folder, not a file"

# A link is not followed out of the storage, and a pipe is not waited for.
FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# Of these the file is not to blame, and it may be read the next time.
PASSING = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE, errno.ETIMEDOUT, errno.EINTR)


class CorruptRecordError(UserError):
    """A record on disk cannot be read; the message is one line that names the file.

    ``why`` says what is wrong with it, and ``consequence`` what follows for the trial.
    """

    def __init__(self, path: Path, why: str, consequence: str = COUNTED_AS_MISSING) -> None:
        self.path = path
        self.why = printable(shortened(why, LONGEST_REASON))
        super().__init__(f"{printable(str(path))} cannot be read ({self.why}): {consequence}")


def read_record(path: Path, most_bytes: int) -> bytes:
    """The content of a record's file.

    Raises:
        FileNotFoundError: there is none.
        CorruptRecordError: it is no ordinary file, may not be read, or is larger than a record.
    """
    try:
        file = opened(path)
        try:
            status = os.fstat(file)
            why = oddity(status, most_bytes)
            content = b"" if why else read_all(file, status.st_size, most_bytes + 1)
        finally:
            os.close(file)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in PASSING:
            raise
        raise CorruptRecordError(path, reason(error)) from error
    if why is None and len(content) > most_bytes:
        why = too_large(most_bytes)
    if why is not None:
        raise CorruptRecordError(path, why)
    return content


def read_all(file: int, expected: int, most: int) -> bytes:
    """The bytes of an open file of about the ``expected`` size, ``most`` of them at most."""
    # Not open(): of ten thousand records its buffers make a tenth of a second.
    content = b""
    while len(content) < most and (part := os.read(file, min(most - len(content), expected + 1))):
        content += part
    return content


def opened(path: Path) -> int:
    """A descriptor of the file; neither it nor its folder may be a symbolic link."""
    parent, name = os.path.split(path)
    folder = os.open(parent, FLAGS | os.O_DIRECTORY)
    try:
        return os.open(name, FLAGS, dir_fd=folder)
    finally:
        os.close(folder)


def oddity(status: os.stat_result, most_bytes: int) -> str | None:
    """Why this cannot be a record's file, None where it can."""
    kind = kind_of(status)
    if kind is not None:
        return kind
    return too_large(most_bytes) if status.st_size > most_bytes else None


def kind_of(status: os.stat_result) -> str | None:
    """What there is instead of an ordinary file, None where there is one."""
    if stat.S_ISREG(status.st_mode):
        return None
    if stat.S_ISLNK(status.st_mode):
        return "a symbolic link"
    return A_FOLDER if stat.S_ISDIR(status.st_mode) else "not an ordinary file"


def too_large(most_bytes: int) -> str:
    """What to say of a file that is larger than a record can be."""
    return f"larger than {most_bytes // 1024**2} MiB"


def reason(error: OSError) -> str:
    """Why a file could not be opened."""
    if error.errno == errno.ELOOP:
        return "a symbolic link"
    if error.errno == errno.ENOTDIR:
        return "its folder is not one"
    if error.errno == errno.EISDIR:
        return A_FOLDER
    return error.strerror or type(error).__name__


TAIL_BYTES = 64 * 1024


def last_lines(path: Path, most_lines: int, most_characters: int) -> tuple[str, ...]:
    """The last lines of a log, long ones cut; none where there is no log."""
    try:
        with path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - TAIL_BYTES))
            text = log.read().decode(errors="replace")
    except OSError:
        return ()
    return tuple(line[:most_characters] for line in text.splitlines()[-most_lines:])
