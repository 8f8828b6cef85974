"""Write files in one piece, so that no reader ever sees half of one."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

PARTIAL = re.compile(r"\..+\.\d+-[0-9a-f]{8}")


def write_utf8(path: Path, text: str) -> None:
    """Write a file in UTF-8, whatever the user's locale is."""
    path.write_text(text, encoding="utf-8")


@contextmanager
def replacing(path: Path, *, durable: bool) -> Iterator[Path]:
    """Write a file in one piece: the block writes a temporary file, which then replaces ``path``.

    With ``durable`` the function returns after the content is on the disk, for records that must
    survive a power cut. If the block raises, the temporary file is removed.
    """
    # mkstemp would make a private file. Results follow the user's umask.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{uuid4().hex[:8]}")
    try:
        yield temporary
        if durable:
            synchronise(temporary)
        temporary.replace(path)
        if durable:
            synchronise(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def is_partial(name: str) -> bool:
    """Whether a file of this name is a temporary one of :func:`replacing`."""
    return PARTIAL.fullmatch(name) is not None


def synchronise(path: Path) -> None:
    """Wait until the content of a file, or the entries of a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
